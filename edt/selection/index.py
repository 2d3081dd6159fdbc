"""BM25 over texts through rank_bm25, each distinct text scored once.

Knows tokens and scores; knows neither skills nor budgets.  Document frequency,
number and mean length are counted over all documents, so that the scores are
those of `rank_bm25.BM25Okapi` to the last bit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from edt.errors import EdtError
from edt.selection.deal import Hit

if TYPE_CHECKING:
    import numpy as np

IDFS = ("okapi", "lucene")
_STOP_WORDS = """
a an and are as at be been by can do does each for from has have how if in into is it its of on or over than
that the their them there these they this to was what when where which who whose why with
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
_WORD = re.compile(r"\w+")


def words_of(text: str, *, stop_words: bool) -> list[str]:
    """Lower-case words in order; without `STOP_WORDS` where `stop_words` is True."""
    words = _WORD.findall(text.lower())
    return [word for word in words if word not in STOP_WORDS] if stop_words else words


class Bm25Index:
    """A ranking of documents for any query.

    `idf` is "okapi" (negative ones floored at `epsilon` times the mean, the
    reference) or "lucene", ln(1 + (N - n + 0.5) / (n + 0.5)), never negative.
    """

    def __init__(
        self,
        ids: Sequence[str],
        texts: Sequence[str],
        *,
        k1: float = 1.5,
        b: float = 0.75,
        epsilon: float = 0.25,
        idf: str = "okapi",
        stop_words: bool = True,
    ) -> None:
        check_bm25(k1=k1, b=b, epsilon=epsilon, idf=idf)
        self._by_id = sorted(zip(ids, texts, strict=True))
        self._stop_words = stop_words
        documents = [words_of(text, stop_words=stop_words) for _, text in self._by_id]
        self._engine = _engine(documents, k1=k1, b=b, epsilon=epsilon, idf=idf) if any(documents) else None
        first: dict[str, int] = {}
        for position, (_, text) in enumerate(self._by_id):
            first.setdefault(text, position)
        self._distinct = list(first.values())
        slots = {text: slot for slot, text in enumerate(first)}
        self._slot = [slots[text] for _, text in self._by_id]

    def search(self, query: str, *, without: frozenset[str] = frozenset(), top_k: int | None = None) -> Hits:
        """Documents with a positive score, by score descending, then id ascending.

        Ranks count the documents in `without`, which are then left out; at most
        `top_k` remain.  A query without a known word finds nothing.
        """
        import numpy as np

        words = words_of(query, stop_words=self._stop_words)
        if self._engine is None or not words:
            return Hits(self._by_id, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))
        scores = np.asarray(self._engine.get_batch_scores(words, self._distinct))[self._slot]
        order = np.argsort(-scores, kind="stable")  # documents stand by id: stable means ties by id
        order = order[scores[order] > 0]
        ranks = np.arange(1, len(order) + 1)
        if without:
            kept = np.fromiter((self._by_id[i][0] not in without for i in order), dtype=bool, count=len(order))
            order, ranks = order[kept], ranks[kept]
        return Hits(self._by_id, order[:top_k], ranks[:top_k], scores[order[:top_k]])


class Hits(Sequence[Hit]):
    """A ranking held as arrays; a `Hit` is made when it is asked for."""

    def __init__(
        self, documents: Sequence[tuple[str, str]], order: np.ndarray, ranks: np.ndarray, scores: np.ndarray
    ) -> None:
        self._documents, self._order, self._ranks, self._scores = documents, order, ranks, scores

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, index: int) -> Hit: ...

    @overload
    def __getitem__(self, index: slice) -> list[Hit]: ...

    def __getitem__(self, index: int | slice) -> Hit | list[Hit]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        sample_id, text = self._documents[self._order[index]]
        return Hit(sample_id=sample_id, rank=int(self._ranks[index]), score=float(self._scores[index]), text=text)


def check_bm25(*, k1: float, b: float, epsilon: float, idf: str) -> None:
    """An EdtError for a setting out of its range."""
    if k1 < 0:
        raise EdtError(f"selector.k1 is {k1}; it must be 0 or more (1.5 is usual)")
    if not 0 <= b <= 1:
        raise EdtError(f"selector.b is {b}; it must be between 0 and 1 (0.75 is usual)")
    if epsilon < 0:
        raise EdtError(f"selector.epsilon is {epsilon}; it must be 0 or more (0.25 is usual)")
    if idf not in IDFS:
        raise EdtError(f"selector.idf is {idf!r}; choose one of {', '.join(IDFS)}")


def _engine(documents: list[list[str]], *, k1: float, b: float, epsilon: float, idf: str) -> Any:
    from rank_bm25 import BM25Okapi

    engine = BM25Okapi(documents, k1=k1, b=b, epsilon=epsilon)
    if idf == "lucene":
        counts: dict[str, int] = {}
        for frequencies in engine.doc_freqs:
            for word in frequencies:
                counts[word] = counts.get(word, 0) + 1
        size = engine.corpus_size
        engine.idf = {word: math.log(1 + (size - n + 0.5) / (n + 0.5)) for word, n in counts.items()}
    return engine
