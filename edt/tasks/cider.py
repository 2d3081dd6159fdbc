"""CIDEr-D of a caption (Vedantam, Zitnick, Parikh, 2015, eq. 1–3 and section 5), in plain Python.

A caption and its references are vectors of tf-idf over runs of n = 1 to 4
words, where the frequency of a run in documents is the number of pictures that
have it in a reference. Per reference and n the similarity is

    exp(-(l(c) - l(s))² / (2 · 6²)) · Σ min(g(c), g(s)) · g(s) / (|g(c)| · |g(s)|)

with lengths l in words; their mean over references and n is in [0, 1], and the
figure that papers print is ten times that (or a thousand, as per cent).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

LONGEST, SIGMA = 4, 6.0
_WORD = re.compile(r"[\w'’-]+")

Vector = dict[tuple[str, ...], float]


class Cider:
    """Grades captions against references; `corpus` holds the references of every picture of a split."""

    def __init__(self, corpus: Iterable[Sequence[str]]) -> None:
        seen = [{run for text in references for n in _SIZES for run in _runs(text, n)} for references in corpus]
        self._log_pictures = math.log(len(seen)) if seen else 0.0
        self._pictures = Counter(run for runs in seen for run in runs)

    def grade(self, caption: str, references: Sequence[str]) -> float:
        """A tenth of CIDEr-D, in [0, 1]; 0 without references."""
        pairs = [self._similarity(caption, reference, n) for reference in references for n in _SIZES]
        return math.fsum(pairs) / len(pairs) if pairs else 0.0

    def _similarity(self, caption: str, reference: str, n: int) -> float:
        ours, theirs = self._vector(caption, n), self._vector(reference, n)
        norms = _norm(ours) * _norm(theirs)
        if not norms:
            return 0.0
        longer = len(_words(caption)) - len(_words(reference))
        shared = math.fsum(min(ours[run], theirs[run]) * theirs[run] for run in ours.keys() & theirs.keys())
        return math.exp(-(longer**2) / (2 * SIGMA**2)) * shared / norms

    def _vector(self, text: str, n: int) -> Vector:
        """The factor 1/length of a term frequency falls out of the similarity, but for the clipping, as in CIDEr-D."""
        counts = Counter(_runs(text, n))
        return {
            run: count * (self._log_pictures - math.log(max(1, self._pictures[run]))) for run, count in counts.items()
        }


_SIZES = range(1, LONGEST + 1)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _runs(text: str, n: int) -> list[tuple[str, ...]]:
    words = _words(text)
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]


def _norm(vector: Vector) -> float:
    return math.sqrt(math.fsum(value * value for value in vector.values()))
