"""Scores over seeds: averages, spread, and paired differences, of one task or of the mean over several.

Knows answers, right or wrong; no method and no task by name.
"""

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
    return _average([_floats(answers)])


def difference(ours: Answers, theirs: Answers) -> Average:
    """The mean of `ours` minus `theirs`, paired by seed and item."""
    return _average([_differences(ours, theirs)])


def difference_test(ours: Sequence[Answers], theirs: Sequence[Answers]) -> tuple[Average, float]:
    """The mean over tasks of `difference`, and its two-sided p-value: `ours` and `theirs` have one `Answers` a task.

    p says how rarely the resampled mean lies on the other side of zero. Items are resampled within each task, seeds
    for all tasks at once, since one seed is one draw of everything. Each side counts one resample more than was seen,
    so that p is never 0 (Davison and Hinkley, 1997, eq. 4.11).
    """
    tasks = [_differences(a, b) for a, b in zip(ours, theirs, strict=True)]
    found, means = _average(tasks), _resampled(tasks)
    lesser = min(sum(mean <= 0 for mean in means), sum(mean >= 0 for mean in means))
    return found, min(1.0, 2 * (lesser + 1) / (len(means) + 1))


def mean_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation; None for the latter with fewer than two values."""
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, None
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _floats(answers: Answers) -> list[list[float]]:
    return [[float(right) for right in row] for row in answers]


def _differences(ours: Answers, theirs: Answers) -> list[list[float]]:
    return [
        [float(a) - float(b) for a, b in zip(ours_row, theirs_row, strict=True)]
        for ours_row, theirs_row in zip(ours, theirs, strict=True)
    ]


@lru_cache(maxsize=8)
def _draws(seeds: int, items: tuple[int, ...]) -> tuple[Any, list[Any]]:
    """Weights of seeds, and of each task's items, in every resample, so that all means of one shape are products."""
    import numpy as np

    draw = np.random.default_rng(0)
    of_seeds = np.empty((DRAWS, seeds))
    of_items = [np.empty((DRAWS, n)) for n in items]
    for number in range(DRAWS):
        of_seeds[number] = np.bincount(draw.integers(seeds, size=seeds), minlength=seeds) / seeds
        for weights, n in zip(of_items, items, strict=True):
            weights[number] = np.bincount(draw.integers(n, size=n), minlength=n) / n
    return of_seeds, of_items


def _resampled(tasks: Sequence[Sequence[Sequence[float]]]) -> Any:
    """Means over tasks in `DRAWS` resamples of seeds and items, always the same draws.

    Rounded far below an answer's weight, so that what comes to zero is zero whatever the order of the sums was.
    """
    import numpy as np

    tables = [np.asarray(rows, dtype=float) for rows in tasks]
    of_seeds, of_items = _draws(len(tables[0]), tuple(table.shape[1] for table in tables))
    means = [
        np.einsum("ds,si,di->d", of_seeds, table, weights, optimize=True)
        for table, weights in zip(tables, of_items, strict=True)
    ]
    return np.round(np.mean(means, axis=0), 12)


def _average(tasks: Sequence[Sequence[Sequence[float]]]) -> Average:
    """Of the mean over tasks; every task has the same seeds."""
    if not tasks or any(not rows or not rows[0] for rows in tasks):
        raise ValueError("an average needs at least one seed with at least one item")
    import numpy as np

    by_seed = np.mean([np.asarray(rows, dtype=float).mean(axis=1) for rows in tasks], axis=0)
    low, high = np.quantile(_resampled(tasks), [0.025, 0.975])
    mean, std = mean_std([float(value) for value in by_seed])
    items = sum(len(rows[0]) for rows in tasks)
    return Average(mean=mean, std=std, seeds=len(by_seed), items=items, low=float(low), high=float(high))
