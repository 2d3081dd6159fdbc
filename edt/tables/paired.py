"""Differences between the methods of a wide table, paired by seed and question, and corrected for how many they are.

Knows cells, and which of them may be compared; how a difference is resampled is in `edt.tables.seeds`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from statistics import fmean
from typing import NamedTuple, TypeVar

from edt.tables.cells import Cell
from edt.tables.seeds import Average, Tasks, difference_tests
from edt.tables.shape import FEWEST_SEEDS, MEAN, Difference, Entry, Row

KINDS = ("to_baseline", "to_ceiling", "to_rival")
DUST = 1e-9
"""Far below one answer's weight: a difference so small is none, but the order of its sums."""
Groups = Mapping[tuple[str, str, str], Sequence[Cell]]
"""Cells by method, scale and task."""
Key = TypeVar("Key", bound=Hashable)


Pair = tuple[Tasks, Tasks]
"""Answers of two methods by task and seed."""


class Place(NamedTuple):
    """Where a difference stands: in which row and column, and to which method."""

    row: int
    column: str
    kind: str
    other: str


def compared(
    rows: Sequence[Row],
    groups: Groups,
    tasks: Sequence[str],
    *,
    baseline: str,
    ceiling: str,
    ours: str,
    rivals: Sequence[str],
) -> list[Row]:
    """Rows with differences: to the baseline and, of ours, to every rival at equal scale; and to the ceiling."""
    top = next((scale for method, scale, _ in groups if method == ceiling), None)
    columns = {**{task: (task,) for task in tasks}, MEAN: tuple(tasks)}
    pairs: dict[Place, Pair] = {}
    whys: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)

    def others(row: Row) -> Iterator[tuple[str, str, str]]:
        """Kind, method and scale of all that a row is compared with."""
        if row.method == ceiling:
            return
        if row.method != baseline:
            yield "to_baseline", baseline, row.scale
        if top is not None:
            yield "to_ceiling", ceiling, top
        if row.method == ours:
            yield from (("to_rival", rival, row.scale) for rival in rivals)

    for number, row in enumerate(rows):
        for column, of in columns.items():
            for kind, method, scale in others(row):
                own = [groups.get((row.method, row.scale, task), []) for task in of]
                other = [groups.get((method, scale, task), []) for task in of]
                pair = _paired(own, other)
                if isinstance(pair, str):
                    whys[number, column][method] = pair
                elif pair is not None:
                    pairs[Place(number, column, kind, method)] = pair
    found = dict(zip(pairs, difference_tests(list(pairs.values())), strict=True))
    out = [dict(row.entries) for row in rows]
    for (number, column), reasons in whys.items():
        out[number][column] = replace(out[number][column], not_comparable=reasons)
    for place, made in _corrected(pairs, found).items():
        out[place.row][place.column] = _with(out[place.row][place.column], place, made)
    return [replace(row, entries=entries) for row, entries in zip(rows, out, strict=True)]


def _corrected(pairs: Mapping[Place, Pair], found: Mapping[Place, tuple[Average, float]]) -> dict[Place, Difference]:
    """With p after Holm. Differences of one seed have none, and weigh on no family.

    A kind is two families: a mean over tasks says what a table is made for, and follows from its tasks; it is not one
    more of them.
    """
    ps: dict[Place, float] = {}
    for kind, of_means in product(KINDS, (True, False)):
        family = {
            at: p
            for at, (of, p) in found.items()
            if (at.kind, at.column == MEAN) == (kind, of_means) and of.seeds >= FEWEST_SEEDS
        }
        ps.update(holm(family))
    return {
        at: Difference(
            mean=of.mean,
            low=of.low,
            high=of.high,
            seeds=of.seeds,
            p=ps.get(at),
            by_seed=_by_seed(pairs[at]),
            ahead=_ahead(pairs[at]),
        )
        for at, (of, _) in found.items()
    }


def _gains(pair: Pair) -> list[list[float]]:
    """A row a task, a column a seed."""
    return [
        [(sum(a) - sum(b)) / len(a) for a, b in zip(ours, theirs, strict=True)]
        for ours, theirs in zip(*pair, strict=True)
    ]


def _by_seed(pair: Pair) -> tuple[float, ...]:
    return tuple(fmean(of) for of in zip(*_gains(pair), strict=True))


def _ahead(pair: Pair) -> int:
    return sum(fmean(of) > DUST for of in _gains(pair))


def _with(entry: Entry, place: Place, made: Difference) -> Entry:
    if place.kind == "to_baseline":
        return replace(entry, to_baseline=made)
    if place.kind == "to_ceiling":
        return replace(entry, to_ceiling=made)
    return replace(entry, to_rivals={**entry.to_rivals, place.other: made})


def holm(ps: Mapping[Key, float]) -> dict[Key, float]:
    """p-values after Holm (1979): the k-th smallest of m times m - k + 1, never falling, at most 1."""
    running, out = 0.0, {}
    for rank, key in enumerate(sorted(ps, key=lambda key: ps[key])):
        running = max(running, min(1.0, ps[key] * (len(ps) - rank)))
        out[key] = running
    return out


def shared_seeds(groups: Iterable[Sequence[Cell]]) -> tuple[int, ...]:
    """Seeds that are measured in every one of the groups."""
    own = [{cell.seed for cell in cells if cell.state == "measured"} for cells in groups]
    return tuple(sorted(set.intersection(*own))) if own else ()


def by_seed(cells: Sequence[Cell]) -> dict[int, Cell]:
    """Those that are measured."""
    return {cell.seed: cell for cell in cells if cell.state == "measured"}


def listed(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds))


def _paired(ours: Sequence[Sequence[Cell]], theirs: Sequence[Sequence[Cell]]) -> Pair | str | None:
    """Answers by task and shared seed; None where a side is not measured, and why where they are not comparable."""
    own, other = shared_seeds(ours), shared_seeds(theirs)
    if not own or not other:
        return None
    seeds = sorted(set(own) & set(other))
    if not seeds:
        return f"no seed in common: {listed(own)} against {listed(other)}"
    pairs = [(by_seed(a), by_seed(b)) for a, b in zip(ours, theirs, strict=True)]
    for a, b in pairs:
        for seed in seeds:
            if reason := _unlike(a[seed], b[seed]):
                return reason
    return [_answers(a, seeds) for a, _ in pairs], [_answers(b, seeds) for _, b in pairs]


def _unlike(ours: Cell, theirs: Cell) -> str:
    """Why two cells are not compared: another student, or other questions; empty where they may be."""
    at = f"on {ours.task}, seed {ours.seed}"
    if ours.student != theirs.student:
        return f"another student: {ours.student} against {theirs.student}"
    if not ours.questions or not theirs.questions:
        return f"it is not known which questions were asked {at}"
    if (ours.questions, len(ours.outcomes)) != (theirs.questions, len(theirs.outcomes)):
        return f"other questions were asked {at}: {ours.questions} ({ours.n}) against {theirs.questions} ({theirs.n})"
    return ""


def _answers(cells: Mapping[int, Cell], seeds: Sequence[int]) -> list[list[bool]]:
    return [[mark == "1" for mark in cells[seed].outcomes] for seed in seeds]
