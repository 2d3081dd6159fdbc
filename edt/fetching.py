"""Files that a part fetches on first use, told of before anything is. Knows sizes, not where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from edt.errors import EdtError

_allowed: ContextVar[bool] = ContextVar("fetching_allowed", default=True)


class NotHere(EdtError):
    """Files would have to be fetched, and whoever asked wanted only to look."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """What a part loads, as far as it can be told without fetching or loading anything; sizes in GB of 1e9 bytes."""

    folder: Path | None
    """Where it lies; None: not here yet, or not whole."""
    into: Path
    """Where it would be fetched to."""
    lacking_gb: float | None
    """What is still to be fetched; None: not known."""
    memory_gb: float | None
    """Of the weights alone as they would be held on a GPU; None: not known, or not held on one."""
    precision: str
    """What `memory_gb` is told for."""

    @property
    def sentence(self) -> str:
        """What stands out, for a reader."""
        size = "" if self.lacking_gb is None else f"; about {self.lacking_gb:.1f} GB will be fetched"
        return f"not here yet{size}"


@runtime_checkable
class Fetches(Protocol):
    """A part that may have to fetch what it loads."""

    def files(self) -> Files:
        """Looks, and fetches nothing."""
        ...


@contextmanager
def only_looking() -> Iterator[None]:
    """Nothing is fetched in the block; what is not here raises NotHere."""
    before = _allowed.set(False)
    try:
        yield
    finally:
        _allowed.reset(before)


def may_fetch() -> bool:
    """Asked by whoever is about to fetch."""
    return _allowed.get()
