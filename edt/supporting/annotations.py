"""Required skills in a file: a header, then a line of JSON a sample, in the order in which they were bought.

Knows the file and how samples take their skills from it; asks no teacher.
Lines are only ever appended, so that a killed process has lost none that it
had written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, overload

from edt.errors import EdtError
from edt.store.keys import canonical, digest
from edt.types import Sample, from_json, to_json

COMMAND = "python -m edt.supporting.annotate"


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotation:
    """The skills that one sample needs, as a teacher named them, or as a neighbour lends them."""

    sample_id: str
    content: str
    """Hash of what the sample says, so that skills are not taken for another text."""
    skills: tuple[str, ...]
    replies: tuple[str, ...] = ()
    """What the teacher wrote, a reply a prompt; none where the skills are lent."""
    failed: int = 0
    """Replies that could not be read."""
    lent_by: str | None = None
    """The sample of the same source task that the skills were named for."""


class AnnotationFile:
    """A file that grows. `header` says what its lines depend on; another one is refused."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self._path, self._places = path, dict[str, int]()
        self.known: Mapping[str, Annotation] = _Kept(path, self._places)
        if path.exists() and path.stat().st_size:
            _drop_torn_line(path)
            if self._read(canonical(header)):
                return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._append([canonical(header)])

    def _read(self, header: str) -> bool:
        """Note where each sample's line begins; False where the file has no line."""
        with self._path.open("rb") as stream:
            first = stream.readline().decode("utf-8", "replace").removesuffix("\n")
            if first and first != header:
                raise EdtError(
                    f"{self._path} was begun with another teacher, prompt or per_task; name another file with output=, "
                    "or remove this one"
                )
            place = stream.tell()
            for number, line in enumerate(stream, 2):
                self._places[_annotation(self._path, number, line).sample_id] = place
                place += len(line)
        return bool(first)

    def add(self, annotations: Iterable[Annotation]) -> None:
        """Append; on disk when this returns."""
        added = list(annotations)
        if not added:
            return
        places = self._append([canonical(to_json(annotation)) for annotation in added])
        self._places |= {annotation.sample_id: place for annotation, place in zip(added, places, strict=True)}

    def _append(self, lines: Sequence[str]) -> list[int]:
        """Where each of the lines begins."""
        written = [f"{line}\n".encode() for line in lines]
        with self._path.open("ab") as stream:
            places = list(accumulate(map(len, written), initial=stream.tell()))[:-1]
            stream.write(b"".join(written))
            stream.flush()
            os.fsync(stream.fileno())
        return places


class _Kept(Mapping[str, Annotation]):
    """Annotations by sample, read from their file when they are looked at: memory only has where each begins."""

    def __init__(self, path: Path, places: Mapping[str, int]) -> None:
        self._path, self._places = path, places

    def __getitem__(self, sample_id: str) -> Annotation:
        place = self._places[sample_id]
        with self._path.open("rb") as stream:
            stream.seek(place)
            return from_json(Annotation, json.loads(stream.readline()))

    def __contains__(self, sample_id: object) -> bool:
        return sample_id in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def content_of(sample: Sample) -> str:
    """A hash of what a teacher may be shown of a sample."""
    return digest([sample.question, sample.answer, list(sample.rationale)])[:16]


def annotated(samples: Sequence[Sample], path: Path) -> list[Sample]:
    """The samples with the required skills of the file; EdtError where it lacks one, or was made for other texts."""
    known = _by_sample(path, _whole_lines(path)[1:])
    missing = [sample.id for sample in samples if sample.id not in known]
    if missing:
        raise EdtError(
            f"{path} has no skills for {len(missing)} of {len(samples)} samples, such as {missing[0]!r}; "
            f"the command that began it goes on: {COMMAND} … output={path}"
        )
    if other := [sample.id for sample in samples if known[sample.id].content != content_of(sample)]:
        raise EdtError(
            f"{path} was made for other texts: sample {other[0]!r} has changed since; annotate again ({COMMAND} …)"
        )
    return [replace(sample, required_skills=known[sample.id].skills) for sample in samples]


class Annotated(Sequence[Sample]):
    """The same, each sample looked at when it is asked for: for datasets that are not held in memory."""

    def __init__(self, samples: Sequence[Sample], path: Path) -> None:
        self._samples, self._path = samples, path

    def __len__(self) -> int:
        return len(self._samples)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...

    def __getitem__(self, index: int | slice) -> Sample | Sequence[Sample]:
        if isinstance(index, slice):
            part = Annotated(self._samples[index], self._path)
            part.__dict__["_known"] = self._known
            return part
        return self._with_skills(self._samples[index])

    def __iter__(self) -> Iterator[Sample]:
        return map(self._with_skills, self._samples)

    def _with_skills(self, sample: Sample) -> Sample:
        annotation = self._known.get(sample.id)
        if annotation is None:
            raise EdtError(
                f"{self._path} has no skills for sample {sample.id!r}; "
                f"the command that began it goes on: {COMMAND} … output={self._path}"
            )
        if annotation.content != content_of(sample):
            raise EdtError(
                f"{self._path} was made for other texts: sample {sample.id!r} has changed since; "
                f"annotate again ({COMMAND} …)"
            )
        return replace(sample, required_skills=annotation.skills)

    @cached_property
    def _known(self) -> dict[str, Annotation]:
        return _by_sample(self._path, _whole_lines(self._path)[1:])


def names_any(path: Path) -> bool:
    """Whether any line of the file names a skill; read no further than to the first that does."""
    _check_there(path)
    with path.open(encoding="utf-8", errors="replace") as lines:
        next(lines, None)
        whole = ((number, line) for number, line in enumerate(lines, 2) if line.endswith("\n"))
        return any(_annotation(path, number, line).skills for number, line in whole)


def file_digest(path: Path) -> str:
    """What a fingerprint says of an annotation file."""
    return hashlib.sha256(_bytes(path)).hexdigest()


def _whole_lines(path: Path) -> list[str]:
    return _bytes(path).decode("utf-8", "replace").split("\n")[:-1]


def _bytes(path: Path) -> bytes:
    _check_there(path)
    return path.read_bytes()


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise EdtError(f"there is no file {path} to take required skills from; make one with {COMMAND}")


def _drop_torn_line(path: Path) -> None:
    """Cut off what a killed process left of a line."""
    with path.open("r+b") as stream:
        whole = sum(len(line) for line in stream if line.endswith(b"\n"))
        stream.truncate(whole)


def _by_sample(path: Path, lines: Sequence[str]) -> dict[str, Annotation]:
    found: dict[str, Annotation] = {}
    for number, line in enumerate(lines, 2):
        annotation = _annotation(path, number, line)
        found[annotation.sample_id] = annotation
    return found


def _annotation(path: Path, number: int, line: str | bytes) -> Annotation:
    try:
        return from_json(Annotation, json.loads(line))
    except (ValueError, TypeError) as error:
        raise EdtError(f"{path}, line {number}, is no annotation: {error}; remove that line") from error
