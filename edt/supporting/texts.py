"""Texts that are nearly the same. Knows words and sets of them, no dataset.

Two texts are near where the sets of their runs of three words have a Jaccard
similarity of at least a threshold. Texts are first passed over by what they
cannot reach: near ones share at least `threshold` of either's runs.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

RUN = 3
_WORD = re.compile(r"\w+")

Runs = frozenset[tuple[str, ...]]


def words_of(text: str) -> list[str]:
    """Lower-case words; single letters are none, for they are mostly those of options ("(a)", "B.")."""
    return [word for word in _WORD.findall(text.lower()) if len(word) > 1 or not word.isalpha()]


def runs_of(words: list[str]) -> Runs:
    """Every run of `RUN` words."""
    return frozenset(zip(*(words[start:] for start in range(RUN)), strict=False))


class NearTexts:
    """A set of texts, asked whether it holds one near another.

    Texts of fewer than `shortest` words are never near: short ones are the same
    by chance ("What is this? A dog"), about other pictures.
    """

    def __init__(self, texts: Iterable[str], *, threshold: float, shortest: int = 8) -> None:
        self._threshold, self._shortest = threshold, shortest
        kept = {runs_of(words) for text in texts if len(words := words_of(text)) >= shortest}
        self._counts = Counter(run for runs in kept for run in runs)
        self._holders: dict[tuple[str, ...], list[Runs]] = {}
        for runs in kept:
            for run in self._rarest(runs):
                self._holders.setdefault(run, []).append(runs)

    def near(self, text: str) -> bool:
        words = words_of(text)
        if len(words) < self._shortest:
            return False
        runs = runs_of(words)
        if sum(run in self._counts for run in runs) < self._threshold * len(runs):
            return False
        candidates = {other for run in self._rarest(runs) for other in self._holders.get(run, ())}
        return any(self._jaccard(runs, other) >= self._threshold for other in candidates)

    def _rarest(self, runs: Runs) -> list[tuple[str, ...]]:
        """So many of the rarest runs that a near text shares one of its own with them (Chaudhuri et al., 2006)."""
        number = len(runs) - math.ceil(self._threshold * len(runs)) + 1
        return sorted(runs, key=lambda run: (self._counts[run], run))[:number]

    @staticmethod
    def _jaccard(one: Runs, other: Runs) -> float:
        shared = len(one & other)
        return shared / (len(one) + len(other) - shared)
