"""What questions to a teacher would cost, before any is asked. Stands where a teacher stands, and asks nobody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from edt.protocols import Cost, Rationale, Teacher
from edt.teachers.meter import cost_of, cost_to_weigh

NOTHING = Cost(calls=0, tokens_in=0, tokens_out=0, usd=0.0)


class Reckoner:
    """Takes a teacher's place and adds up at most what it would cost; its replies are empty, its weights even."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher
        self.name, self.can = teacher.name, teacher.can
        self.cost = NOTHING

    def fingerprint(self) -> Any:
        return self._teacher.fingerprint()

    def prepare(self) -> None: ...

    def complete(self, prompts: Sequence[str], *, max_tokens: int, **more: Any) -> list[str]:
        """An empty reply a prompt; what else is said of how to write changes no cost."""
        self.cost = total([self.cost, cost_of(self._teacher, prompts, max_tokens=max_tokens)])
        return [""] * len(prompts)

    def weigh(self, rationales: Sequence[Rationale]) -> list[list[list[float]]]:
        self.cost = total([self.cost, cost_to_weigh(self._teacher, rationales)])
        return [[[1 / len(r.options)] * len(r.options)] * (len(r.steps) + 1) for r in rationales]


def total(costs: Iterable[Cost]) -> Cost:
    """All of them together."""
    there = list(costs)
    return Cost(
        calls=sum(cost.calls for cost in there),
        tokens_in=sum(cost.tokens_in for cost in there),
        tokens_out=sum(cost.tokens_out for cost in there),
        usd=sum(cost.usd for cost in there),
    )


def times(cost: Cost, number: int) -> Cost:
    """So many of the same."""
    return Cost(
        calls=cost.calls * number,
        tokens_in=cost.tokens_in * number,
        tokens_out=cost.tokens_out * number,
        usd=cost.usd * number,
    )
