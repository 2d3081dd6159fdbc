"""Seconds that this process spent inside model code, by kind of work. Knows no model."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_seconds: dict[str, float] = {}
_depth = 0


@contextmanager
def model_time(kind: str) -> Iterator[None]:
    """Count the block as model code; a block inside another is not counted twice."""
    global _depth
    start = time.perf_counter()
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if _depth == 0:
            _seconds[kind] = _seconds.get(kind, 0.0) + time.perf_counter() - start


def model_seconds() -> dict[str, float]:
    """Seconds so far by kind: `load`, `look` (vision), `answer`, `train`."""
    return dict(_seconds)
