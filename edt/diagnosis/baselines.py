"""Identifiers and analysts that ask nobody: the ablations, and the null objects of the baselines.

They take a teacher because every identifier and analyst does, and never call it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from edt.diagnosis.gaps import NO_STEPS, abstained, named
from edt.protocols import Teacher
from edt.types import ErrorSample, Gap, Mistake


class NoIdentifier:
    """Places no mistake: for methods that look at no error."""

    def __init__(self, teacher: Teacher | None = None) -> None: ...

    def fingerprint(self) -> dict[str, Any]:
        return {}

    def identify(self, errors: Sequence[ErrorSample]) -> list[Mistake]:
        """An abstention an error."""
        reason = "this method identifies no mistakes"
        return [Mistake(sample_id=error.sample.id, step=None, reason=reason) for error in errors]


class RandomStep:
    """Blames a step at random, the same one for the same seed, sample and number of steps."""

    def __init__(self, teacher: Teacher | None = None, *, seed: int = 0) -> None:
        self._seed = seed

    def fingerprint(self) -> dict[str, Any]:
        return {"seed": self._seed}

    def identify(self, errors: Sequence[ErrorSample]) -> list[Mistake]:
        """One mistake an error; abstains where there are no steps."""
        return [self._blame(error.sample.id, len(error.prediction.steps)) for error in errors]

    def _blame(self, sample_id: str, num_steps: int) -> Mistake:
        if not num_steps:
            return Mistake(sample_id=sample_id, step=None, reason=NO_STEPS)
        step = random.Random(f"{self._seed}/{sample_id}").randint(1, num_steps)
        return Mistake(sample_id=sample_id, step=step, reason=f"chosen at random among {num_steps}")


class NoAnalyst:
    """Names no skill."""

    def __init__(self, teacher: Teacher | None = None) -> None: ...

    def fingerprint(self) -> dict[str, Any]:
        return {}

    def analyse(self, errors: Sequence[ErrorSample], mistakes: Sequence[Mistake]) -> list[Gap]:
        """An abstained gap an error."""
        return [abstained(mistake) for _, mistake in zip(errors, mistakes, strict=True)]


class RawStep:
    """Takes the mistaken step's own text for the missing skill."""

    def __init__(self, teacher: Teacher | None = None) -> None: ...

    def fingerprint(self) -> dict[str, Any]:
        return {}

    def analyse(self, errors: Sequence[ErrorSample], mistakes: Sequence[Mistake]) -> list[Gap]:
        """One gap an error, abstained where no mistake was placed."""
        return [
            abstained(mistake)
            if mistake.step is None
            else named(error, mistake.step, error.prediction.steps[mistake.step - 1])
            for error, mistake in zip(errors, mistakes, strict=True)
        ]
