"""The cells of a table, one line of `cells.csv` each: the one source that everything shown is rendered from.

Knows how a cell is written and read back; knows neither how it came about nor
how it is shown.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.paths import write_whole
from edt.store.keys import digest
from edt.types import Outcome, Prediction

STATES = ("measured", "missing", "failed", "not comparable")
MARKS = {Outcome.RIGHT: "1", Outcome.WRONG: "0", Outcome.UNPARSED: "u"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One method on one task at one scale and seed, on one split.

    Only a measured cell has figures; any other has a reason.
    """

    table: str
    task: str
    method: str
    scale: str
    student: str
    teacher: str
    """Empty where the method asks none."""
    seed: int
    split: str
    state: str
    reason: str = ""
    score: float | None = None
    """Accuracy, a share in [0, 1]."""
    n: int | None = None
    unparsed: int | None = None
    filled: int | None = None
    """Training samples that met a shortfall, instead of being picked for a skill."""
    trained_samples: int | None = None
    outcomes: str = ""
    """A mark an item of the split, in the order of sample ids: 1 right, 0 wrong, u unparsed. What pairing needs."""
    questions: str = ""
    """Which items these were, see `questions_of`: marks are paired only where it is the same. Empty: unknown."""
    run: str = ""
    """Folder of the run's files, relative to the table's output folder."""
    digest: str = ""
    """Of everything that the run's result depends on: a line with the same digest need not be measured again."""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise EdtError(f"a cell's state is {self.state!r}; it must be one of {', '.join(STATES)}")
        if (self.state == "measured") != (self.score is not None):
            raise EdtError(f"cell {self.place}: a score goes with the state measured, and the state is {self.state}")

    @property
    def place(self) -> tuple[str, str, str, str, str, int, str]:
        """What no other cell of a table shares."""
        return self.task, self.method, self.scale, self.student, self.teacher, self.seed, self.split


def outcomes_of(predictions: Sequence[Prediction]) -> str:
    """The marks of a split's predictions, in the order of sample ids."""
    return "".join(MARKS[p.outcome] for p in sorted(predictions, key=lambda p: p.sample_id))


def questions_of(predictions: Sequence[Prediction]) -> str:
    """12 hexadecimal digits that stand for the sorted sample ids of a split's predictions."""
    return digest(sorted(p.sample_id for p in predictions))[:12]


def write_cells(cells: Sequence[Cell], path: Path) -> None:
    """`path` in whole or not at all; the order given is kept."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, [field.name for field in fields(Cell)], lineterminator="\n")
    writer.writeheader()
    for cell in cells:
        score = None if cell.score is None else repr(round(cell.score, 6))
        writer.writerow({**asdict(cell), "score": score})
    write_whole(path, stream.getvalue())


def read_cells(path: Path) -> list[Cell]:
    """All cells of a file, in order; EdtError, with file and line, where it is missing or a line is no cell."""
    if not path.is_file():
        raise EdtError(f"there is no {path}; run the table first, or name another")
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if sorted(reader.fieldnames or []) != sorted(field.name for field in fields(Cell)):
            raise EdtError(f"{path} does not have the columns of a table's cells; render the table again")
        return [_cell(row, f"{path}, line {number}") for number, row in enumerate(reader, start=2)]


def _cell(row: dict[str, Any], where: str) -> Cell:
    whole = ("n", "unparsed", "filled", "trained_samples")
    try:
        figures: dict[str, Any] = {name: int(row[name]) if row[name] else None for name in whole}
        score = float(row["score"]) if row["score"] else None
        return Cell(**{**row, **figures, "seed": int(row["seed"]), "score": score})
    except (ValueError, TypeError) as error:
        raise EdtError(f"{where}, is no cell: {error}") from None
