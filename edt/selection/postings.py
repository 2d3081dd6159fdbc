"""BM25 over distinct texts, as arrays. Knows words, counts and scores; neither skills nor budgets nor files.

Each distinct text is scored once; number, document frequency and mean length
are counted over all samples.  Every operation on floats is done in the order
in which `rank_bm25.BM25Okapi` does it, so scores are its own to the last bit.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from edt.selection.words import normal_form, raw_words

COMPILED_FROM = 20_000
"""Distinct texts from which on the compiled loop is worth importing numba."""


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How texts become words, and words scores."""

    k1: float = 1.5
    b: float = 0.75
    epsilon: float = 0.25
    idf: str = "okapi"
    stop_words: bool = True
    stem: bool = False


class Words(dict[str, int]):
    """Numbers of words as they are written, in the order of their first coming; -1 for those left out."""

    def __init__(self, *, stop_words: bool, stem: bool) -> None:
        super().__init__()
        self._stop_words, self._stem = stop_words, stem
        self.vocabulary: dict[str, int] = {}

    def __missing__(self, raw: str) -> int:
        word = normal_form(raw, stop_words=self._stop_words, stem=self._stem)
        number = -1 if word is None else self.vocabulary.setdefault(word, len(self.vocabulary))
        self[raw] = number
        return number


@dataclass(frozen=True, kw_only=True)
class Postings:
    """Which texts hold a word and what it adds to their score, and which samples have a text."""

    vocabulary: dict[str, int]
    starts: np.ndarray
    """Word w has the postings `starts[w]` to `starts[w + 1]`, texts ascending."""
    texts: np.ndarray
    impacts: np.ndarray
    """What the word adds to the score of the text at the same place: float64, idf and all."""
    firsts: np.ndarray
    """Text t has the samples `members[firsts[t]]` to `members[firsts[t + 1] - 1]`, positions ascending."""
    members: np.ndarray

    @property
    def num_texts(self) -> int:
        return len(self.firsts) - 1

    def text_of_each(self) -> np.ndarray:
        """The number of each sample's text, by position."""
        numbers = np.empty(len(self.members), dtype=np.int32)
        numbers[self.members] = np.repeat(np.arange(self.num_texts, dtype=np.int32), np.diff(self.firsts))
        return numbers

    def scores(self, words: Sequence[str]) -> np.ndarray:
        """A score a sample, by position."""
        return self._score_texts(self.numbers(words))[self.text_of_each()]

    def best(self, words: Sequence[str], top_k: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Positions and scores of the samples with a positive score, by (score descending, position ascending)."""
        numbers, most = self.numbers(words), len(self.members)
        if top_k is None or top_k * 4 > most or self.num_texts < COMPILED_FROM:
            positions, scores = self._candidates(numbers, most if top_k is None else top_k)
        else:
            from edt.selection import kernel

            positions, scores = kernel.best(
                self.starts, self.texts, self.impacts, numbers, self.firsts, self.members, top_k
            )
        order = np.lexsort((positions, -scores))[:top_k]
        return positions[order], scores[order]

    def numbers(self, words: Iterable[str]) -> np.ndarray:
        """Numbers of the words that are known, in order, repeats and all."""
        return np.array([self.vocabulary[word] for word in words if word in self.vocabulary], dtype=np.int64)

    def _score_texts(self, words: np.ndarray) -> np.ndarray:
        """A score a distinct text: each sum begins at zero and takes the words in their order, as the reference's."""
        scores = np.zeros(self.num_texts)
        for word in words:
            of = slice(self.starts[word], self.starts[word + 1])
            scores[self.texts[of]] += self.impacts[of]
        return scores

    def _candidates(self, words: np.ndarray, top_k: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions and scores of the samples of all texts that may be among the best; in plain numpy."""
        scores = self._score_texts(words)
        texts = np.flatnonzero(scores > 0)
        texts = texts[np.argsort(-scores[texts], kind="stable")]
        counts = np.diff(self.firsts)[texts]
        if counts.sum() > top_k:  # texts that tie with the one at the cut compete for the last places
            cut = int(np.searchsorted(np.cumsum(counts), top_k))
            texts = texts[: np.searchsorted(-scores[texts], -scores[texts[cut]], side="right")]
            counts = counts[: len(texts)]
        ends = np.cumsum(counts)
        inside = np.arange(counts.sum()) - np.repeat(ends - counts, counts)
        return self.members[np.repeat(self.firsts[texts], counts) + inside], np.repeat(scores[texts], counts)


def build(texts: Iterable[str], scoring: Scoring) -> tuple[Postings, list[str]]:
    """Postings of the texts of samples in their order, and the distinct texts in the order of their first coming."""
    slots: dict[str, int] = {}
    slot_of = np.fromiter((slots.setdefault(text, len(slots)) for text in texts), dtype=np.int32)
    distinct = list(slots)
    counts = np.bincount(slot_of, minlength=len(distinct)).astype(np.int64)
    words = Words(stop_words=scoring.stop_words, stem=scoring.stem)
    flat, lengths = array("i"), array("i")
    for text in distinct:
        numbers = [number for number in map(words.__getitem__, raw_words(text)) if number >= 0]
        flat.extend(numbers)
        lengths.append(len(numbers))
    length = np.asarray(lengths, dtype=np.int64)
    keys = np.asarray(flat, dtype=np.int64) * len(distinct) + np.repeat(np.arange(len(distinct)), length)
    keys, tf = np.unique(keys, return_counts=True)
    word_of, text_of = np.divmod(keys, max(1, len(distinct)))
    idf = _idfs(np.bincount(word_of, counts[text_of], len(words.vocabulary)), len(slot_of), scoring)
    postings = Postings(
        vocabulary=words.vocabulary,
        starts=_starts(np.bincount(word_of, minlength=len(words.vocabulary))),
        texts=text_of.astype(np.int32),
        impacts=idf[word_of] * _saturation(tf, length[text_of], int(length @ counts), len(slot_of), scoring),
        firsts=_starts(counts),
        members=np.argsort(slot_of, kind="stable").astype(np.int32),
    )
    return postings, distinct


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _saturation(tf: np.ndarray, length: np.ndarray, total: int, size: int, scoring: Scoring) -> np.ndarray:
    """The part of a score without idf, written as the reference writes it: another order would round otherwise."""
    k1, b, mean = scoring.k1, scoring.b, total / max(1, size)
    return tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean)) if total else np.empty(0)


def _idfs(frequencies: np.ndarray, size: int, scoring: Scoring) -> np.ndarray:
    """An idf a word, by document frequency over all samples."""
    whole = [int(n) for n in frequencies]
    if scoring.idf == "lucene":
        return np.array([math.log(1 + (size - n + 0.5) / (n + 0.5)) for n in whole])
    idf = [math.log(size - n + 0.5) - math.log(n + 0.5) for n in whole]
    *_, total = accumulate(idf, initial=0.0)
    floor = scoring.epsilon * (total / max(1, len(idf)))
    return np.array([floor if value < 0 else value for value in idf])
