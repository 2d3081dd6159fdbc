"""Rankings that are searched only as deep as they are read. Knows neither engines nor budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from edt.selection.deal import Hit

TIMES_DEEPER = 8


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
