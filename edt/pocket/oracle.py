"""Diagnosis by planted truth: the upper bound that a teacher's own is compared with.

Reads what generated samples know about themselves, and refuses any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edt.diagnosis.gaps import abstained, named
from edt.errors import EdtError
from edt.pocket.skills import wordings
from edt.pocket.statements import first_wrong_step, parse
from edt.protocols import Capabilities, Rationale, Teacher
from edt.types import ErrorSample, Gap, Mistake, Sample, Truth


class OracleTeacher:
    """Stands where a teacher must stand when nobody asks one. It has no words and no probabilities."""

    name = "oracle"
    can = Capabilities(logprobs=False, completion=False)

    def fingerprint(self) -> dict[str, Any]:
        return {}

    def prepare(self) -> None: ...

    def complete(self, prompts: Sequence[str], *, max_tokens: int, lines: bool = False) -> list[str]:
        """Always an EdtError."""
        raise EdtError(_SILENT)

    def weigh(self, rationales: Sequence[Rationale]) -> list[list[list[float]]]:
        """Always an EdtError."""
        raise EdtError(_SILENT)


_SILENT = "teacher oracle answers no prompts; it goes with identifier=oracle and analyst=oracle"


class OracleIdentifier:
    """The first step that is not true of the sample; the last one where all are."""

    def __init__(self, teacher: Teacher | None = None) -> None: ...

    def fingerprint(self) -> dict[str, Any]:
        return {}

    def identify(self, errors: Sequence[ErrorSample]) -> list[Mistake]:
        """One mistake an error; abstains where there are no steps, EdtError where a sample has no planted truth."""
        return [self._blame(error) for error in errors]

    def _blame(self, error: ErrorSample) -> Mistake:
        truth_of(error.sample)
        steps = error.prediction.steps
        if not steps:
            return Mistake(sample_id=error.sample.id, step=None, reason="the reply holds no reasoning steps")
        step = first_wrong_step(error.sample, steps)
        reason = "all steps are true, the answer does not follow" if step is None else "first step that is not true"
        return Mistake(sample_id=error.sample.id, step=step or len(steps), reason=reason)


class OracleAnalyst:
    """The skill of the gold step that states what the mistaken step speaks of, in its plainest wording.

    Where the gold rationale has no such step, the skill of the gold step at the
    mistaken position, or of the last one.
    """

    def __init__(self, teacher: Teacher | None = None) -> None: ...

    def fingerprint(self) -> dict[str, Any]:
        return {}

    def analyse(self, errors: Sequence[ErrorSample], mistakes: Sequence[Mistake]) -> list[Gap]:
        """One gap an error, `named` or, where no mistake was placed, `abstained`."""
        return [
            abstained(mistake) if mistake.step is None else named(error, mistake.step, _skill(error, mistake.step))
            for error, mistake in zip(errors, mistakes, strict=True)
        ]


def _skill(error: ErrorSample, step: int) -> str:
    return wordings(planted_skill(error.sample, error.prediction.steps[step - 1], step))[0]


def planted_skill(sample: Sample, text: str, step: int) -> str:
    """Id of the skill that would mend step `step` (1-based) with this text."""
    truth = truth_of(sample)
    stated = parse(text)
    if stated is not None and stated[0] in truth.slots:
        return truth.skills[truth.slots.index(stated[0])]
    return truth.skills[min(step, len(truth.skills)) - 1]


def truth_of(sample: Sample) -> Truth:
    """The planted truth of a sample; EdtError where it has none."""
    if sample.truth is None or not sample.truth.skills:
        raise EdtError(
            f"sample {sample.id!r} carries no planted truth, so the oracle cannot judge it; "
            "choose identifier=answer_switch and analyst=in_context, or a task of Pocket"
        )
    return sample.truth
