"""The cells of a table, one line of `cells.csv` each: the one source that everything shown is rendered from.

Knows how a cell is written and read back; knows neither how it came about nor
how it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edt.errors import EdtError
from edt.store.keys import digest
from edt.tables.long import read_lines, write_lines
from edt.tables.scores import outcomes_by_question
from edt.types import Outcome, Prediction

STATES = ("measured", "missing", "failed", "not comparable")
SPLITS = ("validation", "test")
SLACK = 1e-6
"""Scores are written with six digits."""
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
        if self.split not in SPLITS:
            raise EdtError(f"a cell's split is {self.split!r}; it must be one of {', '.join(SPLITS)}")
        if self.seed < 0:
            raise EdtError(f"a cell's seed is {self.seed}; it must be 0 or more")
        if (self.state == "measured") != (self.score is not None):
            raise EdtError(f"cell {self.place}: a score goes with the state measured, and the state is {self.state}")
        if reason := _unsound(self):
            raise EdtError(f"cell {self.place}: {reason}")

    @property
    def share(self) -> float:
        """The score as its marks have it: six digits would break a tie of means, or make one."""
        return self.outcomes.count("1") / len(self.outcomes)

    @property
    def place(self) -> tuple[str, str, str, str, str, int, str]:
        """What no other cell of a table shares."""
        return self.task, self.method, self.scale, self.student, self.teacher, self.seed, self.split


def _unsound(cell: Cell) -> str:
    """Why a cell's figures cannot be; empty where they can."""
    counts = {"n": cell.n, "unparsed": cell.unparsed, "filled": cell.filled, "trained_samples": cell.trained_samples}
    if cell.score is None:
        given = [name for name, value in counts.items() if value is not None]
        given += [name for name in ("outcomes", "questions") if getattr(cell, name)]
        return f"its state is {cell.state}, and yet it has {given[0]}" if given else ""
    if not 0 <= cell.score <= 1:  # nan is not either
        return f"score is {cell.score}; it is a share, between 0 and 1"
    for name, value in counts.items():
        if value is None or value < (name == "n"):
            return f"{name} is {value}; it must be a count{' above 0' if name == 'n' else ''}"
    right, unparsed = cell.outcomes.count("1"), cell.outcomes.count("u")
    if len(cell.outcomes) != cell.n or set(cell.outcomes) - set(MARKS.values()):
        return f"n is {cell.n}, and outcomes has {len(cell.outcomes)} marks; it has a 1, 0 or u for every question"
    if abs(cell.score - right / len(cell.outcomes)) > SLACK:
        return f"score is {cell.score}, and outcomes has {right} right of {cell.n}"
    if cell.unparsed != unparsed:
        return f"unparsed is {cell.unparsed}, and outcomes has {unparsed} of them"
    if (cell.filled or 0) > (cell.trained_samples or 0):
        return f"filled is {cell.filled}, more than the {cell.trained_samples} of trained_samples"
    if not re.fullmatch("([0-9a-f]{12})?", cell.questions):
        return f"questions is {cell.questions!r}; it is 12 hexadecimal digits, or empty where they are unknown"
    return ""


def outcomes_of(predictions: Sequence[Prediction]) -> str:
    """The marks of a split's questions, in the order of their ids."""
    return "".join(MARKS[outcome] for _, outcome in sorted(outcomes_by_question(predictions).items()))


def questions_of(predictions: Sequence[Prediction]) -> str:
    """12 hexadecimal digits that stand for the sorted ids of a split's questions."""
    return digest(sorted(outcomes_by_question(predictions)))[:12]


def write_cells(cells: Sequence[Cell], path: Path) -> None:
    """`path` in whole or not at all; the order given is kept."""
    write_lines(Cell, cells, path)


def read_cells(path: Path) -> list[Cell]:
    """All cells of a file, in order; EdtError, with file and line, where it is missing or a line is no cell."""
    return read_lines(Cell, path, "cell", place=lambda cell: cell.place)
