"""BM25 by the reference library, rank_bm25: what the `indexed` backend must equal. Knows no shortcut."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rank_bm25 import BM25Okapi

from edt.selection.postings import Scoring
from edt.selection.words import words_of


class Reference:
    """`BM25Okapi` over every sample. Seconds a query where there are a million."""

    def __init__(self, texts: Sequence[str], scoring: Scoring) -> None:
        documents = [words_of(text, stop_words=scoring.stop_words, stem=scoring.stem) for text in texts]
        self._size = len(documents)
        self._okapi = None  # which cannot be made without a word
        if any(documents):
            self._okapi = BM25Okapi(documents, k1=scoring.k1, b=scoring.b, epsilon=scoring.epsilon)
            if scoring.idf == "lucene":
                self._okapi.idf = _lucene(self._okapi)

    def scores(self, words: Sequence[str]) -> np.ndarray:
        """See `Engine`. With b = 1 the library makes no number for an empty text, which holds no word: 0 here."""
        if self._okapi is None:
            return np.zeros(self._size)
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(self._okapi.get_scores(words), nan=0.0)

    def best(self, words: Sequence[str], top_k: int | None) -> tuple[np.ndarray, np.ndarray]:
        """See `Engine`."""
        scores = self.scores(words)
        order = np.argsort(-scores, kind="stable")  # the library's own order of ties is not fixed
        order = order[scores[order] > 0][:top_k]
        return order, scores[order]


def _lucene(okapi: BM25Okapi) -> dict[str, float]:
    counts: dict[str, int] = {}
    for frequencies in okapi.doc_freqs:
        for word in frequencies:
            counts[word] = counts.get(word, 0) + 1
    size = okapi.corpus_size
    return {word: math.log(1 + (size - n + 0.5) / (n + 0.5)) for word, n in counts.items()}
