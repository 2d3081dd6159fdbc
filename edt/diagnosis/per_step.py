"""Mistake identification by asking the teacher about each step: is it right or wrong?

Knows the prompt, the two verdicts and how a reply is read.  The teacher sees
the gold answer and the steps so far, never a picture.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from edt.diagnosis.gaps import NO_STEPS, no_step
from edt.diagnosis.templates import around_steps, digest, load, one_line, step_lines
from edt.errors import EdtError
from edt.protocols import Rationale, Teacher, fingerprint_of
from edt.types import ErrorSample, Mistake, PrefixWeights

FIELDS = ("question", "gold", "steps")
VERDICTS = ("right", "wrong")
WAYS = ("weigh", "complete")
_VERDICT = re.compile(
    r"\W*(?:(?:the|this) (?:last )?step is )?(right|correct|true|wrong|incorrect|false)\b", re.IGNORECASE
)
_WRONG = ("wrong", "incorrect", "false")


class PerStep:
    """Blames the first step that the teacher calls wrong; abstains where it calls none so.

    `ask` is "weigh" (the probability of "wrong" against "right" after each
    step, wrong where it exceeds `threshold`) or "complete" (a verdict in words,
    which counts as certain; one that cannot be read is none).
    """

    def __init__(
        self,
        teacher: Teacher,
        *,
        ask: str = "weigh",
        threshold: float = 0.5,
        max_tokens: int = 8,
        prompt: str = "per_step",
    ) -> None:
        if ask not in WAYS:
            raise EdtError(f"identifier.ask is {ask!r}; choose one of {', '.join(WAYS)}")
        if not (teacher.can.weighs if ask == "weigh" else teacher.can.completion):
            raise EdtError(
                f"identifier per_step cannot {ask} with the teacher {teacher.name!r}; "
                f"set identifier.ask={WAYS[ask == 'weigh']}, or choose another teacher"
            )
        if not 0 < threshold < 1:
            raise EdtError(f"identifier.threshold is {threshold}; it must lie between 0 and 1")
        if max_tokens < 1:
            raise EdtError(f"identifier.max_tokens is {max_tokens}; it must be 1 or more")
        self._teacher, self._ask, self._threshold, self._max_tokens = teacher, ask, threshold, max_tokens
        self._prompt = load(prompt, FIELDS)
        self._head, self._probe = around_steps(self._prompt)

    def fingerprint(self) -> dict[str, Any]:
        return {
            "teacher": fingerprint_of(self._teacher),
            "ask": self._ask,
            "threshold": self._threshold,
            "max_tokens": self._max_tokens,
            "prompt": digest(self._prompt),
        }

    def identify(self, errors: Sequence[ErrorSample]) -> list[Mistake]:
        """One mistake an error, in order; errors without steps are abstained from."""
        asked = [error for error in errors if error.prediction.steps]
        found = iter(self._weighed(asked) if self._ask == "weigh" else self._told(asked))
        return [
            self._judge(error, next(found)) if error.prediction.steps else no_step(error, NO_STEPS) for error in errors
        ]

    def _weighed(self, errors: Sequence[ErrorSample]) -> list[list[float | None]]:
        """Of each error and step, the probability that it is wrong."""
        rationales = [
            Rationale(
                head=self._opening(error),
                steps=tuple(step_lines(error.prediction.steps)),
                probe=self._probe,
                options=tuple(f" {verdict}" for verdict in VERDICTS),
            )
            for error in errors
        ]
        weighed = self._teacher.weigh(rationales) if rationales else []
        return [[wrong for _, wrong in rows[1:]] for rows in weighed]  # before the first step there is none to judge

    def _told(self, errors: Sequence[ErrorSample]) -> list[list[float | None]]:
        """The same from verdicts in words; None where one cannot be read."""
        prompts = []
        for error in errors:
            lines = step_lines(error.prediction.steps)
            prompts += [
                self._opening(error) + "".join(lines[:count]) + self._probe for count in range(1, len(lines) + 1)
            ]
        replies = iter(self._teacher.complete(prompts, max_tokens=self._max_tokens) if prompts else [])
        return [[parse_verdict(next(replies)) for _ in error.prediction.steps] for error in errors]

    def _opening(self, error: ErrorSample) -> str:
        return self._head.format(question=error.sample.question.strip(), gold=error.sample.answer)

    def _judge(self, error: ErrorSample, wrongs: Sequence[float | None]) -> Mistake:
        blamed = next((n for n, p in enumerate(wrongs, 1) if p is not None and p > self._threshold), None)
        unread = sum(wrong is None for wrong in wrongs)
        if blamed is None:
            reason = "the teacher calls no step wrong"
        else:
            text = one_line(error.prediction.steps[blamed - 1])
            reason = f"the teacher calls step {blamed} ({text!r}) wrong, with {wrongs[blamed - 1]:.2f}"
        return Mistake(
            sample_id=error.sample.id,
            step=blamed,
            reason=reason + (f"; {unread} of its verdicts cannot be read" if unread else ""),
            evidence=tuple(
                PrefixWeights(steps=n, probabilities=dict(zip(VERDICTS, (1 - wrong, wrong), strict=True)))
                for n, wrong in enumerate(wrongs, 1)
                if wrong is not None
            ),
            failed=blamed is None and unread > 0,
        )


def parse_verdict(reply: str) -> float | None:
    """1 where a reply begins by calling the step wrong, 0 where right, None where it says neither."""
    found = _VERDICT.match(reply)
    return None if found is None else float(found[1].lower() in _WRONG)
