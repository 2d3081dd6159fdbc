"""How a gap, or a mistake that is not placed, is written where no teacher has a say in it."""

from __future__ import annotations

from edt.types import ErrorSample, Gap, Mistake

NO_STEPS = "the reply holds no reasoning steps"


def no_step(error: ErrorSample, reason: str, *, failed: bool = False) -> Mistake:
    """An abstention, and why; `failed` where the teacher's reply cannot be read."""
    return Mistake(sample_id=error.sample.id, step=None, reason=reason, failed=failed)


def abstained(mistake: Mistake) -> Gap:
    """The gap of an error whose mistake was not placed."""
    return Gap(sample_id=mistake.sample_id, step=None, step_text="", skill=None, state="abstained")


def named(error: ErrorSample, step: int, skill: str) -> Gap:
    """The gap of a mistake at `step` (1-based) whose skill is known."""
    text = error.prediction.steps[step - 1]
    return Gap(sample_id=error.sample.id, step=step, step_text=text, skill=skill, state="named")
