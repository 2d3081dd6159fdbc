"""How a reply is taken apart: reasoning steps, and an answer or none.

Rules, in order: steps are the lines (or stretches) that begin with `Step N:`;
the answer is what follows the last `Answer:`, up to the end of its line.  No
`Answer:` means no answer: nothing is guessed from the steps.
"""

from __future__ import annotations

import re

_STEP = re.compile(
    r"\bstep\s*\d+\s*[:.)]\s*(.*?)\s*(?=\bstep\s*\d+\s*[:.)]|\banswer\s*:|\Z)", re.IGNORECASE | re.DOTALL
)
_ANSWER = re.compile(r"\banswer\s*:[ \t]*([^\n]*)", re.IGNORECASE)


def read_steps(reply: str) -> tuple[str, ...]:
    """The reasoning steps in order, without labels and without empty ones."""
    return tuple(" ".join(step.split()) for step in _STEP.findall(reply) if step.strip())


def read_answer(reply: str) -> str | None:
    """The text after the last `Answer:`; None where there is none."""
    found = _ANSWER.findall(reply)
    answer = normalise(found[-1]) if found else ""
    return answer or None


def normalise(answer: str) -> str:
    """Lower case, single spaces, no closing full stop or quotes: what answers are compared by."""
    return " ".join(answer.lower().split()).strip(" .\"'`")


def match_option(answer: str, options: tuple[str, ...]) -> str | None:
    """The option that an answer names, word for word; None where it names none of them."""
    return next((option for option in options if normalise(option) == normalise(answer)), None)
