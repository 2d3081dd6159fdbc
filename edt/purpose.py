"""What the work at hand is for: the key of a stage, say. Knows neither who sets it nor who asks.

A teacher notes it beside every call, so that the calls behind one result can
be told from all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("purpose", default="")


@contextmanager
def working_for(purpose: str) -> Iterator[None]:
    """The block's work is for `purpose`."""
    before = _current.set(purpose)
    try:
        yield
    finally:
        _current.reset(before)


def purpose() -> str:
    """What work is for in this thread; empty where nobody said."""
    return _current.get()
