"""How gaps fare over the rounds: which are new, which closed, which persist. Knows reports, draws nothing.

A gap is a skill's text.  It is closed in a round when every error behind it is
answered right after that round's tuning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edt.types import Gap, Outcome, Prediction, Report


@dataclass(frozen=True, kw_only=True)
class GapLine:
    """One gap in one round."""

    skill: str
    round: int
    errors: int
    mended: int
    """Of its errors, answered right after the round's tuning."""
    new: bool
    """Not seen in any round before."""
    picks: int
    """Samples that were picked for its errors."""

    @property
    def closed(self) -> bool:
        return self.mended == self.errors

    @property
    def state(self) -> str:
        """`closed` or `persists`; and `new` where it was not seen before."""
        return ("closed" if self.closed else "persists") + (", new" if self.new and self.round > 1 else "")


def gap_lines(report: Report) -> list[GapLine]:
    """All gaps of a run, by round, the largest first."""
    lines: list[GapLine] = []
    seen: set[str] = set()
    for number, record in enumerate(report.rounds):
        after = right_after(report, number)
        behind = _errors_of(record.gaps)
        for skill, errors in behind.items():
            lines.append(
                GapLine(
                    skill=skill,
                    round=record.index,
                    errors=len(errors),
                    mended=sum(after.get(error, False) for error in errors),
                    new=skill not in seen,
                    picks=sum(pick.error_id in errors for pick in record.picks),
                )
            )
        seen |= set(behind)
    return sorted(lines, key=lambda line: (line.round, -line.errors, line.skill))


def predictions_after(report: Report, number: int) -> Sequence[Prediction]:
    """On validation, by the student that the round with 0-based `number` left."""
    if number + 1 < len(report.rounds):
        return report.rounds[number + 1].predictions
    return report.predictions["validation"]


def right_after(report: Report, number: int) -> Mapping[str, bool]:
    """By validation sample: whether it is answered right after the round with 0-based `number`."""
    return {p.sample_id: p.outcome is Outcome.RIGHT for p in predictions_after(report, number)}


def _errors_of(gaps: Sequence[Gap]) -> dict[str, list[str]]:
    behind: dict[str, list[str]] = {}
    for gap in gaps:
        if gap.skill is not None:
            behind.setdefault(gap.skill, []).append(gap.sample_id)
    return behind
