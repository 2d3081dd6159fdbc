"""Error samples whose first wrong step is known: what ways of finding it are measured on.

A set is the same wherever the same questions are, and is known by its digest;
as a file it is the same anywhere.  Plants mistakes by Pocket's corruptions, and
places real ones by its grammar; asks no teacher.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edt.errors import EdtError
from edt.paths import write_whole
from edt.pocket.corrupt import corrupt
from edt.pocket.statements import first_wrong_step
from edt.store.keys import canonical, digest
from edt.types import ErrorSample, Outcome, Prediction, Sample, from_json, to_json

DRAWS = 30
"""Corruptions that are drawn of a sample, to find one for every step that can be the first wrong one."""
Wrong = tuple[Sequence[str], str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedError:
    """An error and the truth about it."""

    task: str
    error: ErrorSample
    step: int
    """1-based index of the first wrong step."""
    origin: str
    """`planted`, or `student` for one that a student made."""


def planted(task: str, samples: Sequence[Sample], number: int, *, seed: int) -> list[PlacedError]:
    """Up to `number` samples, each with a rationale that is wrong from some step on.

    First wrong steps come as evenly as the facts allow: a corruption is wrong
    from its first step on far more often than not, and whoever always blames
    the first would look clever.
    """
    drawn = {sample.id: _corruptions(sample, seed) for sample in samples}
    order = sorted(samples, key=lambda sample: digest([seed, sample.id]))
    by_step: dict[int, list[Sample]] = {}
    for sample in order:
        for step in drawn[sample.id]:
            by_step.setdefault(step, []).append(sample)
    steps = sorted(by_step, key=lambda step: len(by_step[step]))  # the rarest first
    chosen: dict[str, PlacedError] = {}
    while steps and len(chosen) < number:
        for step in list(steps):
            left = [sample for sample in by_step[step] if sample.id not in chosen]
            if not left:
                steps.remove(step)
            elif len(chosen) < number:
                chosen[left[0].id] = _planted(task, left[0], drawn[left[0].id][step])
    return [chosen[sample.id] for sample in order if sample.id in chosen]


def _corruptions(sample: Sample, seed: int) -> Mapping[int, Wrong]:
    """A corruption for each step that can be the first wrong one."""
    if sample.truth is None:
        raise EdtError(f"sample {sample.id!r} carries no planted truth, so no mistake can be planted in it")
    draws = (corrupt(sample, random.Random(f"frozen {seed}/{sample.id}/{number}")) for number in range(DRAWS))
    found: dict[int, Wrong] = {}
    for wrong in draws:
        if wrong is not None:
            found.setdefault(wrong[2], wrong)
    return found


def _planted(task: str, sample: Sample, wrong: Wrong) -> PlacedError:
    steps, answer, step = wrong
    prediction = Prediction(sample_id=sample.id, text="", steps=tuple(steps), answer=answer, outcome=Outcome.WRONG)
    return PlacedError(task=task, error=ErrorSample(sample=sample, prediction=prediction), step=step, origin="planted")


def placed(task: str, errors: Sequence[ErrorSample]) -> list[PlacedError]:
    """A student's own errors, placed by the grammar; those whose steps are all true have no place, and are left out."""
    steps = [first_wrong_step(error.sample, error.prediction.steps) for error in errors]
    pairs = zip(errors, steps, strict=True)
    return [PlacedError(task=task, error=error, step=step, origin="student") for error, step in pairs if step]


def digest_of(errors: Sequence[PlacedError]) -> str:
    """The name of a set: a hash of all that is in it."""
    return digest(to_json(errors))


def write_errors(errors: Sequence[PlacedError], path: Path) -> None:
    """A line of JSON an error."""
    write_whole(path, "".join(f"{canonical(to_json(error))}\n" for error in errors))


def read_errors(path: Path) -> list[PlacedError]:
    """What `write_errors` wrote; raises EdtError where the file is missing or a line is no such error."""
    if not path.is_file():
        raise EdtError(f"there is no file of errors at {path}; leave errors= out, and one is made")
    errors = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            errors.append(from_json(PlacedError, json.loads(line)))
        except (ValueError, TypeError) as error:
            raise EdtError(f"{path}, line {number}, is no error of a frozen set: {error}") from error
    return errors
