"""A ranking of samples for any query by BM25, through either of two engines of one meaning.

Knows ids and texts; knows neither skills nor budgets nor files.  Samples stand
by id, so that equal scores are ordered by id: position is the tie-break.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol, overload

from edt.errors import EdtError
from edt.selection.deal import Hit
from edt.selection.words import STOP_WORDS, words_of

if TYPE_CHECKING:
    import numpy as np

    from edt.selection.postings import Postings, Scoring

BACKENDS = ("indexed", "rank_bm25")
IDFS = ("okapi", "lucene")


class Engine(Protocol):
    """What scores: `Postings`, or the reference library."""

    def scores(self, words: Sequence[str]) -> np.ndarray:
        """A float64 score a sample, in their order."""
        ...

    def best(self, words: Sequence[str], top_k: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Positions and scores of samples with a positive score, by score descending, then position ascending."""
        ...


class Bm25Index:
    """A ranking of samples for any query.

    `idf` is "okapi" (negative ones floored at `epsilon` times the mean, the
    reference) or "lucene", ln(1 + (N - n + 0.5) / (n + 0.5)), never negative.
    `backend` is "indexed", or "rank_bm25" for the reference library itself:
    the same scores and order, more slowly.
    """

    def __init__(
        self,
        ids: Sequence[str],
        texts: Iterable[str],
        *,
        k1: float = 1.5,
        b: float = 0.75,
        epsilon: float = 0.25,
        idf: str = "okapi",
        stop_words: bool = True,
        stem: bool = False,
        backend: str = "indexed",
    ) -> None:
        from edt.selection.postings import Scoring

        check_bm25(k1=k1, b=b, epsilon=epsilon, idf=idf, backend=backend)
        self.scoring = Scoring(k1=k1, b=b, epsilon=epsilon, idf=idf, stop_words=stop_words, stem=stem)
        self.ids, texts = _by_id(ids, texts)
        self._engine, self._slots, self.texts = _engine(texts, self.scoring, backend)
        if len(self._slots) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids came with {len(self._slots)} texts; each sample has one of each")

    @classmethod
    def of(cls, ids: list[str], texts: list[str], engine: Postings, scoring: Scoring) -> Bm25Index:
        """An index out of what another one was made of: `ids` in order, and distinct texts."""
        index = cls.__new__(cls)
        index.scoring, index.ids, index.texts = scoring, ids, texts
        index._engine, index._slots = engine, engine.text_of_each()
        return index

    @property
    def postings(self) -> Postings | None:
        """What the `indexed` backend ranks by; None for the other one."""
        from edt.selection.postings import Postings

        return self._engine if isinstance(self._engine, Postings) else None

    def search(self, query: str, *, without: frozenset[str] = frozenset(), top_k: int | None = None) -> Hits:
        """Samples with a positive score, by score descending, then id ascending.

        Ranks count the samples in `without`, which are then left out; at most
        `top_k` remain.  A query without a known word finds nothing.
        """
        import numpy as np

        depth = None if top_k is None else top_k + len(without)
        positions, scores = self._engine.best(self._words(query), depth)
        ranks = np.arange(1, len(positions) + 1)
        if without:
            kept = np.fromiter((self.ids[i] not in without for i in positions), dtype=bool, count=len(positions))
            positions, ranks, scores = positions[kept], ranks[kept], scores[kept]
        return Hits(self, positions[:top_k], ranks[:top_k], scores[:top_k])

    def best(self, query: str, depth: int) -> Hits:
        """The first `depth` hits of `search`, used samples too."""
        return self.search(query, top_k=depth)

    def scores(self, query: str) -> np.ndarray:
        """A score a sample, in the order of `ids`."""
        return self._engine.scores(self._words(query))

    def text_at(self, position: int) -> str:
        """The text of the sample at this position."""
        return self.texts[self._slots[position]]

    def _words(self, query: str) -> list[str]:
        return words_of(query, stop_words=self.scoring.stop_words, stem=self.scoring.stem)


class Hits(Sequence[Hit]):
    """A ranking held as arrays; a `Hit` is made when it is asked for."""

    def __init__(self, index: Bm25Index, positions: np.ndarray, ranks: np.ndarray, scores: np.ndarray) -> None:
        self._index, self.positions, self._ranks, self.scores = index, positions, ranks, scores

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, index: int) -> Hit: ...

    @overload
    def __getitem__(self, index: slice) -> list[Hit]: ...

    def __getitem__(self, index: int | slice) -> Hit | list[Hit]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = int(self.positions[index])
        return Hit(
            sample_id=self._index.ids[position],
            rank=int(self._ranks[index]),
            score=float(self.scores[index]),
            text=self._index.text_at(position),
        )


def check_bm25(*, k1: float, b: float, epsilon: float, idf: str, backend: str = "indexed") -> None:
    """An EdtError for a setting out of its range."""
    if k1 < 0:
        raise EdtError(f"selector.k1 is {k1}; it must be 0 or more (1.5 is usual)")
    if not 0 <= b <= 1:
        raise EdtError(f"selector.b is {b}; it must be between 0 and 1 (0.75 is usual)")
    if epsilon < 0:
        raise EdtError(f"selector.epsilon is {epsilon}; it must be 0 or more (0.25 is usual)")
    if idf not in IDFS:
        raise EdtError(f"selector.idf is {idf!r}; choose one of {', '.join(IDFS)}")
    if backend not in BACKENDS:
        raise EdtError(f"selector.backend is {backend!r}; choose one of {', '.join(BACKENDS)}")
    if backend == "rank_bm25" and k1 == 0:
        raise EdtError("selector.backend=rank_bm25 divides nothing by nothing at selector.k1=0; choose indexed")


def _by_id(ids: Sequence[str], texts: Iterable[str]) -> tuple[list[str], Iterable[str]]:
    """Both in the order of the ids; where they stand so already, texts are passed on one by one."""
    if all(one <= other for one, other in pairwise(ids)):
        return list(ids), texts
    order = sorted(range(len(ids)), key=ids.__getitem__)
    known: dict[str, str] = {}  # one string a distinct text, however many the caller makes
    shared = [known.setdefault(text, text) for text in texts]
    return [ids[i] for i in order], (shared[i] for i in order)


def _engine(texts: Iterable[str], scoring: Scoring, backend: str) -> tuple[Any, Any, list[str]]:
    """An engine, the number of each sample's text, and the distinct texts."""
    from edt.selection.postings import build

    if backend == "indexed":
        postings, distinct = build(texts, scoring)
        return postings, postings.text_of_each(), distinct
    from edt.selection.reference import Reference

    every = list(texts)
    slots: dict[str, int] = {}
    numbers = [slots.setdefault(text, len(slots)) for text in every]
    return Reference(every, scoring), numbers, list(slots)


__all__ = ["BACKENDS", "IDFS", "STOP_WORDS", "Bm25Index", "Engine", "Hits", "check_bm25", "words_of"]
