"""Scores split by planted gap: is what is missing learnt, or is what was known lost?

Knows cells, and of their questions which are about a planted gap; neither who
planted it nor how it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean
from typing import NamedTuple

from edt.errors import EdtError
from edt.tables.cells import Cell
from edt.tables.seeds import Average, Tasks, difference_tests
from edt.tables.wide import grouped

GAP, OTHER = "gap", "other"
ABOUT = (GAP, OTHER)
"""What questions are about."""
BASELINE, UNTUNED = "baseline", "untuned"
"""What a method is compared with."""

Planted = Mapping[str, Sequence[bool]]
"""By a cell's `questions`: whether each, in the order of its `outcomes`, is about a planted gap."""
Find = Callable[[Cell], Cell | None]
Answer = Callable[[Cell], list[bool]]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A method minus another one, paired by task, seed and question: the mean over tasks, as a share in [-1, 1]."""

    mean: float
    low: float
    """95% interval, by bootstrap over seeds and questions; of one seed it is over questions only."""
    high: float
    learnt: float
    """Share of the questions that the method alone has right, and"""
    lost: float
    """that the other one alone has right; `mean` is `learnt` less `lost`."""
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    """Each of them on each of the tasks."""

    @property
    def runs(self) -> int:
        """Of the method, each beside its counterpart."""
        return len(self.tasks) * len(self.seeds)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One method at one scale, on the questions of one kind."""

    about: str
    method: str
    scale: str
    """Empty where nothing was tuned."""
    score: float
    """Accuracy, a share in [0, 1]: the mean over tasks of the means over seeds."""
    runs: int
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    """Those measured on any of the tasks."""
    to_baseline: Change | None
    """At equal scale; None for the baseline itself, and where no run has a counterpart."""
    to_untuned: Change | None
    """To the same student before tuning; None for itself, and where that is not measured."""


class _Pair(NamedTuple):
    """Two methods' answers to the same questions, of every task with every seed."""

    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    ours: Tasks
    theirs: Tasks


def split_by_gap(cells: Sequence[Cell], planted: Planted, *, baseline: str) -> list[Part]:
    """Every method at every scale, first on the questions about gaps, then on all others; untuned ones first.

    `cells` are measured, of one split, and `planted` knows their questions. Raises EdtError where two cells would
    stand at one place.
    """
    scales = list(dict.fromkeys(scale for _, scale, _ in grouped(cells)))
    order = sorted(scales, key=lambda scale: scale != "")
    places = sorted(dict.fromkeys((cell.method, cell.scale) for cell in cells), key=lambda at: order.index(at[1]))
    answers = {about: _answers(planted, about) for about in ABOUT}
    rows = {
        (about, *place): own
        for about, place in product(ABOUT, places)
        if (own := [c for c in cells if (c.method, c.scale) == place and answers[about](c)])
    }
    others = {BASELINE: _at_equal_scale(cells, baseline), UNTUNED: _before_tuning(cells)}
    pairs = {
        (row, other): pair
        for (row, own), other in product(rows.items(), others)
        if (pair := _paired(own, others[other], answers[row[0]]))
    }
    averages = difference_tests([(pair.ours, pair.theirs) for pair in pairs.values()])
    changes = {at: _change(pair, of) for (at, pair), (of, _) in zip(pairs.items(), averages, strict=True)}
    return [
        _part(row, own, answers[row[0]], changes.get((row, BASELINE)), changes.get((row, UNTUNED)))
        for row, own in rows.items()
    ]


def _answers(planted: Planted, about: str) -> Answer:
    """Whether a cell's questions of one kind were answered right."""

    def answers(cell: Cell) -> list[bool]:
        marks = zip(cell.outcomes, planted[cell.questions], strict=True)
        return [mark == "1" for mark, is_gap in marks if is_gap == (about == GAP)]

    return answers


def _at_equal_scale(cells: Sequence[Cell], baseline: str) -> Find:
    found = {(cell.task, cell.student, cell.scale, cell.seed): cell for cell in cells if cell.method == baseline}

    def find(cell: Cell) -> Cell | None:
        return found.get((cell.task, cell.student, cell.scale, cell.seed)) if cell.method != baseline else None

    return find


def _before_tuning(cells: Sequence[Cell]) -> Find:
    """Its answers hang on no seed, so that one run of it stands beside every seed."""
    found: dict[tuple[str, str], Cell] = {}
    for cell in cells:
        if not cell.scale and found.setdefault((cell.task, cell.student), cell).outcomes != cell.outcomes:
            raise EdtError(
                f"{found[cell.task, cell.student].run} and {cell.run} are both of the untuned student {cell.student!r} "
                f"on {cell.task} and answer otherwise; nobody knows which one to compare with, so take one out"
            )
    return lambda cell: found.get((cell.task, cell.student)) if cell.scale else None


def _paired(own: Sequence[Cell], find: Find, answers: Answer) -> _Pair | None:
    """As many tasks as any seed has on both sides, with all the seeds that these tasks share there.

    So a seed that is measured on few tasks only takes no task away from the others.
    """
    both: dict[str, dict[int, tuple[Cell, Cell]]] = {}
    for cell in own:
        other = find(cell)
        if other is not None and other.questions == cell.questions:
            both.setdefault(cell.task, {})[cell.seed] = cell, other
    if not both:
        return None

    def around(seed: int) -> tuple[list[str], list[int]]:
        tasks = [task for task, seeds in both.items() if seed in seeds]
        return tasks, sorted(set.intersection(*(set(both[task]) for task in tasks)))

    every = sorted({seed for seeds in both.values() for seed in seeds})
    tasks, seeds = max(map(around, every), key=lambda found: (len(found[0]), len(found[1])))
    ours, theirs = ([[answers(both[task][seed][side]) for seed in seeds] for task in tasks] for side in (0, 1))
    return _Pair(tuple(tasks), tuple(seeds), ours, theirs)


def _change(pair: _Pair, average: Average) -> Change:
    def alone(one: Tasks, other: Tasks) -> float:
        """Share of the questions that one side has right and the other has not, in the mean over tasks."""
        tables = zip(one, other, strict=True)
        return fmean(
            fmean(a and not b for rows in zip(*table, strict=True) for a, b in zip(*rows, strict=True))
            for table in tables
        )

    return Change(
        mean=average.mean,
        low=average.low,
        high=average.high,
        learnt=alone(pair.ours, pair.theirs),
        lost=alone(pair.theirs, pair.ours),
        tasks=pair.tasks,
        seeds=pair.seeds,
    )


def _part(
    row: tuple[str, str, str],
    own: Sequence[Cell],
    answers: Answer,
    to_baseline: Change | None,
    to_untuned: Change | None,
) -> Part:
    about, method, scale = row
    tasks = tuple(dict.fromkeys(cell.task for cell in own))
    return Part(
        about=about,
        method=method,
        scale=scale,
        score=fmean(fmean(fmean(answers(cell)) for cell in own if cell.task == task) for task in tasks),
        runs=len(own),
        tasks=tasks,
        seeds=tuple(sorted({cell.seed for cell in own})),
        to_baseline=to_baseline,
        to_untuned=to_untuned,
    )
