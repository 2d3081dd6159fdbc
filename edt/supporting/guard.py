"""The leakage guard: which samples of a supporting dataset would show a target task's own questions.

Dropped are, in this order: samples of the source tasks that the target was made
from, of a picture that either of its splits has (the same bytes; then the same
to the eye, by perceptual hash), and with a text near one of theirs. Everything
dropped is told with its reason. Knows rows and samples; no file format.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.errors import EdtError
from edt.images.hashes import ImageHashes
from edt.images.inside import ImageFault, ImageFolder
from edt.paths import cache_root, replacing, write_whole
from edt.protocols import Task
from edt.store.keys import digest
from edt.supporting.rows import ArrowSamples
from edt.supporting.texts import NearTexts
from edt.types import Sample

if TYPE_CHECKING:
    import numpy as np

VERSION = 1
"""Raised when the same data would come to other rows."""
LOOKS = ("none", "content", "perceptual")
KEPT, SOURCE, IMAGE, NEAR_IMAGE, TEXT = range(5)
REASONS = ("kept", "of the target's own source task", "same image", "near-identical image", "near-identical text")
log = logging.getLogger("edt")


@dataclass(frozen=True, kw_only=True)
class Guard:
    """How closely is looked.

    images: `content` compares bytes, `perceptual` also what is to be seen, for which every picture is decoded once.
    distance: the most bits of 64 that hashes of near-identical pictures differ in.
    text: the least similarity of near-identical texts, question and answer together; None does not look.
    """

    images: str = "perceptual"
    distance: int = 4
    text: float | None = 0.9

    def __post_init__(self) -> None:
        if self.images not in LOOKS:
            raise EdtError(f"supporting.guard_images must be one of {', '.join(LOOKS)}, not {self.images!r}")
        if not 0 <= self.distance <= 16:
            raise EdtError(f"supporting.guard_distance must be 0 to 16 bits, not {self.distance}")
        if self.text is not None and not 0.5 <= self.text <= 1:
            raise EdtError(f"supporting.guard_text must be 0.5 to 1, or null not to look, not {self.text}")

    def print(self, target: Task) -> dict[str, Any]:
        """What its verdict depends on beside the dataset."""
        return {**asdict(self), "target": material_of(target), "version": VERSION}


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """The rows that are left, and how many were dropped for what."""

    rows: np.ndarray
    dropped: Mapping[str, int]
    report: Path
    """JSON lines: the id of each dropped sample, and why."""

    def sentence(self, name: str, target: str) -> str:
        counts = ", ".join(f"{number:,} {why}" for why, number in self.dropped.items() if number) or "none"
        return f"{name}, guarded from {target}: {len(self.rows):,} samples kept; dropped: {counts}"


def material_of(target: Task) -> str:
    """A hash of what a target's splits show: their pictures' names, questions and answers."""
    splits = [[[s.id, s.image, s.question, s.answer] for s in split] for split in (target.validation, target.test)]
    return digest([list(target.source_tasks), splits])


def guarded(
    samples: ArrowSamples, root: Path, target: Task, guard: Guard, *, exclude: Sequence[str], key: str
) -> Guarded:
    """What is left of a dataset, `key` standing for it; looked up where it was asked before."""
    import numpy as np

    roots = [os.path.realpath(root), os.path.realpath(target.root)]
    folder = cache_root() / "guard" / digest([key, guard.print(target), sorted(exclude), roots])
    verdicts, report = folder / "verdicts.npy", folder / "dropped.jsonl"
    if not verdicts.is_file():
        made = _verdicts(samples, root, target, guard, {*exclude, *target.source_tasks})
        _tell(samples, made, report)
        with replacing(verdicts) as beside, beside.open("wb") as stream:
            np.save(stream, made, allow_pickle=False)
    found = np.load(verdicts, allow_pickle=False)
    counts = np.bincount(found, minlength=len(REASONS))
    dropped = {REASONS[reason]: int(counts[reason]) for reason in (SOURCE, IMAGE, NEAR_IMAGE, TEXT)}
    return Guarded(rows=np.flatnonzero(found == KEPT), dropped=dropped, report=report)


def _verdicts(samples: ArrowSamples, root: Path, target: Task, guard: Guard, sources: set[str]) -> np.ndarray:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    own = [*target.validation, *target.test]
    verdicts = np.zeros(len(samples), dtype=np.uint8)
    named = pc.is_in(samples.column("task"), pa.array(sorted(sources), pa.string()))  # pyright: ignore
    verdicts[named.to_numpy()] = SOURCE
    if guard.images != "none":
        images = samples.column("image").combine_chunks().dictionary_encode()
        places, names = images.indices.to_numpy(), images.dictionary.to_pylist()
        for reason, marked in _same_images(names, root, own, target.root, guard):
            verdicts[(verdicts == KEPT) & marked[places]] = reason
    if guard.text is not None:
        near = NearTexts((_text(sample) for sample in own), threshold=guard.text)
        for row, sample in enumerate(samples):
            if verdicts[row] == KEPT and near.near(_text(sample)):
                verdicts[row] = TEXT
    return verdicts


def _same_images(
    names: Sequence[str], root: Path, own: Sequence[Sample], own_root: Path, guard: Guard
) -> list[tuple[int, np.ndarray]]:
    """By reason, which of `names` show what the target shows. Raises EdtError where a target's picture is not there."""
    import numpy as np

    hashes = ImageHashes()
    targets = _paths(sorted({sample.image for sample in own}), own_root)
    if gone := sorted({sample.image for sample in own} - set(targets)):
        raise EdtError(
            f"the target's picture {gone[0]!r} is not to be had under {own_root}; the guard cannot compare it"
        )
    paths = _paths(names, root)
    sizes = {os.stat(path).st_size for path in targets.values()}
    alike = {name: path for name, path in paths.items() if os.stat(path).st_size in sizes}
    contents = set(hashes.content(list(targets.values())))
    same = {name for name, sha in zip(alike, hashes.content(list(alike.values())), strict=True) if sha in contents}
    found = [(IMAGE, np.array([name in same for name in names], dtype=bool))]
    if guard.images == "perceptual":
        ours = np.array([_bits(h) for h in hashes.perceptual(list(targets.values())) if h], dtype=np.uint64)
        theirs = dict(zip(paths, hashes.perceptual(list(paths.values())), strict=True))
        marked = [bool(h := theirs.get(name)) and bool(_nearest(_bits(h), ours) <= guard.distance) for name in names]
        found.append((NEAR_IMAGE, np.array(marked, dtype=bool)))
    return found


def _bits(perceptual: str) -> int:
    return int(perceptual, 16)


def _nearest(bits: int, others: np.ndarray) -> int:
    import numpy as np

    return int(np.bitwise_count(others ^ np.uint64(bits)).min()) if len(others) else 64


def _paths(names: Sequence[str], root: Path) -> dict[str, str]:
    """Files by name; without those that are not to be opened."""
    folder, paths = ImageFolder(root), {}
    for name in names:
        try:
            paths[name] = folder.path_of(name)
        except ImageFault:
            continue
    return paths


def _text(sample: Sample) -> str:
    return f"{sample.question} {sample.answer}"


def _tell(samples: ArrowSamples, verdicts: np.ndarray, report: Path) -> None:
    import numpy as np

    lines = []
    for row in np.flatnonzero(verdicts):
        sample = samples[int(row)]
        about = {"id": sample.id, "why": REASONS[verdicts[row]], "task": sample.source_task, "image": sample.image}
        lines.append(json.dumps(about, ensure_ascii=False) + "\n")
    write_whole(report, "".join(lines))
