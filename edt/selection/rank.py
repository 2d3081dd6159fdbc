"""Scores to rankings: best first, ties by id. Knows numbers and ids; not where a score comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from edt.selection.deal import Hit

if TYPE_CHECKING:
    import numpy as np


class Ranked(Sequence[Hit]):
    """Documents of a pool by score descending, then id ascending; a `Hit` is made when it is asked for.

    `documents` are (id, text) pairs in the order of their ids, `scores` one
    for each.  Ranks count the documents in `without`, which are then left out;
    at most `top_k` remain, and no more than they are held.
    """

    def __init__(
        self,
        documents: Sequence[tuple[str, str]],
        scores: np.ndarray,
        *,
        without: frozenset[str] = frozenset(),
        top_k: int | None = None,
    ) -> None:
        import numpy as np

        if len(documents) != len(scores):
            raise ValueError(f"{len(scores)} scores do not fit {len(documents)} documents")
        order = _best(-scores, None if top_k is None else top_k + len(without))
        ranks = np.arange(1, len(order) + 1)
        if without:
            kept = np.fromiter((documents[at][0] not in without for at in order), dtype=bool, count=len(order))
            order, ranks = order[kept], ranks[kept]
        self._documents = documents
        self._order, self._ranks = order[:top_k].copy(), ranks[:top_k].copy()  # a view would keep the rest in memory
        self._scores = scores[self._order]

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, index: int) -> Hit: ...

    @overload
    def __getitem__(self, index: slice) -> list[Hit]: ...

    def __getitem__(self, index: int | slice) -> Hit | list[Hit]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = self._order[index]
        sample_id, text = self._documents[at]
        return Hit(sample_id=sample_id, rank=int(self._ranks[index]), score=float(self._scores[index]), text=text)


def _best(costs: np.ndarray, depth: int | None) -> np.ndarray:
    """Places of the `depth` least costs, or a few more, in order, ties by place; None gives all."""
    import numpy as np

    if depth is None or depth >= len(costs):
        return np.argsort(costs, kind="stable")
    cut = np.partition(costs, depth)[depth]
    near = np.flatnonzero(~(costs > cut))  # written so, what is no number stays in, and comes last
    return near[np.argsort(costs[near], kind="stable")]


def cosines(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n, m) cosines of (n, d) rows and (m, d) others, to five digits: what is left is noise, and decides no tie.

    A row of zeros is like nothing.
    """
    return unit_cosines(unit(rows), unit(others))


def unit_cosines(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """`cosines` of rows that `unit` made."""
    return (rows @ others.T).round(5)


def unit(rows: np.ndarray) -> np.ndarray:
    """(n, d) rows of length one, or of zeros."""
    import numpy as np

    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths == 0, 1, lengths)
