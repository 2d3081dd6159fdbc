"""Keeps what a model in memory has said in the call book, so that a stopped piece of work goes on where it was.

Work goes through in pieces of a fixed size, each kept as a whole: what is done
after a stop falls into the same batches as it would have without one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edt.purpose import purpose
from edt.teachers.callbook import CallBook
from edt.teachers.calls import Call, Choice, Reply

PIECE = 128
"""Calls that are kept, or lost, together."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """A result as JSON data, and the tokens that went into it and came out."""

    value: Any
    prompt_tokens: int
    completion_tokens: int = 0


class Memory:
    """The calls of the teacher `name` in `book`; without a book everything is done anew, and nothing is counted."""

    def __init__(self, book: CallBook | None, name: str) -> None:
        self._book, self._name = book, name

    @property
    def keeps(self) -> bool:
        return self._book is not None

    def through(self, requests: Sequence[Mapping[str, Any]], make: Callable[[list[int]], list[Said]]) -> list[Any]:
        """The value of each request; `make` is given the places of those that have to be done."""
        if self._book is None:
            return [said.value for said in make(list(range(len(requests))))]
        calls = [Call(request=request) for request in requests]
        keys = [call.key for call in calls]
        known = {key: json.loads(reply.choice.text) for key, reply in self._book.replies(keys).items()}
        missing = list({key: place for place, key in enumerate(keys) if key not in known}.values())
        self._book.note_uses(purpose(), keys)
        self._book.note_hits(self._name, len(keys) - len(missing))
        for start in range(0, len(missing), PIECE):
            places = missing[start : start + PIECE]
            made = make(places)
            replies = [self._reply(said) for said in made]
            self._book.keep(self._name, [(calls[n], reply) for n, reply in zip(places, replies, strict=True)])
            known |= {keys[n]: json.loads(reply.choice.text) for n, reply in zip(places, replies, strict=True)}
        return [known[key] for key in keys]

    def _reply(self, said: Said) -> Reply:
        return Reply(
            choices=(Choice(text=json.dumps(said.value, ensure_ascii=False), finish="stop"),),
            model=self._name,
            prompt_tokens=said.prompt_tokens,
            completion_tokens=said.completion_tokens,
        )
