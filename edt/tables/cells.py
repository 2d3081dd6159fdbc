"""The cells of a table, one line of `cells.csv` each: the one source that everything shown is rendered from.

Knows how a cell is written and read back; knows neither how it came about nor
how it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edt.errors import EdtError
from edt.tables.long import read_lines, write_lines
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


def write_cells(cells: Sequence[Cell], path: Path) -> None:
    """`path` in whole or not at all; the order given is kept."""
    write_lines(Cell, cells, path)


def read_cells(path: Path) -> list[Cell]:
    """All cells of a file, in order; EdtError, with file and line, where it is missing or a line is no cell."""
    return read_lines(Cell, path, "cell")
