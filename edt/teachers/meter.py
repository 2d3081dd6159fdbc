"""What a teacher is asked, counted. Knows calls, tokens, dollars and seconds; not what they are about."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from edt.protocols import Capabilities, Cost, Priced, Rationale, Teacher

CHARACTERS_A_TOKEN = 4
"""A rule of thumb, for teachers that do not count their tokens."""
FREE = "0 dollars: it has no price"


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What was asked so far. `counted` says whether the teacher counted tokens and dollars itself."""

    calls: int
    """Questions that were asked, whether their replies were bought or held already."""
    tokens: int
    """Of the questions and their replies, wherever these came from."""
    usd: float
    """For what was bought."""
    seconds: float
    counted: bool
    bought: int | None = None
    """Calls that were paid for, retries included; None for a teacher that has no price."""


def cost_of(teacher: Teacher, prompts: Sequence[str], *, max_tokens: int) -> Cost:
    """At most what the prompts will cost; tokens are a rule of thumb for a teacher that is not priced."""
    if isinstance(teacher, Priced):
        return teacher.cost(prompts, max_tokens=max_tokens)
    return Cost(calls=len(prompts), tokens_in=_tokens(prompts), tokens_out=max_tokens * len(prompts), usd=0.0)


def cost_to_weigh(teacher: Teacher, rationales: Sequence[Rationale]) -> Cost:
    """The same of weighing; one that is not priced takes a call a rationale."""
    if isinstance(teacher, Priced):
        return teacher.cost_to_weigh(rationales)
    return Cost(calls=len(rationales), tokens_in=_tokens(map(_whole, rationales)), tokens_out=0, usd=0.0)


def words_of(cost: Cost, teacher: Teacher) -> str:
    """Calls, tokens and dollars for a reader; cents are rounded up, so that what is at most stays so."""
    money = f"at most {math.ceil(100 * cost.usd) / 100:,.2f} dollars" if isinstance(teacher, Priced) else FREE
    return f"{cost.calls:,} calls, about {cost.tokens_in:,} tokens in and at most {cost.tokens_out:,} out, {money}"


def words_on_expected(cost: Cost) -> str:
    """The same of what is expected, which is no bound."""
    money = f"{cost.usd:,.2f} dollars" if cost.usd >= 0.01 else "less than a cent" if cost.usd else "0 dollars"
    return f"about {cost.calls:,} calls, {cost.tokens_in:,} tokens in and {cost.tokens_out:,} out, {money}"


class Meter:
    """Stands before a teacher, and is one.

    A call is a prompt that is completed, or a rationale that is weighed; where
    the teacher is priced, calls, tokens and dollars are those that it says. Calls
    and tokens are the same when all of it is asked again and nothing is bought.
    """

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher
        self._before = (teacher.asked(), teacher.spent()) if isinstance(teacher, Priced) else None
        self._calls, self._tokens, self._seconds = 0, 0, 0.0

    @property
    def name(self) -> str:
        return self._teacher.name

    @property
    def can(self) -> Capabilities:
        return self._teacher.can

    def fingerprint(self) -> Any:
        """The teacher's own: being counted changes no answer."""
        return self._teacher.fingerprint()

    def prepare(self) -> None:
        self._teacher.prepare()

    def complete(self, prompts: Sequence[str], *, max_tokens: int, lines: bool = False) -> list[str]:
        start = time.perf_counter()
        replies = self._teacher.complete(prompts, max_tokens=max_tokens, lines=lines)
        self._add(start, len(prompts), _tokens([*prompts, *replies]))
        return replies

    def weigh(self, rationales: Sequence[Rationale]) -> list[list[list[float]]]:
        start = time.perf_counter()
        weights = self._teacher.weigh(rationales)
        self._add(start, len(rationales), _tokens(map(_whole, rationales)))
        return weights

    def bill(self) -> Bill:
        """Of all that was asked through this meter."""
        seconds = round(self._seconds, 2)
        if self._before is None or not isinstance(self._teacher, Priced):
            return Bill(calls=self._calls, tokens=self._tokens, usd=0.0, seconds=seconds, counted=False)
        (asked_before, before), asked, spent = self._before, self._teacher.asked(), self._teacher.spent()
        tokens = asked.tokens_in + asked.tokens_out - asked_before.tokens_in - asked_before.tokens_out
        return Bill(
            calls=asked.calls - asked_before.calls,
            tokens=tokens,
            usd=round(spent.usd - before.usd, 6),
            seconds=seconds,
            counted=True,
            bought=spent.calls - before.calls,
        )

    def _add(self, start: float, calls: int, tokens: int) -> None:
        self._calls += calls
        self._tokens += tokens
        self._seconds += time.perf_counter() - start


def _whole(rationale: Rationale) -> str:
    return "".join([rationale.head, *rationale.steps, rationale.probe])


def _tokens(texts: Iterable[str]) -> int:
    return sum(len(text) for text in texts) // CHARACTERS_A_TOKEN
