"""Scores over seeds: averages, spread, and paired differences, of one task or of the mean over several.

Knows answers, right or wrong; no method and no task by name.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DRAWS = 40_000
"""Resamples: the least p is 2 in 40,001, so that one in a family of 200 can still come below 0.01 after Holm."""
CHUNK = 500
"""Of them that are drawn at a time, and"""
AT_ONCE = 64
"""averages that are resampled at a time: between them they bound the memory."""

Answers = Sequence[Sequence[bool]]
"""A row a seed, a column an item of the split: whether it was answered right."""
Tasks = Sequence[Answers]
"""One `Answers` a task."""
Marks = Sequence[Sequence[int]]
"""As `Answers`, in whole numbers: right as 1, or the difference of two methods."""


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
    return _averages([[_marks(answers)]])[0][0]


def difference(ours: Answers, theirs: Answers) -> Average:
    """The mean of `ours` minus `theirs`, paired by seed and item."""
    return difference_test([ours], [theirs])[0]


def difference_test(ours: Tasks, theirs: Tasks) -> tuple[Average, float]:
    """As `difference_tests`, of one pair."""
    return difference_tests([(ours, theirs)])[0]


def difference_tests(pairs: Sequence[tuple[Tasks, Tasks]]) -> list[tuple[Average, float]]:
    """Of each pair the mean over tasks of `difference`, and its two-sided p-value.

    p says how rarely the resampled mean lies on the other side of zero. Items are resampled within each task, seeds
    for all tasks at once, since one seed is one draw of everything. Each side counts one resample more than was seen,
    so that p is never 0 (Davison and Hinkley, 1997, eq. 4.11). Many pairs at once share their draws, which is faster,
    and changes no figure.
    """
    return _averages([[_differences(a, b) for a, b in zip(*pair, strict=True)] for pair in pairs])


def mean_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation; None for the latter with fewer than two values."""
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, None
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _marks(answers: Answers) -> list[list[int]]:
    return [[int(right) for right in row] for row in answers]


def _differences(ours: Answers, theirs: Answers) -> list[list[int]]:
    return [
        [int(a) - int(b) for a, b in zip(ours_row, theirs_row, strict=True)]
        for ours_row, theirs_row in zip(ours, theirs, strict=True)
    ]


def _averages(many: Sequence[Sequence[Marks]]) -> list[tuple[Average, float]]:
    """Of the mean over tasks of each, and its p-value against zero; within each, every task has the same seeds."""
    import numpy as np

    if any(not tasks or any(not rows or not rows[0] for rows in tasks) for tasks in many):
        raise ValueError("an average needs at least one seed with at least one item")
    alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
    tables = [[np.asarray(rows, dtype=np.float32) for rows in tasks] for tasks in many]
    for number, of in enumerate(tables):
        alike[(len(of[0]), *(table.shape[1] for table in of))].append(number)
    found: dict[int, tuple[Average, float]] = {}
    for numbers in alike.values():
        for start in range(0, len(numbers), AT_ONCE):
            batch = numbers[start : start + AT_ONCE]
            for number, means in zip(batch, _resampled([tables[n] for n in batch]), strict=True):
                found[number] = _average(tables[number], means), _p(means)
    return [found[number] for number in range(len(many))]


def _resampled(many: Sequence[Sequence[Any]]) -> Any:
    """Means over tasks of each in `DRAWS` resamples of seeds and items, always the same draws; all of one shape.

    Sums are of whole numbers, which are exact in any order. Means are rounded far below an answer's weight, so that
    what comes to zero is zero.
    """
    import numpy as np

    draw = np.random.default_rng(0)
    seeds, tasks = len(many[0][0]), len(many[0])
    stacks = [np.concatenate([of[task] for of in many]) for task in range(tasks)]
    means = np.zeros((len(many), DRAWS))
    for start in range(0, DRAWS, CHUNK):
        of_seeds = _counts(draw, seeds)
        for stack in stacks:
            items = stack.shape[1]
            sums = (stack @ _counts(draw, items).T).reshape(len(many), seeds, CHUNK)
            whole = np.einsum("asd,ds->ad", sums, of_seeds).astype(float)
            means[:, start : start + CHUNK] += whole / (seeds * items * tasks)
    return np.round(means, 12)


def _counts(draw: Any, size: int) -> Any:
    """How often each of `size` things is in each of `CHUNK` resamples of as many."""
    import numpy as np

    picked = draw.integers(size, size=(CHUNK, size)) + size * np.arange(CHUNK)[:, None]
    return np.bincount(picked.ravel(), minlength=CHUNK * size).reshape(CHUNK, size).astype(np.float32)


def _p(means: Any) -> float:
    lesser = min(int((means <= 0).sum()), int((means >= 0).sum()))
    return min(1.0, 2 * (lesser + 1) / (len(means) + 1))


def _average(tables: Sequence[Any], means: Any) -> Average:
    """Of the mean over tasks, with the interval that its resampled `means` give."""
    import numpy as np

    by_seed = np.mean([table.mean(axis=1, dtype=float) for table in tables], axis=0)
    low, high = np.quantile(means, [0.025, 0.975])
    mean, std = mean_std([float(value) for value in by_seed])
    items = sum(table.shape[1] for table in tables)
    return Average(mean=mean, std=std, seeds=len(by_seed), items=items, low=float(low), high=float(high))
