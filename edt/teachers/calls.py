"""What is asked of an endpoint and what comes back, as plain data: the unit that is paid for, kept and replayed.

Knows the form of a chat request; no network, no file, no price.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from edt.errors import EdtError
from edt.protocols import Cost
from edt.store.keys import digest

CUT = "length"
"""The finish reason of a reply that ran into its limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One chat request: its whole body, and nothing that is not in it.

    Model, prompt and decoding settings stand in the body, and a picture would
    stand there as its content, so equal keys mean equal questions.
    """

    request: Mapping[str, Any]

    @property
    def key(self) -> str:
        return digest({"request": self.request})


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One answer of a reply. Look at `finish` before `text`."""

    text: str
    finish: str
    """`stop`, `length` (cut off), `content_filter` …; as the endpoint said it."""
    first: Mapping[str, float] | None = None
    """Log-probabilities of the likeliest first tokens; None where the endpoint gave none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What an endpoint answered to one call."""

    choices: tuple[Choice, ...]
    model: str
    """As the endpoint names what answered."""
    prompt_tokens: int | None
    """None where it did not say."""
    completion_tokens: int | None

    @property
    def choice(self) -> Choice:
        return self.choices[0]


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """What an endpoint was seen to do."""

    logprobs: bool
    schema: str
    """`honoured`, `ignored`, `refused` (with an error), or `unasked` where no dialect is set."""


@dataclass(frozen=True, kw_only=True)
class Phrasing:
    """How calls to one model are written."""

    model: str
    schema: str = "none"
    """The dialect of `edt.teachers.forms` that its endpoint takes a JSON schema in."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of every request; one that is None is left out of it."""

    def __post_init__(self) -> None:
        if self.body.get("max_tokens", 0) is None and type(self.body.get("max_completion_tokens")) is not int:
            raise EdtError("teacher.body takes max_tokens away and sets no max_completion_tokens: replies need an end")

    def call(self, messages: str | Sequence[Mapping[str, str]], *, max_tokens: int, **more: Any) -> Call:
        """A call with one user's message, or with a conversation; greedy unless `more` says otherwise."""
        said = [{"role": "user", "content": messages}] if isinstance(messages, str) else [dict(m) for m in messages]
        settings = {"max_tokens": max_tokens, "temperature": 0.0, **more, **self.body}
        kept = {name: value for name, value in settings.items() if value is not None}
        return Call(request={"model": self.model, "messages": said, **kept})


class Desk(Protocol):
    """Where calls are handed in."""

    def ask(self, calls: Sequence[Call], what: str) -> list[Reply]:
        """A reply a call, in order; `what` is shown on the progress bar. Raises EdtError where any has none."""
        ...

    def abilities(self, phrasing: Phrasing, *, afresh: bool = False) -> Abilities | None:
        """What the endpoint was seen to do, tried out where that is not known; None where nothing is asked for real."""
        ...

    def cost(self, calls: Sequence[Call]) -> Cost:
        """At most what these calls would cost now; those that are here already cost nothing."""
        ...

    def expected(self, calls: Sequence[Call]) -> Cost | None:
        """About what these calls would cost now, going by earlier ones; None where too few are known."""
        ...

    def spent(self) -> Cost:
        """What has been spent on this model so far, all runs together and retries included."""
        ...

    def asked(self) -> Cost:
        """What was handed in at this desk, by its replies' tokens, wherever they came from; no dollars."""
        ...

    def pace(self) -> float | None:
        """Seconds that a call took of late; None where none is known."""
        ...


class Tally:
    """Counts what is handed in at a desk. The same questions make the same figures, paid for or not."""

    def __init__(self) -> None:
        self._calls, self._tokens_in, self._tokens_out = 0, 0, 0

    def add(self, replies: Iterable[Reply]) -> None:
        for reply in replies:
            self._calls += 1
            self._tokens_in += reply.prompt_tokens or 0
            self._tokens_out += reply.completion_tokens or 0

    def cost(self) -> Cost:
        return Cost(calls=self._calls, tokens_in=self._tokens_in, tokens_out=self._tokens_out, usd=0.0)
