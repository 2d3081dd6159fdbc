"""Who was asked for a table, and where the probabilities came from. Knows the names that cells carry, no teacher."""

from __future__ import annotations

import re
from collections.abc import Iterable

BY_CHAT = re.compile(r".* \((logprobs|sampling|verbalised)\)")
"""A teacher that is reached by chat names its source itself."""
ORACLE = "oracle"


def teacher_lines(names: Iterable[str]) -> list[str]:
    """A note for a table whose cells name these teachers; none where nobody was asked.

    One in memory has its probabilities from nowhere but its own model: `local`.
    """
    said = [_with_source(name) for name in dict.fromkeys(names) if name]
    return [f"Teachers, with the source of their probabilities: {', '.join(said)}."] if said else []


def _with_source(name: str) -> str:
    if name == ORACLE:
        return f"{name} (none: it reads the planted truth)"
    return name if BY_CHAT.fullmatch(name) else f"{name} (local)"
