"""From long cells to the table of the paper: rows of methods and scales, columns of tasks, and what compares them.

Knows statistics and the states of cells; knows no format. Every figure comes
from `Cell`s alone, so that a table is made again without running anything.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from edt.errors import EdtError
from edt.tables.cells import Cell
from edt.tables.seeds import Average, difference_test, mean_std

MEAN = "mean"
"""The column of means over tasks."""
FEWEST_SEEDS = 2
"""Fewer are not ranked: one seed may be luck."""

Tasks = list[list[list[bool]]]
"""By task, seed and question: whether the answer was right."""
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A method minus another one, paired by seed and question: on a task, or in the mean over tasks."""

    mean: float
    low: float
    """95% interval, by bootstrap over seeds and questions."""
    high: float
    p: float
    """Two-sided; Holm-corrected over all differences of its kind in the table."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One place of the table."""

    state: str
    """As of a cell; `measured` where at least one seed is, and none failed or is missing. Of a reference, `known`
    or `unknown`."""
    reasons: tuple[str, ...] = ()
    measured_seeds: tuple[int, ...] = ()
    """The seeds that `mean` and `std` are over, sorted."""
    mean: float | None = None
    std: float | None = None
    unparsed: float | None = None
    """Share of unparsed answers."""
    filled: float | None = None
    """Share of training samples that no skill asked for."""
    rank: int | None = None
    """1 or 2 among methods at the same scale and task."""
    to_baseline: Difference | None = None
    to_ceiling: Difference | None = None
    not_comparable: Mapping[str, str] = field(default_factory=dict)
    """Why a difference cannot be had though both sides are measured, by `to_baseline` and `to_ceiling`."""
    runs: tuple[str, ...] = ()

    @property
    def seeds(self) -> int:
        """How many."""
        return len(self.measured_seeds)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A method at a scale; `entries` by task, and `mean`."""

    method: str
    scale: str
    entries: Mapping[str, Entry]


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What the paper claims of its main table, computed as it defines it."""

    scale: str
    worst_task: str | None = None
    worst_ratio: float | None = None
    """Of our method to the ceiling, on the task where it is smallest."""
    mean_ratio: float | None = None
    """Of the means over tasks."""
    mean_gain: float | None = None
    """Of our method over the baseline, mean over tasks."""
    tasks_ahead: int | None = None
    tasks: int = 0
    reason: str = ""
    """Why a figure is not there."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What is known of a published table, at the places of ours. Not comparable with it: other student, other data."""

    paper: str
    source: str
    student: str
    teacher: str
    columns: Mapping[str, str]
    """Published columns by our task."""
    scales: tuple[str, ...]
    """Published scale of each row; empty where it has no counterpart."""
    rows: tuple[Row, ...]
    """Those of ours, in their order; entries are `known` or `unknown`."""
    headline: Headline
    """Computed from the published cells, in their names."""


@dataclass(frozen=True, kw_only=True)
class Wide:
    """A whole table."""

    title: str
    split: str
    tasks: tuple[str, ...]
    rows: tuple[Row, ...]
    baseline: str
    ceiling: str
    headline: Headline
    coverage: Mapping[str, int] = field(default_factory=dict)
    """Runs by state."""
    reference: Reference | None = None


def widen(
    cells: Sequence[Cell], *, title: str, split: str, baseline: str, ceiling: str, ours: str, headline_scale: str
) -> Wide:
    """The table of one split. The order of tasks, methods and scales is that of the cells.

    Raises EdtError where two cells, or a task and the mean, would stand at one place.
    """
    cells = [cell for cell in cells if cell.split == split]
    tasks = tuple(dict.fromkeys(cell.task for cell in cells))
    if MEAN in tasks:
        raise EdtError(f"a task is called {MEAN!r}, as the column of means is; give it another name")
    scales = list(dict.fromkeys(cell.scale for cell in cells))
    methods = list(dict.fromkeys(cell.method for cell in cells))
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        group = groups.setdefault((cell.method, cell.scale, cell.task), [])
        if twin := next((other for other in group if other.seed == cell.seed), None):
            raise EdtError(
                f"a row of a table is of one student and one teacher, and {twin.place} and {cell.place} are two; "
                "keep one of them, or give the other another method name"
            )
        group.append(cell)
    places = [(m, s) for s in scales for m in methods if any((m, s, task) in groups for task in tasks)]
    places.sort(key=lambda place: (place[1] != "", place[0] == ceiling))  # untuned first, Full Data last
    rows = [
        Row(method=m, scale=s, entries=_entries({task: groups.get((m, s, task), []) for task in tasks}))
        for m, s in places
    ]
    rows = _compared(rows, groups, tasks, baseline=baseline, ceiling=ceiling)
    rows = _ranked(rows, [*tasks, MEAN], ceiling=ceiling)
    states: dict[str, int] = {}
    for cell in cells:
        states[cell.state] = states.get(cell.state, 0) + 1
    return Wide(
        title=title,
        split=split,
        tasks=tasks,
        rows=tuple(rows),
        baseline=baseline,
        ceiling=ceiling,
        headline=headline_of(rows, tasks, ours=ours, baseline=baseline, ceiling=ceiling, scale=headline_scale),
        coverage=states,
    )


def _entry(cells: Sequence[Cell]) -> Entry:
    measured = [cell for cell in cells if cell.state == "measured"]
    others = [cell for cell in cells if cell.state != "measured"]
    state = others[0].state if others else "measured" if measured else "missing"
    reasons = tuple(dict.fromkeys(f"seed {cell.seed}: {cell.reason}" for cell in others))
    if not measured:
        return Entry(state=state, reasons=reasons, runs=tuple(cell.run for cell in cells))
    mean, std = mean_std([cell.score for cell in measured if cell.score is not None])
    asked = sum(cell.n or 0 for cell in measured)
    trained = sum(cell.trained_samples or 0 for cell in measured)
    return Entry(
        state=state,
        reasons=reasons,
        measured_seeds=tuple(sorted(cell.seed for cell in measured)),
        mean=mean,
        std=std,
        unparsed=sum(cell.unparsed or 0 for cell in measured) / asked if asked else None,
        filled=sum(cell.filled or 0 for cell in measured) / trained if trained else None,
        runs=tuple(cell.run for cell in cells),
    )


def _entries(cells: Mapping[str, Sequence[Cell]]) -> dict[str, Entry]:
    """A row's places: its tasks, and their mean."""
    entries = {task: _entry(of) for task, of in cells.items()}
    return {**entries, MEAN: _mean_entry(entries, cells)}


def _mean_entry(entries: Mapping[str, Entry], cells: Mapping[str, Sequence[Cell]]) -> Entry:
    """The mean over tasks, over the seeds that every task has: over fewer tasks it were another figure."""
    if not entries or any(entry.mean is None for entry in entries.values()):
        return Entry(state="missing", reasons=("not all tasks are measured",))
    seeds = _shared_seeds(cells.values())
    if not seeds:
        return Entry(state="missing", reasons=("no seed is measured on every task",))
    by_task = [_by_seed(of) for of in cells.values()]
    mean, std = mean_std([math.fsum(of[seed].score or 0.0 for of in by_task) / len(by_task) for seed in seeds])
    state = next((entry.state for entry in entries.values() if entry.state != "measured"), "measured")
    whole = all(entry.measured_seeds == seeds for entry in entries.values())
    reasons = () if whole else (f"the mean is over the seeds that every task has: {_listed(seeds)}",)
    return Entry(state=state, reasons=reasons, measured_seeds=seeds, mean=mean, std=std)


def _shared_seeds(groups: Iterable[Sequence[Cell]]) -> tuple[int, ...]:
    """Seeds that are measured in every one of the groups."""
    own = [{cell.seed for cell in cells if cell.state == "measured"} for cells in groups]
    return tuple(sorted(set.intersection(*own))) if own else ()


def _paired(ours: Sequence[Sequence[Cell]], theirs: Sequence[Sequence[Cell]]) -> tuple[Tasks, Tasks] | str | None:
    """Answers by task and shared seed; None where a side is not measured, and why where they are not comparable."""
    own, other = _shared_seeds(ours), _shared_seeds(theirs)
    if not own or not other:
        return None
    seeds = sorted(set(own) & set(other))
    if not seeds:
        return f"no seed in common: {_listed(own)} against {_listed(other)}"
    pairs = [(_by_seed(a), _by_seed(b)) for a, b in zip(ours, theirs, strict=True)]
    for a, b in pairs:
        for seed in seeds:
            if reason := _unlike(a[seed], b[seed]):
                return reason
    return [_answers(a, seeds) for a, _ in pairs], [_answers(b, seeds) for _, b in pairs]


def _unlike(ours: Cell, theirs: Cell) -> str:
    """Why two cells' marks are not of the same questions; empty where they are."""
    at = f"on {ours.task}, seed {ours.seed}"
    if not ours.questions or not theirs.questions:
        return f"it is not known which questions were asked {at}"
    if (ours.questions, len(ours.outcomes)) != (theirs.questions, len(theirs.outcomes)):
        return f"other questions were asked {at}: {ours.questions} ({ours.n}) against {theirs.questions} ({theirs.n})"
    return ""


def _listed(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds))


def _by_seed(cells: Sequence[Cell]) -> dict[int, Cell]:
    return {cell.seed: cell for cell in cells if cell.state == "measured"}


def _answers(cells: Mapping[int, Cell], seeds: Sequence[int]) -> list[list[bool]]:
    return [[mark == "1" for mark in cells[seed].outcomes] for seed in seeds]


def _compared(
    rows: Sequence[Row],
    groups: Mapping[tuple[str, str, str], Sequence[Cell]],
    tasks: Sequence[str],
    *,
    baseline: str,
    ceiling: str,
) -> list[Row]:
    """Rows with differences to the baseline at their own scale, and to the ceiling; one family a kind for Holm."""
    top = next((scale for method, scale, _ in groups if method == ceiling), None)
    columns = {**{task: (task,) for task in tasks}, MEAN: tuple(tasks)}
    raw: dict[str, dict[tuple[int, str], tuple[Average, float]]] = {"to_baseline": {}, "to_ceiling": {}}
    whys: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)
    for number, row in enumerate(rows):
        for column, of in columns.items():
            for kind, method, scale in (("to_baseline", baseline, row.scale), ("to_ceiling", ceiling, top)):
                if row.method in (method, ceiling) or scale is None:
                    continue
                own = [groups.get((row.method, row.scale, task), []) for task in of]
                other = [groups.get((method, scale, task), []) for task in of]
                pair = _paired(own, other)
                if isinstance(pair, str):
                    whys[number, column][kind] = pair
                elif pair is not None:
                    raw[kind][number, column] = difference_test(*pair)
    corrected = {kind: holm({place: p for place, (_, p) in found.items()}) for kind, found in raw.items()}
    out = [dict(row.entries) for row in rows]
    for (number, column), reasons in whys.items():
        out[number][column] = replace(out[number][column], not_comparable=reasons)
    for kind, found in raw.items():
        for (number, column), (of, _) in found.items():
            made = Difference(mean=of.mean, low=of.low, high=of.high, p=corrected[kind][number, column])
            out[number][column] = replace(out[number][column], **{kind: made})
    return [replace(row, entries=entries) for row, entries in zip(rows, out, strict=True)]


def holm(ps: Mapping[Key, float]) -> dict[Key, float]:
    """p-values after Holm (1979): the k-th smallest of m times m - k + 1, never falling, at most 1."""
    running, out = 0.0, {}
    for rank, key in enumerate(sorted(ps, key=lambda key: ps[key])):
        running = max(running, min(1.0, ps[key] * (len(ps) - rank)))
        out[key] = running
    return out


def _ranked(rows: Sequence[Row], columns: Sequence[str], *, ceiling: str) -> list[Row]:
    """Best and second at each scale and column, among whole entries of enough seeds; the ceiling does not compete."""
    out = [dict(row.entries) for row in rows]
    for scale in dict.fromkeys(row.scale for row in rows):
        for column in columns:
            fit = [
                number
                for number, row in enumerate(rows)
                if row.scale == scale and row.method != ceiling and _rankable(row.entries[column])
            ]
            if len(fit) < 2:
                continue
            values = sorted({round(rows[n].entries[column].mean or 0.0, 6) for n in fit}, reverse=True)
            for n in fit:
                place = values.index(round(rows[n].entries[column].mean or 0.0, 6)) + 1
                if place <= 2:
                    out[n][column] = replace(out[n][column], rank=place)
    return [replace(row, entries=entries) for row, entries in zip(rows, out, strict=True)]


def _rankable(entry: Entry) -> bool:
    return entry.state == "measured" and entry.mean is not None and entry.seeds >= FEWEST_SEEDS


def _unlike_seeds(rows: Mapping[str, Row], tasks: Sequence[str]) -> str:
    """Which cells are over other seeds than most; empty where none is."""
    where: dict[tuple[str, tuple[int, ...]], list[str]] = defaultdict(list)
    counts = Counter[tuple[int, ...]]()
    for name, row in rows.items():
        for task in tasks:
            seeds = row.entries[task].measured_seeds
            where[name, seeds].append(task)
            counts[seeds] += 1
    usual = counts.most_common(1)[0][0] if counts else ()
    odd = [f"{name} has {_listed(seeds)} on {', '.join(of)}" for (name, seeds), of in where.items() if seeds != usual]
    return f"seeds differ: {'; '.join(odd)}, and others {_listed(usual)}" if odd else ""


def headline_of(
    rows: Sequence[Row], tasks: Sequence[str], *, ours: str, baseline: str, ceiling: str, scale: str
) -> Headline:
    """The headlines of any table: of ours, or of a published one."""

    def row(method: str, at: str | None) -> Row | None:
        return next((row for row in rows if row.method == method and at in (None, row.scale)), None)

    found = {ours: row(ours, scale), ceiling: row(ceiling, None), baseline: row(baseline, scale)}
    for name, one in found.items():
        if one is None or any(one.entries[task].mean is None for task in tasks):
            return Headline(scale=scale, tasks=len(tasks), reason=f"{name} is not measured on every task")

    if reason := _unlike_seeds({name: row for name, row in found.items() if row}, tasks):
        return Headline(scale=scale, tasks=len(tasks), reason=reason)

    def scores(name: str) -> list[float]:
        one = found[name]
        assert one is not None
        return [one.entries[task].mean or 0.0 for task in tasks]

    us, top, base = scores(ours), scores(ceiling), scores(baseline)
    if not all(top):
        return Headline(scale=scale, tasks=len(tasks), reason=f"{ceiling} scores nothing on a task")
    ratio, task = min(zip((a / b for a, b in zip(us, top, strict=True)), tasks, strict=True))
    return Headline(
        scale=scale,
        worst_task=task,
        worst_ratio=ratio,
        mean_ratio=sum(us) / sum(top),
        mean_gain=sum(a - b for a, b in zip(us, base, strict=True)) / len(tasks),
        tasks_ahead=sum(a > b for a, b in zip(us, base, strict=True)),
        tasks=len(tasks),
    )
