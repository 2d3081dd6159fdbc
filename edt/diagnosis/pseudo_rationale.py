"""Mistake identification by matching against a pseudo rationale: the steps that a teacher writes for the gold answer.

A step of the student is matched where one of the teacher's steps holds enough
of its content words (`likeness`); the first that is not is the mistaken step.
Knows the prompt, how its reply is read and how words are compared.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from edt.diagnosis.gaps import NO_STEPS, no_step
from edt.diagnosis.templates import digest, load, one_line
from edt.errors import EdtError
from edt.protocols import Teacher, fingerprint_of
from edt.selection.index import words_of
from edt.types import ErrorSample, Mistake

FIELDS = ("question", "gold")
_LABEL = re.compile(
    r"(?:\bstep\s*\d+\s*[:.)]|(?<!\S)\d+[.)](?=\s)|\b(?:steps|reasoning|rationale)\s*:)\s*", re.IGNORECASE
)
_ANSWER = re.compile(r"\banswer\s*:.*", re.IGNORECASE)
_END = re.compile(r"(?<=[.!?;])\s+")


class PseudoRationale:
    """Blames the first step that none of the teacher's own steps is like; abstains where all are matched.

    A step is matched from a share of `overlap` of its content words on.
    """

    def __init__(
        self, teacher: Teacher, *, overlap: float = 0.5, max_tokens: int = 96, prompt: str = "pseudo_rationale"
    ) -> None:
        if not teacher.can.completion:
            raise EdtError(
                f"identifier pseudo_rationale needs a teacher that writes text, which {teacher.name!r} does not; "
                "choose another teacher, or another identifier"
            )
        if not 0 < overlap <= 1:
            raise EdtError(f"identifier.overlap is {overlap}; it must be above 0 and at most 1")
        if max_tokens < 1:
            raise EdtError(f"identifier.max_tokens is {max_tokens}; it must be 1 or more")
        self._teacher, self._overlap, self._max_tokens = teacher, overlap, max_tokens
        self._prompt = load(prompt, FIELDS)

    def fingerprint(self) -> dict[str, Any]:
        return {
            "teacher": fingerprint_of(self._teacher),
            "overlap": self._overlap,
            "max_tokens": self._max_tokens,
            "reply": "all lines",  # once it was the first alone
            "prompt": digest(self._prompt),
        }

    def identify(self, errors: Sequence[ErrorSample]) -> list[Mistake]:
        """One mistake an error, in order; one without steps, or whose rationale cannot be read, is abstained from."""
        asked = [error for error in errors if error.prediction.steps]
        prompts = [
            self._prompt.format(question=error.sample.question.strip(), gold=error.sample.answer) for error in asked
        ]
        replies = iter(self._teacher.complete(prompts, max_tokens=self._max_tokens, lines=True) if prompts else [])
        return [
            self._judge(error, next(replies)) if error.prediction.steps else no_step(error, NO_STEPS)
            for error in errors
        ]

    def _judge(self, error: ErrorSample, reply: str) -> Mistake:
        wanted = parse_rationale(reply)
        if not wanted:
            return no_step(error, f"the teacher's reply holds no steps: {one_line(reply)!r}", failed=True)
        for number, step in enumerate(error.prediction.steps, 1):
            nearest = max(wanted, key=lambda other: likeness(step, other))
            if (share := likeness(step, nearest)) < self._overlap:
                reason = (
                    f"step {number} ({one_line(step)!r}) is in none of the teacher's steps {' '.join(wanted)!r}: "
                    f"the nearest, {nearest!r}, holds {share:.2f} of its words"
                )
                return Mistake(sample_id=error.sample.id, step=number, reason=reason)
        return no_step(error, f"every step is in one of the teacher's: {' '.join(wanted)!r}")


def parse_rationale(reply: str) -> tuple[str, ...]:
    """The steps of a reply: its lines and sentences, less numbers, labels and an answer; none where it has no word."""
    lines = [_ANSWER.sub("", _LABEL.sub("\n", one_line(line))) for line in reply.split("\n")]
    pieces = (piece.strip() for line in lines for part in line.splitlines() for piece in _END.split(part))
    return tuple(piece for piece in pieces if any(letter.isalpha() for letter in piece))


def likeness(step: str, other: str) -> float:
    """The share of a step's content words that another step holds; 1 where it has none."""
    words = set(words_of(step, stop_words=True))
    return len(words & set(words_of(other, stop_words=True))) / len(words) if words else 1.0
