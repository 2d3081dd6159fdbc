"""The headlines of a wide table: how near our method comes to the ceiling, and what it gains over others.

Knows rows with their differences; pairs and resamples nothing itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from edt.tables.paired import DUST, listed
from edt.tables.shape import MEAN, Difference, Entry, Gain, Headline, Row


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
    odd = [f"{name} has {listed(seeds)} on {', '.join(of)}" for (name, seeds), of in where.items() if seeds != usual]
    return f"seeds differ: {'; '.join(odd)}, and others {listed(usual)}" if odd else ""


def headline_of(
    rows: Sequence[Row],
    tasks: Sequence[str],
    *,
    ours: str,
    baseline: str,
    ceiling: str,
    scale: str,
    worst_goal: float = 0.0,
    mean_goal: float = 0.0,
) -> Headline:
    """The headlines of any table: of ours, or of a published one. A goal is a share of the ceiling; 0 for none."""

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
        others=tuple((name, sum(of) / sum(top)) for name, of in [*_untuned(rows, tasks), (baseline, base)]),
        worst_goal=worst_goal,
        mean_goal=mean_goal,
        mean_gain=sum(a - b for a, b in zip(us, base, strict=True)) / len(tasks),
        tasks_ahead=sum(a - b > DUST for a, b in zip(us, base, strict=True)),
        tasks=len(tasks),
    )


def _untuned(rows: Sequence[Row], tasks: Sequence[str]) -> list[tuple[str, list[float]]]:
    """Methods that see no training samples, with their scores by task, where they have them all."""
    found = [(row.method, [row.entries[task].mean for task in tasks]) for row in rows if not row.scale]
    return [(name, [score for score in of if score is not None]) for name, of in found if None not in of]


def gains_of(
    rows: Sequence[Row],
    tasks: Sequence[str],
    *,
    ours: str,
    baseline: str,
    rivals: Sequence[str],
    headline_scale: str,
    goal: int,
) -> tuple[Gain, ...]:
    """Of ours over the baseline and over each rival, at every scale that ours is at; the goal is to the baseline."""
    gains = []
    for row in rows:
        if row.method != ours:
            continue
        for other in dict.fromkeys((baseline, *rivals)):
            aimed = goal if (other, row.scale) == (baseline, headline_scale) else 0
            if other != ours:
                gains.append(_gain(row, rows, tasks, other, is_baseline=other == baseline, goal=aimed))
    return tuple(gains)


def _gain(row: Row, rows: Sequence[Row], tasks: Sequence[str], other: str, *, is_baseline: bool, goal: int) -> Gain:
    def to(entry: Entry) -> Difference | None:
        return entry.to_baseline if is_baseline else entry.to_rivals.get(other)

    mean = row.entries[MEAN]
    found = to(mean)
    if found is None:
        theirs = next((one for one in rows if (one.method, one.scale) == (other, row.scale)), None)
        why = mean.not_comparable.get(other) or _lacking(row.method, row) or _lacking(other, theirs)
        return Gain(scale=row.scale, other=other, tasks=len(tasks), goal=goal, reason=why)
    return Gain(scale=row.scale, other=other, difference=found, tasks_ahead=found.ahead, tasks=len(tasks), goal=goal)


def _lacking(method: str, row: Row | None) -> str:
    """Why a method has no mean over tasks; empty where it has one."""
    if row is None:
        return f"{method} is not in the table at this scale"
    mean = row.entries[MEAN]
    return f"{method}: {'; '.join(mean.reasons)}" if mean.mean is None else ""
