"""Mistake identification by answer switch: where does a teacher start to believe the wrong answer?

Knows the prompt, the candidates and the rule of the switch.  Never shows the
teacher a picture, and knows nothing of how it computes probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edt.diagnosis.gaps import NO_STEPS
from edt.diagnosis.templates import around_steps, digest, load, one_line, step_lines
from edt.errors import EdtError
from edt.protocols import Rationale, Teacher, fingerprint_of
from edt.types import ErrorSample, Mistake, PrefixWeights, Sample

FIELDS = ("question", "favoured", "percent", "steps")


class AnswerSwitch:
    """Blames the first step from which P(wrong) - P(gold) > `threshold` for `patience` steps.

    The step itself is the first of them; where fewer steps are left, all of
    these must hold.  `prior` is the probability that the prompt's hint gives
    the gold answer.  The paper's values of all three are unknown; these
    defaults are ours.
    """

    def __init__(
        self,
        teacher: Teacher,
        *,
        prior: float = 0.6,
        threshold: float = 0.0,
        patience: int = 1,
        prompt: str = "answer_switch",
    ) -> None:
        if not teacher.can.weighs:
            raise EdtError(
                f"identifier answer_switch weighs options, which the teacher {teacher.name!r} cannot do; "
                "choose another teacher, or another identifier"
            )
        if not 0 < prior < 1:
            raise EdtError(f"identifier.prior is {prior}; it must lie between 0 and 1 (0.6 is the paper's example)")
        if not 0 <= threshold < 1:
            raise EdtError(f"identifier.threshold is {threshold}; it must be at least 0 and below 1")
        if patience < 1:
            raise EdtError(f"identifier.patience is {patience}; it must be 1 step or more")
        self._teacher, self._prior, self._threshold, self._patience = teacher, prior, threshold, patience
        self._prompt = load(prompt, FIELDS)
        around_steps(self._prompt)  # refuses a prompt that cannot grow

    def fingerprint(self) -> dict[str, Any]:
        return {
            "teacher": fingerprint_of(self._teacher),
            "prior": self._prior,
            "threshold": self._threshold,
            "patience": self._patience,
            "prompt": digest(self._prompt),
        }

    def identify(self, errors: Sequence[ErrorSample]) -> list[Mistake]:
        """One mistake an error, in order. Errors without steps or without a wrong answer are abstained from."""
        excuses = [_excuse(error) for error in errors]
        asked = [error for error, excuse in zip(errors, excuses, strict=True) if excuse is None]
        rationales = [
            rationale_of(
                error.sample,
                error.prediction.steps,
                candidates(error.sample, error.prediction.answer or ""),
                favoured=error.sample.answer,
                prior=self._prior,
                prompt=self._prompt,
            )
            for error in asked
        ]
        weighed = iter(zip(asked, self._teacher.weigh(rationales) if asked else [], strict=True))
        return [
            Mistake(sample_id=error.sample.id, step=None, reason=excuse) if excuse else self._judge(*next(weighed))
            for error, excuse in zip(errors, excuses, strict=True)
        ]

    def _judge(self, error: ErrorSample, weights: Sequence[Sequence[float]]) -> Mistake:
        sample, steps = error.sample, error.prediction.steps
        names = candidates(sample, error.prediction.answer or "")
        wrong, gold = _place(error.prediction.answer or "", names), _place(sample.answer, names)
        evidence = tuple(
            PrefixWeights(steps=k, probabilities=dict(zip(names, row, strict=True))) for k, row in enumerate(weights)
        )
        step = switch([row[wrong] - row[gold] for row in weights], threshold=self._threshold, patience=self._patience)
        if step is None:
            reason = f"the teacher's belief never switches from {names[gold]!r} to {names[wrong]!r}"
        else:
            before, after = weights[step - 1], weights[step]
            reason = (
                f"after step {step} ({one_line(steps[step - 1])!r}) the teacher gives {names[wrong]!r} "
                f"{after[wrong]:.2f} and {names[gold]!r} {after[gold]:.2f}; "
                f"before it {before[wrong]:.2f} and {before[gold]:.2f}"
            )
        return Mistake(sample_id=sample.id, step=step, reason=reason, evidence=evidence)


def switch(leads: Sequence[float], *, threshold: float, patience: int) -> int | None:
    """First step t >= 1 with leads[t], …, leads[t + patience - 1] > threshold, or None.

    `leads` are P(wrong) - P(gold) after 0, 1, … T steps; those beyond T are not asked for.
    """
    for step in range(1, len(leads)):
        if all(lead > threshold for lead in leads[step : step + patience]):
            return step
    return None


def candidates(sample: Sample, wrong: str) -> tuple[str, ...]:
    """The answers that are weighed: the options, and the gold and the wrong answer where they are not among them."""
    names: list[str] = []
    for name in (*sample.options, sample.answer, wrong):
        if _find(name, names) is None:
            names.append(name)
    return tuple(names)


def rationale_of(
    sample: Sample, steps: Sequence[str], options: Sequence[str], *, favoured: str, prior: float, prompt: str
) -> Rationale:
    """The weighing of `options` over growing `steps`; the hint favours one answer with `prior`."""
    head, probe = around_steps(prompt)
    return Rationale(
        head=head.format(question=sample.question.strip(), favoured=favoured, percent=f"{100 * prior:g}"),
        steps=tuple(step_lines(steps)),
        probe=probe,
        options=tuple(f" {one_line(option)}" for option in options),
    )


def _excuse(error: ErrorSample) -> str | None:
    answer = error.prediction.answer
    if answer is None or not answer.strip():
        return "the reply holds no answer"
    if not error.prediction.steps:
        return NO_STEPS
    if _find(answer, [error.sample.answer]) is not None:
        return "the answer is the gold answer"
    return None


def _find(name: str, names: Sequence[str]) -> int | None:
    key = one_line(name).casefold()
    return next((place for place, other in enumerate(names) if one_line(other).casefold() == key), None)


def _place(name: str, names: Sequence[str]) -> int:
    place = _find(name, names)
    assert place is not None, f"{name!r} is not among the candidates {names}"
    return place
