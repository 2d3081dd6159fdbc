"""An error as a story: from the picture to the samples that were to mend it, and whether they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edt.protocols import Supporting, Task
from edt.tables.gaps import predictions_after
from edt.types import Mistake, Outcome, Pick, Prediction, Report, RoundRecord, Sample, by_id, picked_of


@dataclass(frozen=True, kw_only=True)
class Story:
    """One error of one round."""

    round: int
    picture: Path
    sample: Sample
    before: Prediction
    mistake: Mistake
    skill: str | None
    picked: tuple[Sample, ...]
    """At most two samples that were picked for it, best rank first."""
    after: Prediction
    """By the student that the round left."""

    @property
    def mended(self) -> bool:
        return self.after.outcome is Outcome.RIGHT


def stories(report: Report, task: Task, supporting: Supporting, *, most: int = 3) -> list[Story]:
    """Up to `most` errors with picks of their own, of different skills as far as there are, mended ones first."""
    if not report.rounds:
        return []
    targets = by_id(task.validation)
    library = picked_of(supporting.samples, report.picks)
    found = [
        story
        for number, record in enumerate(report.rounds)
        for story in _of_round(record, predictions_after(report, number), targets, library, task.root)
    ]
    ranked = sorted(found, key=lambda story: (not story.mended, -len(story.picked), story.round))
    first = {story.skill: story for story in reversed(ranked)}
    rest = [story for story in ranked if story is not first[story.skill]]
    return [*sorted(first.values(), key=ranked.index), *rest][:most]


def _of_round(
    record: RoundRecord,
    after: Sequence[Prediction],
    targets: dict[str, Sample],
    library: dict[str, Sample],
    root: Path,
) -> list[Story]:
    before, later = ({p.sample_id: p for p in side} for side in (record.predictions, after))
    mistakes = {mistake.sample_id: mistake for mistake in record.mistakes}
    return [
        Story(
            round=record.index,
            picture=root / targets[gap.sample_id].image,
            sample=targets[gap.sample_id],
            before=before[gap.sample_id],
            mistake=mistakes[gap.sample_id],
            skill=gap.skill,
            picked=tuple(library[pick.sample_id] for pick in _picks_for(gap.sample_id, gap.skill, record.picks)),
            after=later[gap.sample_id],
        )
        for gap in record.gaps
        if gap.skill is not None
    ]


def _picks_for(error_id: str, skill: str | None, picks: Sequence[Pick]) -> list[Pick]:
    """Picks of the error itself, else of another error with the same missing skill."""
    own = [pick for pick in picks if pick.error_id == error_id]
    same = [pick for pick in picks if pick.targeted and pick.query == skill]
    return sorted(own or same, key=lambda pick: pick.rank or 0)[:2]
