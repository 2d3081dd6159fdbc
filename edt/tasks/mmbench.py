"""MMBench: multiple choice with rotations, out of its TSV or parquet.

A rotation's `index` is that of its question plus a multiple of a million. Under
circular evaluation a question counts where every rotation is answered right.
`image` is base64 (TSV) or bytes (parquet); in the TSV a repeat holds another
row's index in its place.
"""

from __future__ import annotations

import base64
import binascii
import csv
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.paths import data_root
from edt.students.checksums import remembered_checksum
from edt.tasks.items import Item
from edt.tasks.parquet import rows_of
from edt.tasks.splits import Pools
from edt.tasks.target import OURS, TargetTask
from edt.tasks.unpacked import Keep, unpack, unpacked_folder

FILE = "MMBench_DEV_EN.tsv"
ROTATION = 1_000_000
POINTER = 64
"""A longer text is a picture, no index."""
DESCRIPTION = (
    "Answer multiple-choice questions about a picture: what it shows, where things are, what happens, and what follows "
    "from what is known of the world."
)


class Mmbench:
    """MMBench's rows; with `circular` all rotations, else each question as it was written."""

    def __init__(self, file: Path, *, circular: bool) -> None:
        self._file, self._circular = file, circular
        self.root = unpacked_folder("mmbench", [file])

    def pools(self) -> Pools:
        self._checksum()
        items = unpack(self.root, lambda keep: items_of(_rows(self._file), keep))
        return Pools(validation=[item for item in items if self._circular or item.turn == 0])

    def fingerprint(self) -> Mapping[str, Any]:
        return {"file": self._checksum(), "circular": self._circular}

    def _checksum(self) -> str:
        if not self._file.is_file():
            raise EdtError(
                f"MMBench is not here: there is no {self._file}; get MMBench_DEV_EN.tsv (VLMEvalKit's) or "
                "the dev split of lmms-lab/MMBench (parquet), and put it there, or name yours with task.file="
            )
        return remembered_checksum(self._file)


def mmbench(
    *,
    file: str | None = None,
    circular: bool = True,
    num_validation: int | None = None,
    num_test: int | None = None,
    seed: int = 0,
    eval_style: str = OURS,
) -> TargetTask:
    """The task; `file` is looked for under `$EDT_DATA` where it is None."""
    path = Path(file).expanduser() if file else data_root() / "mmbench" / FILE
    return TargetTask(
        "mmbench",
        DESCRIPTION,
        Mmbench(path, circular=circular),
        kind="mmbench",
        metric="option",
        num_validation=num_validation,
        num_test=num_test,
        seed=seed,
        eval_style=eval_style,
    )


def items_of(rows: Iterable[Mapping[str, Any]], keep: Keep) -> Iterator[Item]:
    """Items of all rows; raises EdtError, with the row's index, where one is no question."""
    pictures: dict[int, str] = {}
    waiting: list[tuple[int, Mapping[str, Any], int]] = []
    for row in rows:
        index = _index(row)
        image = row.get("image")
        if isinstance(image, str) and len(image) <= POINTER and image.strip().isdigit():
            waiting.append((index, row, int(image)))
            continue
        pictures[index] = keep(_bytes(image, index), f"question {index}")
        yield _item(index, row, pictures[index])
    while waiting:
        known = [one for one in waiting if one[2] in pictures]
        if not known:
            raise EdtError(
                f"question {waiting[0][0]} of MMBench takes its picture from {waiting[0][2]}, which has none"
            )
        waiting = [one for one in waiting if one[2] not in pictures]
        for index, row, pointer in known:
            pictures[index] = pictures[pointer]
            yield _item(index, row, pictures[index])


def _item(index: int, row: Mapping[str, Any], image: str) -> Item:
    options = [text for letter in "ABCDE" if (text := _text(row.get(letter)))]
    answer = _text(row.get("answer"))
    place = "ABCDE".find(answer) if answer else -1
    if not 0 <= place < len(options):
        raise EdtError(
            f"question {index} of MMBench has the answer {answer or 'none'!r} and {len(options)} options; "
            "take a split whose answers are published (dev)"
        )
    return Item(
        id=str(index),
        image=image,
        question=_text(row.get("question")),
        hint=_text(row.get("hint")),
        options=tuple(options),
        answer=options[place],
        group=f"{index % ROTATION}",
        turn=index // ROTATION,
    )


def _index(row: Mapping[str, Any]) -> int:
    try:
        return int(row["index"])
    except (KeyError, TypeError, ValueError):
        raise EdtError(f"a row of MMBench has the index {row.get('index')!r:.40}; it must be a whole number") from None


def _bytes(image: Any, index: int) -> bytes:
    if isinstance(image, Mapping):
        image = image.get("bytes")
    if isinstance(image, bytes) and image:
        return image
    try:
        if found := base64.b64decode(image or "", validate=False):
            return found
        raise ValueError
    except (TypeError, ValueError, binascii.Error):
        raise EdtError(f"question {index} of MMBench has no picture; get the file that holds them") from None


def _text(value: Any) -> str:
    """Empty for what a table writes where there is nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or str(value).strip() in ("nan", "None"):
        return ""
    return str(value).strip()


def _rows(file: Path) -> Iterator[Mapping[str, Any]]:
    if file.suffix == ".parquet":
        yield from rows_of(file)
        return
    csv.field_size_limit(sys.maxsize)
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            yield from csv.DictReader(stream, delimiter="\t")
    except (csv.Error, UnicodeDecodeError) as error:
        raise EdtError(f"{file} cannot be read as a table of tabs in UTF-8 ({error}); get the file anew") from None
