"""The paper's algorithm: collect errors, identify mistakes, analyse skills, select, tune; then again.

Every method and every baseline is a choice of parts; there is no branch for
one here.  Pre-trained is no round at all, Full is one round of all samples.
Knows the order of the stages; not how a stage is done, stored or shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from edt.config import Budget, Scale
from edt.errors import EdtError
from edt.protocols import Supporting, Task, Tracker
from edt.stopping import reason_to_stop
from edt.store.stages import Stages
from edt.tables.errors import error_rows
from edt.tables.scores import score_of
from edt.types import Adapter, ErrorSample, Pick, Prediction, Report, RoundRecord, by_id, to_json

LATER = ("changes", "findings")
"""What a report has only once it is held against others."""


def adapt(
    stages: Stages,
    *,
    budget: Budget,
    scale: Scale,
    tracker: Tracker,
    method: str,
    test: bool = True,
    test_rounds: bool = False,
) -> Report:
    """Adapt the student to the task by its own errors, and evaluate what came out of it."""
    task, supporting = stages.parts.task, stages.parts.supporting
    total = total_of(scale, budget, supporting)
    adapter: Adapter | None = None
    rounds: list[RoundRecord] = []
    used: list[Pick] = []
    stopped = ""

    for stages.round in range(1, budget.rounds + 1):
        predictions = stages.predict("validation", adapter)
        errors = collect_errors(task, predictions)
        mistakes = stages.identify(errors)
        gaps = stages.analyse(errors, mistakes)
        if stopped := reason_to_stop(budget, rounds, score_of(predictions), gaps):
            break
        tested = score_of(stages.predict("test", adapter)) if test_rounds else None
        picks = stages.select(
            gaps,
            budget=share(total, budget.rounds, stages.round),
            exclude=frozenset(pick.sample_id for pick in used),
        )
        used.extend(picks)
        adapter = stages.tune(adapter, picks) if budget.start == "previous" else stages.tune(None, used)
        record = RoundRecord(
            index=stages.round,
            validation=score_of(predictions),
            errors=len(errors),
            abstained=sum(mistake.abstained for mistake in mistakes),
            failed=sum(gap.state == "failed" for gap in gaps),
            gaps=gaps,
            mistakes=mistakes,
            picks=picks,
            adapter=adapter,
            predictions=predictions,
            test=tested,
            seconds=_seconds(stages, stages.round),
        )
        rounds.append(record)
        tracker.log("errors", {"round": record.index, "rows": error_rows(task, errors, mistakes, gaps)})
        tracker.log("round", to_json(record))

    report = evaluate(stages, adapter, rounds, method=method, test=test, stopped=stopped)
    told = {name: value for name, value in to_json(report).items() if name not in LATER}
    tracker.log("report", {**told, "rounds": len(rounds), "predictions": None})
    return report


def evaluate(
    stages: Stages, adapter: Adapter | None, rounds: Sequence[RoundRecord], *, method: str, test: bool, stopped: str
) -> Report:
    """What came out of the rounds, by the finished student's answers to validation and, where allowed, test samples."""
    stages.round = 0
    final = {split: stages.predict(split, adapter) for split in ("validation", "test")[: 1 + test]}
    return Report(
        method=method,
        task=stages.parts.task.name,
        seed=stages.seed,
        rounds=tuple(rounds),
        validation=score_of(final["validation"]),
        test=score_of(final["test"]) if test else None,
        predictions=final,
        adapter=adapter,
        seconds=_seconds(stages),
        stopped=stopped,
    )


def collect_errors(task: Task, predictions: Sequence[Prediction]) -> list[ErrorSample]:
    """Error collection: the samples that were answered, and answered wrong."""
    samples = by_id(task.validation)
    return [ErrorSample(sample=samples[p.sample_id], prediction=p) for p in predictions if p.is_error]


def total_of(scale: Scale, budget: Budget, supporting: Supporting) -> int:
    """How many samples a run tunes on; raises EdtError where the dataset has fewer, or rounds would go without."""
    if not budget.rounds:
        return 0
    there = len(supporting.samples)
    total = there if scale.samples is None else scale.samples
    if total > there:
        raise EdtError(
            f"scale.samples={total} is more than the {there} samples of the supporting dataset {supporting.name!r}; "
            "choose a smaller scale, or scale=full for all of them"
        )
    if budget.rounds > total:
        raise EdtError(
            f"budget.rounds={budget.rounds} is more than the {total} samples to share out; take fewer rounds"
        )
    return total


def share(total: int, rounds: int, index: int) -> int:
    """How many of `total` samples round `index` (from 1) picks: even shares, the first ones take what is left over."""
    return total // rounds + (1 if index <= total % rounds else 0)


def _seconds(stages: Stages, index: int | None = None) -> dict[str, float]:
    """What each stage cost to make, now or earlier; of one round, or of the whole run."""
    totals: dict[str, float] = {}
    for note in stages.notes:
        if index in (None, note.round):
            totals[note.stage] = totals.get(note.stage, 0.0) + note.seconds
    return totals
