"""Scores over seeds: averages, spread, and paired differences. Knows no method and no task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

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
    return _average(_differences(ours, theirs))


def difference_test(ours: Answers, theirs: Answers) -> tuple[Average, float]:
    """`difference`, and its two-sided p-value: how rarely the resampled mean lies on the other side of zero.

    Each side counts one resample more than was seen, so that p is never 0 (Davison and Hinkley, 1997, eq. 4.11).
    """
    rows = _differences(ours, theirs)
    means = _resampled(rows)
    lesser = min(sum(mean <= 0 for mean in means), sum(mean >= 0 for mean in means))
    return _average(rows), min(1.0, 2 * (lesser + 1) / (len(means) + 1))


def mean_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation; None for the latter with fewer than two values."""
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, None
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _differences(ours: Answers, theirs: Answers) -> list[list[float]]:
    return [
        [float(a) - float(b) for a, b in zip(ours_row, theirs_row, strict=True)]
        for ours_row, theirs_row in zip(ours, theirs, strict=True)
    ]


@lru_cache(maxsize=4)
def _draws(seeds: int, items: int) -> tuple[Any, Any]:
    """Weights of seeds and of items in every resample, so that all means of one shape are two products."""
    import numpy as np

    draw = np.random.default_rng(0)
    picked = [(draw.integers(seeds, size=seeds), draw.integers(items, size=items)) for _ in range(DRAWS)]
    of_seeds = np.stack([np.bincount(rows, minlength=seeds) for rows, _ in picked]) / seeds
    of_items = np.stack([np.bincount(columns, minlength=items) for _, columns in picked]) / items
    return of_seeds, of_items


def _resampled(rows: Sequence[Sequence[float]]) -> Any:
    """Means of `DRAWS` resamples of seeds and items, always the same draws."""
    import numpy as np

    table = np.asarray(rows, dtype=float)
    of_seeds, of_items = _draws(*table.shape)
    return np.einsum("ds,si,di->d", of_seeds, table, of_items, optimize=True)


def _average(rows: Sequence[Sequence[float]]) -> Average:
    if not rows or not rows[0]:
        raise ValueError("an average needs at least one seed with at least one item")
    import numpy as np

    table = np.asarray(rows, dtype=float)
    seeds, items = table.shape
    low, high = np.quantile(_resampled(rows), [0.025, 0.975])
    mean, std = mean_std([float(value) for value in table.mean(axis=1)])
    return Average(mean=mean, std=std, seeds=seeds, items=items, low=float(low), high=float(high))
