"""A teacher, and a desk, that say what they are told: for tests, and for trying parts without a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edt.protocols import Capabilities, Cost, Rationale
from edt.teachers.calls import Abilities, Call, Choice, Phrasing, Reply

Weigher = Callable[[Rationale], list[list[float]]]
Writer = Callable[[str], str]


class ScriptedTeacher:
    """Weighs by `weights`, writes by `replies`, and keeps what it was asked in `weighed` and `prompts`.

    Without `weights` all options weigh the same; without `replies` it repeats
    the last word of the prompt.
    """

    def __init__(
        self, *, weights: Weigher | None = None, replies: Writer | None = None, can: Capabilities | None = None
    ) -> None:
        self.name = "scripted"
        self.can = can or Capabilities(logprobs=True, completion=True)
        self._weights, self._replies = weights or _uniform, replies or _last_word
        self.weighed: list[Rationale] = []
        self.prompts: list[str] = []

    def fingerprint(self) -> dict[str, Any]:
        return {"scripted": True}

    def prepare(self) -> None: ...

    def complete(self, prompts: Sequence[str], *, max_tokens: int, lines: bool = False) -> list[str]:
        self.prompts += prompts
        replies = [self._replies(prompt) for prompt in prompts]
        return replies if lines else [reply.partition("\n")[0] for reply in replies]

    def weigh(self, rationales: Sequence[Rationale]) -> list[list[list[float]]]:
        self.weighed += rationales
        return [self._weights(rationale) for rationale in rationales]


class ScriptedDesk:
    """Replies to each call by `reply`, and keeps what it was asked in `calls`."""

    def __init__(self, reply: Callable[[Call], Choice], *, can: Abilities | None = None) -> None:
        self._reply, self._can = reply, can
        self.calls: list[Call] = []

    def ask(self, calls: Sequence[Call], what: str) -> list[Reply]:
        self.calls += calls
        return [
            Reply(choices=(self._reply(call),), model="scripted", prompt_tokens=1, completion_tokens=1)
            for call in calls
        ]

    def abilities(self, phrasing: Phrasing, *, afresh: bool = False) -> Abilities | None:
        return self._can

    def cost(self, calls: Sequence[Call]) -> Cost:
        return Cost(calls=len(calls), tokens_in=0, tokens_out=0, usd=0.0)

    def expected(self, calls: Sequence[Call]) -> Cost | None:
        return None

    def spent(self) -> Cost:
        return self.cost(self.calls)

    def pace(self) -> float | None:
        return None

    def asked(self) -> Cost:
        return Cost(calls=len(self.calls), tokens_in=len(self.calls), tokens_out=len(self.calls), usd=0.0)


def _uniform(rationale: Rationale) -> list[list[float]]:
    share = 1 / len(rationale.options)
    return [[share] * len(rationale.options) for _ in range(len(rationale.steps) + 1)]


def _last_word(prompt: str) -> str:
    return prompt.split()[-1]
