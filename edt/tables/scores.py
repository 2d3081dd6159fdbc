"""Counts to scores with their uncertainty. Knows Wilson's interval and the sign test; not what was answered."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edt.types import Outcome, Prediction, Score

Z95 = 1.959963984540054
_WEIGHT = {Outcome.RIGHT: 0, Outcome.UNPARSED: 1, Outcome.WRONG: 2}
"""Which of several outcomes speaks for a question."""


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
    """Accuracy over questions; unparsed counts as wrong, and is counted beside it. Grades are averaged."""
    outcomes = list(outcomes_by_question(predictions).values())
    n, right, unparsed = len(outcomes), outcomes.count(Outcome.RIGHT), outcomes.count(Outcome.UNPARSED)
    low, high = wilson(right, n)
    graded = any(p.grade is not None for p in predictions)
    grade = math.fsum(p.grade or 0.0 for p in predictions) / len(predictions) if graded else None
    share = right / n if n else 0.0
    return Score(score=share, n=n, right=right, unparsed=unparsed, low=low, high=high, grade=grade)


def outcomes_by_question(predictions: Sequence[Prediction]) -> dict[str, Outcome]:
    """By group, or by sample id where there is none, in the order given.

    A question that is asked in several ways is right where every reply is, wrong
    where one is, and unparsed otherwise.
    """
    asked: dict[str, list[Outcome]] = {}
    for prediction in predictions:
        asked.setdefault(prediction.group or prediction.sample_id, []).append(prediction.outcome)
    return {name: max(outcomes, key=_WEIGHT.__getitem__) for name, outcomes in asked.items()}


def sign_test(better: int, worse: int) -> float:
    """Two-sided exact p of the sign test (McNemar's for pairs of answers); 1 where nothing changed."""
    if better < 0 or worse < 0:
        raise ValueError(f"counts must not be negative: {better}, {worse}")
    n = better + worse
    tail = sum(math.comb(n, k) for k in range(min(better, worse) + 1))
    return min(1.0, 2 * tail / 2**n)
