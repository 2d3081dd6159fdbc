"""Small pieces of Markdown: tables, paragraphs, figures in a sentence. Knows nothing of what they tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import fill

WIDTH = 120


def blocks(*parts: str) -> str:
    """Parts with an empty line between; those of one line that are prose are broken at `WIDTH` characters."""
    return "\n\n".join(
        part if part.startswith(("#", "|", "!", "-", "<")) or "\n" in part else _fill(part) for part in parts
    )


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """A table whose first `words` columns are text, the others figures."""
    rule = ["---" if column < words else "---:" for column in range(len(heads))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def percent(share: float) -> str:
    """A share in [0, 1] as a figure with at most one decimal, without the sign."""
    return f"{100 * share:.1f}".removesuffix(".0")


def listed(names: Iterable[str]) -> str:
    """`a, b and c`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _fill(text: str) -> str:
    return fill(text, width=WIDTH, break_long_words=False, break_on_hyphens=False)
