"""What a call may cost and what it did cost, from a dated file. Knows prices and token counts, no endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.store.keys import canonical
from edt.teachers.calls import Call

FILE = Path(__file__).with_name("prices.yaml")
AROUND = 64
"""Tokens that a chat format may put around a request, at most."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float
    as_of: str
    """The date of the price."""

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6

    def at_most(self, call: Call) -> float:
        """No reply to this call costs more."""
        return self.of(size_of(call), longest_of(call))


def size_of(call: Call) -> int:
    """Tokens of a question at most: no tokenizer makes more of a text than it has bytes."""
    return len(canonical([call.request["messages"], call.request.get("response_format")]).encode()) + AROUND


def longest_of(call: Call) -> int:
    """Tokens of a reply at most."""
    return max(call.request.get("max_tokens", 0), call.request.get("max_completion_tokens", 0))


def price_of(model: str, own: Sequence[float] | None = None) -> Price:
    """The price of a model: `own` (input, output) where it is given, else from the file; raises EdtError without."""
    if own is not None:
        if len(own) != 2 or not all(type(part) in (int, float) and 0 <= part < 1e6 for part in own):
            raise EdtError(f"teacher.usd_per_million is {list(own)}; give two prices, as [0.15,0.6]: input and output")
        return Price(input=float(own[0]), output=float(own[1]), as_of="given")
    known = _read()["models"]
    if model not in known:
        raise EdtError(
            f"no price is known for the model {model!r}; set teacher.usd_per_million=[INPUT,OUTPUT] in dollars for a "
            f"million tokens ([0,0] for a server of your own), or choose one of {', '.join(known)}"
        )
    found = known[model]
    return Price(input=found["input"], output=found["output"], as_of=str(found["as_of"]))


@lru_cache
def _read() -> Mapping[str, Any]:
    import yaml

    return yaml.safe_load(FILE.read_text("utf-8"))
