"""Scores over seeds: averages, spread, and paired differences. Knows no method and no task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

DRAWS = 4000

Answers = Sequence[Sequence[bool]]
"""A row a seed, a column an item of the split: whether it was answered right."""


@dataclass(frozen=True, kw_only=True)
class Average:
    """A mean over seeds, as a share."""

    mean: float
    std: float | None
    """Sample standard deviation over seeds; None with fewer than two."""
    seeds: int
    items: int
    low: float
    """95% interval, by bootstrap over seeds and items."""
    high: float


def average(answers: Answers) -> Average:
    """The mean accuracy of one method."""
    return _average([[float(right) for right in row] for row in answers])


def difference(ours: Answers, theirs: Answers) -> Average:
    """The mean of `ours` minus `theirs`, paired by seed and item."""
    return _average(
        [
            [float(a) - float(b) for a, b in zip(ours_row, theirs_row, strict=True)]
            for ours_row, theirs_row in zip(ours, theirs, strict=True)
        ]
    )


def mean_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation; None for the latter with fewer than two values."""
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, None
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _average(rows: Sequence[Sequence[float]]) -> Average:
    if not rows or not rows[0]:
        raise ValueError("an average needs at least one seed with at least one item")
    import numpy as np

    table = np.asarray(rows, dtype=float)
    seeds, items = table.shape
    draw = np.random.default_rng(0)
    means = [table[draw.integers(seeds, size=seeds)][:, draw.integers(items, size=items)].mean() for _ in range(DRAWS)]
    low, high = np.quantile(means, [0.025, 0.975])
    mean, std = mean_std([float(value) for value in table.mean(axis=1)])
    return Average(mean=mean, std=std, seeds=seeds, items=items, low=float(low), high=float(high))
