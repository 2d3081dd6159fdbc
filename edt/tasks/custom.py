"""A task of the user's own: a file of questions and a folder of pictures.

The file is JSON lines, a JSON array or parquet, of either form:

    {"id": "7", "image": "a/7.jpg", "question": "…", "options": ["cat", "dog"], "answer": "dog"}
    {"id": "7", "image": "a/7.jpg", "conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}

`options` may be absent, or stand in the question as "(a) …"; `answer` is an
option's words or letter, or a free text; `answers` are all that people gave;
`split` (validation or test) places a question, and without it both are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.images.inside import ImageFault, ImageFolder
from edt.students.checksums import remembered_checksum
from edt.supporting.records import Bad, parse_record, without_picture
from edt.supporting.stream import JsonStream
from edt.tasks.items import Item
from edt.tasks.options import choose, options_inside
from edt.tasks.parquet import rows_of
from edt.tasks.splits import Pools
from edt.tasks.target import TargetTask

SPLITS = ("validation", "test")


class CustomFile:
    """The questions of one file; every record has to be sound."""

    def __init__(self, file: Path, images: Path, *, metric: str) -> None:
        self._file, self.root, self._metric = file, images, metric

    def pools(self) -> Pools:
        self._there()
        folder = ImageFolder(self.root)
        placed: dict[str, list[Item]] = {"": [], "validation": [], "test": []}
        for number, record in enumerate(self._records(), start=1):
            try:
                if isinstance(record, Bad):
                    raise record
                item, split = _item(record)
                if self._metric == "option" and not item.options:
                    raise Bad("wrong type", "options", "are needed by task.metric=option")
                folder.check(item.image, "header")
            except (Bad, ImageFault) as fault:
                where = fault.field if isinstance(fault, Bad) else "image"
                raise EdtError(f"{self._file}, record {number}: {where} {fault}".replace("  ", " ")) from None
            placed[split].append(item)
        if placed[""] and (placed["validation"] or placed["test"]):
            raise EdtError(f"{self._file}: some records have a split and some have none; give all of them one, or none")
        if placed[""]:
            return Pools(validation=placed[""])
        if lacking := [split for split in SPLITS if not placed[split]]:
            raise EdtError(f"{self._file} has no question whose split is {lacking[0]}")
        return Pools(validation=placed["validation"], test=placed["test"])

    def fingerprint(self) -> Mapping[str, Any]:
        self._there()
        return {"file": remembered_checksum(self._file)}

    def _there(self) -> None:
        if not self._file.is_file():
            raise EdtError(
                f"task.file: there is no file {self._file}; name your questions (JSON lines, JSON or parquet)"
            )
        if not self.root.is_dir():
            raise EdtError(f"task.images: there is no folder {self.root}; name the one that the pictures are in")

    def _records(self) -> Iterator[Any]:
        if self._file.suffix == ".parquet":
            for row in rows_of(self._file):
                yield {name: value for name, value in row.items() if value is not None}
            return
        yield from JsonStream(self._file)


def custom(
    *,
    file: str | None = None,
    images: str | None = None,
    name: str = "custom",
    description: str = "Answer questions about pictures.",
    metric: str = "option",
    bar: float | None = None,
    num_validation: int | None = None,
    num_test: int | None = None,
    seed: int = 0,
) -> TargetTask:
    """The task; a picture of a record is looked for under `images`."""
    if file is None or images is None:
        raise EdtError("task=custom needs task.file= (JSON lines, a JSON array or parquet) and task.images= (a folder)")
    return TargetTask(
        name,
        description,
        CustomFile(Path(file).expanduser(), Path(images).expanduser(), metric=metric),
        metric=metric,
        bar=bar,
        num_validation=num_validation,
        num_test=num_test,
        seed=seed,
    )


def _item(data: Any) -> tuple[Item, str]:
    """The item, and its split or nothing. Raises Bad, with the field."""
    if isinstance(data, dict) and "conversations" in data:
        record = parse_record(data)
        texts: dict[str, Any] = {"id": record.id, "image": record.image, "question": record.turns[0]}
        data = {
            **{key: data[key] for key in ("options", "answers", "split") if key in data},
            **texts,
            "answer": record.turns[1],
        }
    if not isinstance(data, dict):
        raise Bad("wrong type", "record", "is no object")
    split = data.get("split", "")
    if split not in ("", *SPLITS):
        raise Bad("wrong type", "split", f"must be {' or '.join(SPLITS)}, not {split!r:.40}")
    name = data.get("id")
    question = without_picture(_words(data, "question"))
    given, inside = _list(data, "options"), options_inside(question)
    options = given or inside
    answers = _list(data, "answers")
    answer = _words(data, "answer") if "answer" in data or not answers else answers[0]
    if options:
        place = choose(answer, options)
        if place is None and given:
            raise Bad("wrong type", "answer", f"is {answer!r:.60}, which names none of the options, or two of them")
        options, answer = ((), answer) if place is None else (options, options[place])
    return (
        Item(
            id=str(name) if type(name) is int else _words(data, "id"),
            image=_words(data, "image"),
            question=question,
            options=options,
            inside=bool(options) and not given,
            answer=answer,
            answers=answers,
        ),
        split,
    )


def _words(data: Mapping[str, Any], field: str) -> str:
    value = data.get(field)
    if not isinstance(value, str) or not value.strip():
        raise Bad("wrong type", field, f"must be text, not {value!r:.40}")
    return value.strip()


def _list(data: Mapping[str, Any], field: str) -> tuple[str, ...]:
    value = data.get(field) or []
    if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
        raise Bad("wrong type", field, f"must be a list of texts, not {value!r:.40}")
    return tuple(one.strip() for one in value)
