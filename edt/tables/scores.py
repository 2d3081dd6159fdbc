"""Counts to scores with their uncertainty. Knows Wilson's interval and the sign test; not what was answered."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edt.types import Outcome, Prediction, Score

Z95 = 1.959963984540054


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95% interval of a share, after Wilson (1927); (0, 1) where nothing was counted."""
    if not 0 <= right <= n:
        raise ValueError(f"right must be between 0 and n={n}, not {right}")
    if n == 0:
        return 0.0, 1.0
    share, z2 = right / n, Z95 * Z95
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def score_of(predictions: Sequence[Prediction]) -> Score:
    """Accuracy over predictions; unparsed counts as wrong, and is counted beside it."""
    n = len(predictions)
    right = sum(p.outcome is Outcome.RIGHT for p in predictions)
    unparsed = sum(p.outcome is Outcome.UNPARSED for p in predictions)
    low, high = wilson(right, n)
    return Score(score=right / n if n else 0.0, n=n, right=right, unparsed=unparsed, low=low, high=high)


def sign_test(better: int, worse: int) -> float:
    """Two-sided exact p of the sign test (McNemar's for pairs of answers); 1 where nothing changed."""
    if better < 0 or worse < 0:
        raise ValueError(f"counts must not be negative: {better}, {worse}")
    n = better + worse
    tail = sum(math.comb(n, k) for k in range(min(better, worse) + 1))
    return min(1.0, 2 * tail / 2**n)
