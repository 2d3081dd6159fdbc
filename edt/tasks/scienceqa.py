"""ScienceQA, the questions with a picture (ScienceQA-IMG), out of its parquet files.

Validation is drawn from the dataset's own validation split, and the test split
is the dataset's own, so that a score can be compared with published ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

FIELDS = ("image", "question", "choices", "answer", "hint")
SPLITS = ("validation", "test")
DESCRIPTION = (
    "Answer multiple-choice science questions of school with the help of a picture: natural science, social science "
    "and language science."
)


class Scienceqa:
    """The rows with a picture of `validation-*.parquet` and `test-*.parquet` anywhere under a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root = unpacked_folder("scienceqa", [file for split in SPLITS for file in self._found(split)])

    def pools(self) -> Pools:
        items = unpack(self.root, self._items)
        return Pools(
            validation=[item for item in items if item.id.startswith("validation")],
            test=[item for item in items if item.id.startswith("test")],
        )

    def fingerprint(self) -> Mapping[str, Any]:
        return {split: [remembered_checksum(file) for file in self._files(split)] for split in SPLITS}

    def _found(self, split: str) -> list[Path]:
        return sorted(self._folder.rglob(f"{split}-*.parquet"), key=lambda file: file.name)

    def _files(self, split: str) -> list[Path]:
        files = self._found(split)
        if not files:
            raise EdtError(
                f"ScienceQA is not here: there is no {split}-*.parquet under {self._folder}; get the dataset "
                "derek-thomas/ScienceQA and put its parquet files there, or name another folder with task.folder="
            )
        return files

    def _items(self, keep: Keep) -> Iterator[Item]:
        for split in SPLITS:
            number = 0
            for file in self._files(split):
                for row in rows_of(file, FIELDS):
                    number += 1
                    if isinstance(row["image"], Mapping) and row["image"].get("bytes"):
                        yield _item(row, f"{split}-{number:05}", keep)


def scienceqa(
    *,
    folder: str | None = None,
    num_validation: int | None = None,
    num_test: int | None = None,
    seed: int = 0,
    eval_style: str = OURS,
) -> TargetTask:
    """The task; `folder` is `$EDT_DATA/scienceqa` where it is None."""
    path = Path(folder).expanduser() if folder else data_root() / "scienceqa"
    return TargetTask(
        "scienceqa",
        DESCRIPTION,
        Scienceqa(path),
        kind="scienceqa",
        metric="option",
        num_validation=num_validation,
        num_test=num_test,
        seed=seed,
        eval_style=eval_style,
    )


def _item(row: Mapping[str, Any], name: str, keep: Keep) -> Item:
    options, answer = row["choices"] or [], row["answer"]
    if not isinstance(row["question"], str):
        raise EdtError(f"row {name} of ScienceQA has the question {row['question']!r:.40}; get the files anew")
    if not isinstance(answer, int) or not 0 <= answer < len(options):
        raise EdtError(
            f"row {name} of ScienceQA has the answer {answer!r} and {len(options)} choices; get the files anew"
        )
    return Item(
        id=name,
        image=keep(row["image"]["bytes"], f"row {name} of ScienceQA"),
        question=row["question"],
        hint=row["hint"] or "",
        options=tuple(options),
        answer=options[answer],
    )
