"""The rounds of a table's runs, a line of `rounds.csv` each: scores and gaps on the way, and where the time went.

Knows how a line comes from a run's report, how it is written and read back;
not how it is shown. What is here is measured on the validation split, but for `test`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.tables.gaps import gap_lines
from edt.tables.long import read_lines, write_lines
from edt.types import Report, RoundRecord

STAGES = ("predict", "identify", "analyse", "select", "tune", "evaluate")
COUNTS = ("n", "errors", "picks", "filled", "abstained", "failed", "gaps", "closed", "persists", "new")


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundLine:
    """One round of one run; the line after its last round has the finished student's score, and no more."""

    table: str
    task: str
    method: str
    scale: str
    seed: int
    run: str
    digest: str
    """As of the run's cells."""
    round: int
    """From 1. The student that it starts from was tuned `round` - 1 times."""
    score: float
    """Accuracy of that student, a share in [0, 1]."""
    n: int
    test: float | None = None
    """The same on the test split; null where it was not asked for."""
    errors: int | None = None
    """Answered wrong; null where nothing follows, in the line after the last round."""
    picks: int | None = None
    filled: int | None = None
    """Of the picks, those that met a shortfall."""
    abstained: int | None = None
    """Errors without a placed mistake; this and what follows is null where the method looks at no gap."""
    failed: int | None = None
    """Errors whose skill reply did not parse."""
    gaps: int | None = None
    """Distinct missing skills."""
    closed: int | None = None
    """Of the gaps, those behind which every error is answered right after the round's tuning."""
    persists: int | None = None
    new: int | None = None
    """Of the gaps, those that no round before had."""
    tuned: str = ""
    """12 hexadecimal digits that stand for the weights that came of the round; empty where none did."""
    seconds_predict: float = 0.0
    """What the stage cost to make, by this run or by whichever made it."""
    seconds_identify: float = 0.0
    seconds_analyse: float = 0.0
    seconds_select: float = 0.0
    seconds_tune: float = 0.0
    seconds_evaluate: float = 0.0

    def __post_init__(self) -> None:
        if self.round < 1 or not 0 <= self.score <= 1:
            raise EdtError(f"round {self.round} of {self.run}: rounds go from 1, and scores from 0 to 1: {self.score}")
        if reason := _unsound(self):
            raise EdtError(f"round {self.round} of {self.run}: {reason}")
        if self.gaps is not None and self.gaps != (self.closed or 0) + (self.persists or 0):
            raise EdtError(f"round {self.round} of {self.run}: {self.gaps} gaps must be those closed and persisting")

    def seconds(self, stage: str) -> float:
        return getattr(self, f"seconds_{stage}")


def _unsound(line: RoundLine) -> str:
    """Why a line's figures cannot be; empty where they can."""
    if line.test is not None and not 0 <= line.test <= 1:  # nan is not either
        return f"test is {line.test}; it is a share, between 0 and 1"
    for name in COUNTS:
        count = getattr(line, name)
        if count is not None and count < 0:
            return f"{name} is {count}; it must be a count, or empty"
    if line.filled is not None and line.filled > (line.picks or 0):
        return f"filled is {line.filled}, more than the {line.picks or 0} of picks"
    for stage in STAGES:
        if not 0 <= line.seconds(stage) < math.inf:
            return f"seconds_{stage} is {line.seconds(stage)}; it must be seconds, 0 or more"
    return ""


def rounds_of(report: Report, place: Mapping[str, Any], *, looks: bool, targeted: bool) -> list[RoundLine]:
    """A run's lines; `place` has the fields that they share.

    `looks` says whether the method looks at gaps, `targeted` whether its
    selector looks for anything, so that a pick at random is a filled one.
    """
    lines = [
        RoundLine(
            **place,
            round=record.index,
            score=record.validation.score,
            n=record.validation.n,
            test=record.test.score if record.test else None,
            errors=record.errors,
            picks=len(record.picks),
            filled=sum(not pick.targeted for pick in record.picks) if targeted else 0,
            **(_gaps(report, record) if looks else {}),
            tuned=record.adapter.key[:12] if record.adapter else "",
            **_seconds(record.seconds),
        )
        for record in report.rounds
    ]
    spent = {stage: sum(record.seconds.get(stage, 0.0) for record in report.rounds) for stage in report.seconds}
    rest = {stage: max(0.0, seconds - spent[stage]) for stage, seconds in report.seconds.items()}
    final = report.validation
    tested = bool(lines) and all(line.test is not None for line in lines)
    test = report.test.score if report.test and tested else None
    return [*lines, RoundLine(**place, round=len(lines) + 1, score=final.score, n=final.n, test=test, **_seconds(rest))]


def _gaps(report: Report, record: RoundRecord) -> dict[str, int]:
    found = [line for line in gap_lines(report) if line.round == record.index]
    closed = sum(line.closed for line in found)
    return {
        "abstained": record.abstained,
        "failed": record.failed,
        "gaps": len(found),
        "closed": closed,
        "persists": len(found) - closed,
        "new": sum(line.new for line in found),
    }


def _seconds(seconds: Mapping[str, float]) -> dict[str, Any]:
    return {f"seconds_{stage}": round(seconds.get(stage, 0.0), 4) for stage in STAGES}


def write_rounds(lines: Sequence[RoundLine], path: Path) -> None:
    """`path` in whole or not at all; the order given is kept."""
    write_lines(RoundLine, lines, path)


def read_rounds(path: Path) -> list[RoundLine]:
    """All lines of a file, in order; EdtError, with file and line, where it is missing or a line is none."""
    return read_lines(RoundLine, path, "round", place=lambda line: (line.run, line.round))
