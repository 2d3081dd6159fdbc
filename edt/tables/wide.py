"""From long cells to the table of the paper: rows of methods and scales, columns of tasks, and what compares them.

Knows statistics and the states of cells; knows no format. Every figure comes
from `Cell`s alone, so that a table is made again without running anything.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from edt.errors import EdtError
from edt.tables.cells import Cell
from edt.tables.headline import gains_of, headline_of
from edt.tables.paired import by_seed, compared, listed, shared_seeds
from edt.tables.seeds import mean_std
from edt.tables.shape import FEWEST_SEEDS, MEAN, Entry, Row, Wide


def widen(
    cells: Sequence[Cell],
    *,
    title: str,
    split: str,
    baseline: str,
    ceiling: str,
    ours: str,
    headline_scale: str,
    rivals: Sequence[str] = (),
    goal: int = 0,
    worst_goal: float = 0.0,
    mean_goal: float = 0.0,
) -> Wide:
    """The table of one split. The order of tasks, methods and scales is that of the cells.

    `rivals` are methods that ours is compared with beside the baseline, and `goal` is on how many tasks it is to be
    above the baseline at `headline_scale`; `worst_goal` and `mean_goal` are shares of the ceiling there.
    Raises EdtError where two cells, or a task and the mean, would stand at one place.
    """
    cells = [cell for cell in cells if cell.split == split]
    tasks = tuple(dict.fromkeys(cell.task for cell in cells))
    if MEAN in tasks:
        raise EdtError(f"a task is called {MEAN!r}, as the column of means is; give it another name")
    scales = list(dict.fromkeys(cell.scale for cell in cells))
    methods = list(dict.fromkeys(cell.method for cell in cells))
    groups = grouped(cells)
    places = [(m, s) for s in scales for m in methods if any((m, s, task) in groups for task in tasks)]
    places.sort(key=lambda place: (place[1] != "", place[0] == ceiling))  # untuned first, Full Data last
    rows = [_row(m, s, {task: groups.get((m, s, task), []) for task in tasks}) for m, s in places]
    rows = compared(rows, groups, tasks, baseline=baseline, ceiling=ceiling, ours=ours, rivals=rivals)
    rows = _ranked(rows, [*tasks, MEAN], ceiling=ceiling)
    return Wide(
        title=title,
        split=split,
        tasks=tasks,
        rows=tuple(rows),
        baseline=baseline,
        ceiling=ceiling,
        ours=ours,
        headline=headline_of(
            rows,
            tasks,
            ours=ours,
            baseline=baseline,
            ceiling=ceiling,
            scale=headline_scale,
            worst_goal=worst_goal,
            mean_goal=mean_goal,
        ),
        rivals=tuple(rivals),
        gains=gains_of(
            rows, tasks, ours=ours, baseline=baseline, rivals=rivals, headline_scale=headline_scale, goal=goal
        ),
        coverage=Counter(cell.state for cell in cells),
        teachers=tuple(dict.fromkeys(cell.teacher for cell in cells if cell.teacher)),
    )


def grouped(cells: Sequence[Cell]) -> dict[tuple[str, str, str], list[Cell]]:
    """By method, scale and task; EdtError where two are of one seed."""
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        group = groups.setdefault((cell.method, cell.scale, cell.task), [])
        if twin := next((other for other in group if other.seed == cell.seed), None):
            raise EdtError(
                f"a row of a table is of one student and one teacher, and {twin.place} and {cell.place} are two; "
                "keep one of them, or give the other another method name"
            )
        group.append(cell)
    return groups


def _entry(cells: Sequence[Cell]) -> Entry:
    measured = [cell for cell in cells if cell.state == "measured"]
    others = [cell for cell in cells if cell.state != "measured"]
    state = others[0].state if others else "measured" if measured else "missing"
    reasons = tuple(dict.fromkeys(f"{cell.state}: seed {cell.seed}: {cell.reason}" for cell in others))
    if not measured:
        return Entry(state=state, reasons=reasons, runs=tuple(cell.run for cell in cells))
    mean, std = mean_std([cell.share for cell in measured])
    counts = [cell.n or 0 for cell in measured]
    asked = sum(counts)
    samples = [cell.trained_samples or 0 for cell in measured]
    return Entry(
        state=state,
        reasons=reasons,
        measured_seeds=tuple(sorted(cell.seed for cell in measured)),
        asked=tuple(cell.questions for cell in sorted(measured, key=lambda cell: cell.seed)),
        mean=mean,
        std=std,
        unparsed=sum(cell.unparsed or 0 for cell in measured) / asked if asked else None,
        filled=sum(cell.filled or 0 for cell in measured) / sum(samples) if any(samples) else None,
        trained=(min(samples), max(samples)),
        questions=(min(counts), max(counts)),
        runs=tuple(cell.run for cell in cells),
    )


def _row(method: str, scale: str, cells: Mapping[str, Sequence[Cell]]) -> Row:
    student = next((cell.student for of in cells.values() for cell in of), "")
    return Row(method=method, scale=scale, entries=_entries(cells), student=student)


def _entries(cells: Mapping[str, Sequence[Cell]]) -> dict[str, Entry]:
    """A row's places: its tasks, and their mean."""
    entries = {task: _entry(of) for task, of in cells.items()}
    return {**entries, MEAN: _mean_entry(entries, cells)}


def _mean_entry(entries: Mapping[str, Entry], cells: Mapping[str, Sequence[Cell]]) -> Entry:
    """The mean over tasks, over the seeds that every task has: over fewer tasks it were another figure."""
    if not entries or any(entry.mean is None for entry in entries.values()):
        return Entry(state="missing", reasons=("not all tasks are measured",))
    seeds = shared_seeds(cells.values())
    if not seeds:
        return Entry(state="missing", reasons=("no seed is measured on every task",))
    by_task = [by_seed(of) for of in cells.values()]
    mean, std = mean_std([math.fsum(of[seed].share for of in by_task) / len(by_task) for seed in seeds])
    state = next((entry.state for entry in entries.values() if entry.state != "measured"), "measured")
    whole = all(entry.measured_seeds == seeds for entry in entries.values())
    reasons = () if whole else (f"the mean is over the seeds that every task has: {listed(seeds)}",)
    asked = tuple(of[seed].questions for of in by_task for seed in seeds)
    return Entry(state=state, reasons=reasons, measured_seeds=seeds, asked=asked, mean=mean, std=std)


def _ranked(rows: Sequence[Row], columns: Sequence[str], *, ceiling: str) -> list[Row]:
    """Best and second at each scale, student and column, among whole entries of enough seeds; without the ceiling.

    Entries of other seeds or questions than most are left out: what is ranked can be compared.
    """
    out = [dict(row.entries) for row in rows]
    for contest in dict.fromkeys((row.scale, row.student) for row in rows):
        for column in columns:
            fit = [
                number
                for number, row in enumerate(rows)
                if (row.scale, row.student) == contest and row.method != ceiling and _rankable(row.entries[column])
            ]
            fit = _alike(fit, [row.entries[column] for row in rows])
            if len(fit) < 2:
                continue
            values = sorted({round(rows[n].entries[column].mean or 0.0, 9) for n in fit}, reverse=True)
            for n in fit:
                place = values.index(round(rows[n].entries[column].mean or 0.0, 9)) + 1
                if place <= 2:
                    out[n][column] = replace(out[n][column], rank=place)
    return [replace(row, entries=entries) for row, entries in zip(rows, out, strict=True)]


def _alike(numbers: Sequence[int], entries: Sequence[Entry]) -> list[int]:
    """Those whose entries are over the seeds and questions that most are over; none where no more are than others."""
    kinds = Counter((entries[number].measured_seeds, entries[number].asked) for number in numbers)
    most = kinds.most_common(2)
    if not most or (len(most) == 2 and most[0][1] == most[1][1]):
        return []
    return [number for number in numbers if (entries[number].measured_seeds, entries[number].asked) == most[0][0]]


def _rankable(entry: Entry) -> bool:
    return entry.state == "measured" and entry.mean is not None and entry.seeds >= FEWEST_SEEDS
