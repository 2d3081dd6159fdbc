"""Scores to rankings: best first, ties by id. Knows numbers and ids; not where a score comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from edt.selection.deal import Hit

if TYPE_CHECKING:
    import numpy as np


class Ranked(Sequence[Hit]):
    """All documents of a pool by score descending, then id ascending; a `Hit` is made when it is asked for.

    `documents` are (id, text) pairs in the order of their ids, `scores` one
    for each.  Ranks count the documents in `without`, which are then left out;
    at most `top_k` remain.
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
        self._documents, self._scores = documents, scores
        order = np.argsort(-scores, kind="stable")
        ranks = np.arange(1, len(order) + 1)
        if without:
            kept = np.fromiter((documents[at][0] not in without for at in order), dtype=bool, count=len(order))
            order, ranks = order[kept], ranks[kept]
        self._order, self._ranks = order[:top_k], ranks[:top_k]

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
        return Hit(sample_id=sample_id, rank=int(self._ranks[index]), score=float(self._scores[at]), text=text)


def cosines(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n, m) cosines of (n, d) rows and (m, d) others, to five digits: what is left is noise, and decides no tie.

    A row of zeros is like nothing.
    """
    return (_unit(rows) @ _unit(others).T).round(5)


def _unit(rows: np.ndarray) -> np.ndarray:
    import numpy as np

    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths == 0, 1, lengths)
