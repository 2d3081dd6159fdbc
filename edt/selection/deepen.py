"""Rankings that are searched only as deep as they are read. Knows no engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from edt.selection.deal import Hit, Ranking

TIMES_DEEPER = 8
SHALLOW = 64
"""Hits that every query is searched for at least."""


class Deepening(Iterable[Hit]):
    """Hits of one query, best first. Read again, by another error with the same query, they are not searched again.

    `search(depth)` gives the first `depth` hits, fewer only where there are no more.
    """

    def __init__(self, search: Callable[[int], Sequence[Hit]], *, first: int) -> None:
        self._search, self._depth = search, first
        self._hits: Sequence[Hit] = ()
        self._whole = False

    def __iter__(self) -> Iterator[Hit]:
        place = 0
        while place < len(self._hits) or self._deepen():
            yield self._hits[place]
            place += 1

    def _deepen(self) -> bool:
        """Whether there were more."""
        if self._whole:
            return False
        before, self._hits = len(self._hits), self._search(self._depth)
        self._whole = len(self._hits) < self._depth
        self._depth *= TIMES_DEEPER
        return len(self._hits) > before


def rankings_of(
    queries: Sequence[tuple[str, str | None]], search: Callable[[str, int], Sequence[Hit]], *, budget: int
) -> list[Ranking]:
    """A ranking a (query, error id) pair; identical queries share one, searched about as deep as `budget` asks.

    `search(query, depth)` is as `Deepening` has it, and ranks all samples, those that were used before too.
    """
    texts = dict.fromkeys(query for query, _ in queries)
    first = max(SHALLOW, 2 * budget // max(1, len(texts)))
    found = {text: Deepening(partial(search, text), first=first) for text in texts}
    return [Ranking(query=query, error_id=error_id, hits=found[query]) for query, error_id in queries]
