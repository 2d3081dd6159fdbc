"""The cells of a table, one line of `cells.csv` each: the one source that everything shown is rendered from.

Knows how a cell is written and read back; knows neither how it came about nor
how it is shown.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.paths import write_whole
from edt.store.keys import digest
from edt.types import Outcome, Prediction

STATES = ("measured", "missing", "failed", "not comparable")
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
        if (self.state == "measured") != (self.score is not None):
            raise EdtError(f"cell {self.place}: a score goes with the state measured, and the state is {self.state}")
        if reason := _unsound(self):
            raise EdtError(f"cell {self.place}: {reason}")

    @property
    def place(self) -> tuple[str, str, str, str, str, int, str]:
        """What no other cell of a table shares."""
        return self.task, self.method, self.scale, self.student, self.teacher, self.seed, self.split


COLUMNS = [field.name for field in fields(Cell)]
LF = b"\n"
UNREADABLE = {0: "\ufffd", ord("\r"): "\n", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}
"""Characters that a file of cells cannot hold, and what stands for them."""


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
    """The marks of a split's predictions, in the order of sample ids."""
    return "".join(MARKS[p.outcome] for p in sorted(predictions, key=lambda p: p.sample_id))


def questions_of(predictions: Sequence[Prediction]) -> str:
    """12 hexadecimal digits that stand for the sorted sample ids of a split's predictions."""
    return digest(sorted(p.sample_id for p in predictions))[:12]


def write_cells(cells: Sequence[Cell], path: Path) -> None:
    """`path` in whole or not at all; the order given is kept. What a reason quotes is made fit to be read back."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for cell in cells:
        score = None if cell.score is None else repr(round(cell.score, 6))
        texts = {k: v.translate(UNREADABLE) if isinstance(v, str) else v for k, v in asdict(cell).items()}
        writer.writerow({**texts, "score": score})
    write_whole(path, stream.getvalue())


def read_cells(path: Path) -> list[Cell]:
    """All cells of a file, in order; EdtError, with file and line, where it is missing or a line is no cell."""
    if not path.is_file():
        raise EdtError(f"there is no {path}; run the table first, or name another")
    try:
        return _cells(_content(path))
    except EdtError as error:
        way_out = f"mend it or take it out, or run the table, which writes it anew (sweep.py table={path.parent.name})"
        raise EdtError(f"{path}, {error}; {way_out}") from None


def _content(path: Path) -> str:
    """The file's text, if it is one and whole."""
    data = path.read_bytes()

    def line(at: int) -> str:
        return f"line {data.count(LF, 0, at) + 1},"

    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EdtError(f"{line(error.start)} is not UTF-8 (byte {data[error.start]:#04x})") from None
    if (at := data.find(b"\0")) >= 0:
        raise EdtError(f"{line(at)} holds a NUL byte")
    if data and not data.endswith(LF):
        raise EdtError(f"{line(len(data))} is cut off: no line break ends it")
    return text


def _cells(text: str) -> list[Cell]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: dict[tuple[Any, ...], Cell] = {}
    lines: dict[tuple[Any, ...], int] = {}
    try:
        heads = next(reader, [])
        if sorted(heads) != sorted(COLUMNS):
            raise EdtError("line 1, does not have the columns of a table's cells")
        for values in reader:
            cell = _cell(heads, values, reader.line_num)
            if cell.place in found:
                raise EdtError(f"line {reader.line_num}, is the cell of line {lines[cell.place]} again: {cell.place}")
            found[cell.place], lines[cell.place] = cell, reader.line_num
    except csv.Error as error:
        raise EdtError(f"line {reader.line_num}, is no line of CSV ({error})") from None
    return list(found.values())


def _cell(heads: Sequence[str], values: Sequence[str], line: int) -> Cell:
    if len(values) != len(heads):
        raise EdtError(f"line {line}, is no cell: it has {len(values)} fields, and there are {len(heads)} columns")
    row = dict(zip(heads, values, strict=True))
    whole = ("n", "unparsed", "filled", "trained_samples")
    try:
        figures: dict[str, Any] = {name: int(row[name]) if row[name] else None for name in whole}
        score = float(row["score"]) if row["score"] else None
        return Cell(**{**row, **figures, "seed": int(row["seed"]), "score": score})
    except (ValueError, EdtError) as error:
        raise EdtError(f"line {line}, is no cell: {error}") from None
