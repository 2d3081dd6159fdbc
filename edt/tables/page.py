"""A wide table in words: what every format shows of it. Computes nothing.

Every format is made from one `Page`, so that no two of them can say different things.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edt.tables.durations import clock
from edt.tables.escape import one_line
from edt.tables.markdown import listed
from edt.tables.paired import DUST
from edt.tables.seeds import DRAWS
from edt.tables.shape import MEAN, Cost, Difference, Entry, Gain, Headline, Reference, Wide
from edt.tables.teachers import teacher_lines
from edt.tables.terminal import NAMES


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is read at one place."""

    text: str
    rank: int | None = None
    mark: str = ""
    """Footnote marks."""
    unknown: bool = False
    """Set off from figures and from the states of our own cells."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything that any format shows, in words."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Shown, ...]], ...]
    """(method, scale, a cell a column)"""
    differences: tuple[tuple[str, ...], ...]
    """A line a difference, under `DIFFERENCE_HEADS`."""
    notes: tuple[str, ...]
    reference: Page | None = None
    """What is known of a published table, row for row; its notes are among those of ours."""


DIFFERENCE_HEADS = ("method", "samples", "task", "difference to", "seeds", "points", "95% interval", "p (Holm)")
DIFFERENCE_WORDS = 4
"""Columns of them that are words, and the others figures."""
NO_P = "–"


def page_of(wide: Wide) -> Page:
    """A table in words. Footnotes: a state that is not measured, unparsed answers, filled samples."""
    reasons: dict[str, str] = {}
    rows = tuple(
        (
            named(row.method),
            one_line(row.scale) or "none",
            tuple(_shown(row.entries[column], reasons) for column in (*wide.tasks, MEAN)),
        )
        for row in wide.rows
    )
    differences = tuple(tuple(map(one_line, line)) for line in _differences(wide))
    notes = [
        f"Accuracy in percent on the {wide.split} split: mean ± sample standard deviation over seeds (number of "
        "seeds). Best in bold, second underlined, at each number of samples, only with two seeds or more.",
        *question_lines(wide),
        *sample_lines(wide),
        coverage_line(wide),
        *cost_lines(wide.cost),
        *teacher_lines(wide.teachers),
        *headline_lines(wide.headline, ceiling=wide.ceiling),
        *gain_lines(wide.gains, ours=wide.ours),
        *_reference_notes(wide),
        *_difference_notes(wide, differences),
        *_shares(wide),
        *(f"{mark} {reason}" for reason, mark in reasons.items()),
    ]
    return Page(
        title=one_line(f"{wide.title}, {wide.split} split"),
        heads=("method", "samples", *map(one_line, wide.tasks), MEAN),
        rows=rows,
        differences=differences,
        notes=tuple(map(one_line, notes)),
        reference=None if wide.reference is None else _reference_page(wide, wide.reference),
    )


def _reference_page(wide: Wide, known: Reference) -> Page:
    def shown(entry: Entry) -> Shown:
        return Shown(text="unknown", unknown=True) if entry.mean is None else Shown(text=f"{100 * entry.mean:.2f}")

    rows = []
    for row, scale in zip(known.rows, known.scales, strict=True):
        ours = one_line(row.scale) or "none"
        other = one_line(scale) if row.scale and scale != row.scale else ""
        entries = tuple(shown(row.entries[column]) for column in (*wide.tasks, MEAN))
        rows.append((named(row.method), f"{ours} ↔ {other}" if other else ours, entries))
    heads = [one_line(known.columns.get(task, task)) for task in wide.tasks]
    return Page(
        title=one_line(f"Reference ({known.paper}, other student and data)"),
        heads=("method", "samples", *heads, MEAN),
        rows=tuple(rows),
        differences=(),
        notes=(),
    )


def _reference_notes(wide: Wide) -> list[str]:
    """The published headlines beside ours, and why nothing of them is to be compared with ours."""
    if (known := wide.reference) is None:
        return []
    lines = headline_lines(
        known.headline, baseline=wide.baseline, ceiling=wide.ceiling, whose="Reference headlines, from its own cells,"
    )
    return [
        *lines,
        f"Reference: {known.paper}; student {known.student}, teacher {known.teacher}. Source: {known.source}.",
        "The reference is not comparable with our figures: another student, other tasks and questions, another "
        "supporting dataset. It shows what was reported there, and no difference to it is taken. What is not known of "
        "it is unknown; its means over tasks, and its headlines, are computed here from the cells that are known.",
    ]


def named(method: str) -> str:
    """How a method is called in every format."""
    return one_line(NAMES.get(method, method))


def coverage_line(wide: Wide) -> str:
    total = sum(wide.coverage.values())
    states = ", ".join(f"{count} {state}" for state, count in sorted(wide.coverage.items()))
    return f"Coverage: {wide.coverage.get('measured', 0)} of {total} runs measured ({states or 'none'})."


def cost_lines(cost: Cost | None) -> list[str]:
    """What the runs came to; nothing where it cannot be told."""
    if cost is None:
        return []
    return [
        f"Cost: {cost.runs} runs share {cost.trainings} distinct trainings; their stages, shared ones counted once, "
        f"took about {clock(cost.seconds)}.{_wall_time(cost)}"
    ]


def _wall_time(cost: Cost) -> str:
    """A sentence after another one; nothing where no sweep has left its time."""
    if (wall := cost.wall) is None:
        return ""
    of = "" if wall.runs == cost.runs else f" of {wall.runs} of the runs"
    sweeps = f"{wall.sweeps} sweep{'s' if wall.sweeps > 1 else ''}"
    return f" Wall time{of}: {clock(wall.seconds)}, in {sweeps} with jobs={listed(map(str, wall.jobs))}."


def question_lines(wide: Wide) -> list[str]:
    """How many questions a task has; nothing where none was asked."""
    counts = [n for row in wide.rows for task in wide.tasks for n in row.entries[task].questions or ()]
    if not counts:
        return []
    fewest, most = min(counts), max(counts)
    return [f"Questions: {fewest if fewest == most else f'{fewest} to {most}'} a task."]


def sample_lines(wide: Wide) -> list[str]:
    """Rows with fewer training samples than others of their scale have, as where a run stopped early."""
    spans: dict[tuple[str, str], tuple[int, int]] = {}
    for row in wide.rows:
        counts = [n for task in wide.tasks for n in row.entries[task].trained or ()]
        if row.scale and counts:
            spans[row.method, row.scale] = min(counts), max(counts)
    most = {scale: max(span[1] for (_, at), span in spans.items() if at == scale) for _, scale in spans}
    fewer = [
        f"{named(method)} at {scale} ({f'{low} to {high}' if low < high else low} of {most[scale]})"
        for (method, scale), (low, high) in spans.items()
        if low < most[scale]
    ]
    return [f"Trained on fewer samples than others at their scale: {'; '.join(fewer)}."] if fewer else []


def headline_lines(headline: Headline, *, ceiling: str, baseline: str = "", whose: str = "Headlines") -> list[str]:
    """How near the ceiling, or why that cannot be had; with a baseline also what is gained over it."""
    if headline.reason:
        return [f"{whose} at {headline.scale} samples: not available ({headline.reason})."]
    assert headline.worst_ratio is not None
    assert headline.mean_ratio is not None
    assert headline.mean_gain is not None
    gain = (
        f"; mean gain over {named(baseline)} {100 * headline.mean_gain:+.2f} points, ahead on {headline.tasks_ahead} "
        f"of {headline.tasks} tasks"
    )
    beside = "".join(f", that of {named(method)} {100 * ratio:.2f}%" for method, ratio in headline.others)
    return [
        f"{whose} at {headline.scale} samples: the worst task ({headline.worst_task}) reaches "
        f"{100 * headline.worst_ratio:.2f}% of {named(ceiling)}{_verdict(headline.worst_ratio, headline.worst_goal)}, "
        f"the mean {100 * headline.mean_ratio:.2f}%{_verdict(headline.mean_ratio, headline.mean_goal)}"
        f"{beside}{gain if baseline else ''}."
    ]


def _verdict(ratio: float, goal: float) -> str:
    if not goal:
        return ""
    return f" (the goal, at least {100 * goal:.2f}%, is {'reached' if ratio >= goal - DUST else 'missed'})"


def gain_lines(gains: Sequence[Gain], *, ours: str) -> list[str]:
    """A sentence a scale: what is gained over the baseline and over each rival."""
    lines = []
    for scale in dict.fromkeys(gain.scale for gain in gains):
        said = "; ".join(_gain(gain) for gain in gains if gain.scale == scale)
        lines.append(f"{named(ours)} at {scale} samples, in the mean over tasks: {said}.")
    return lines


def _gain(gain: Gain) -> str:
    if (found := gain.difference) is None:
        return f"over {named(gain.other)} not available ({gain.reason})"
    points, interval, p = _figures(found)
    seeds = ", ".join(f"{100 * of:+.1f}" for of in found.by_seed)
    sure = "one seed" if found.p is None else f"p {p if p[0] == '<' else f'= {p}'}; by seed {seeds}"
    goal = ""
    if gain.goal:
        goal = f" (the goal, at least {gain.goal}, is {'reached' if gain.tasks_ahead >= gain.goal else 'missed'})"
    return (
        f"{points} points over {named(gain.other)} (95% {interval}, {sure}), above it on {gain.tasks_ahead} of "
        f"{gain.tasks} tasks{goal}"
    )


def _shown(entry: Entry, reasons: dict[str, str]) -> Shown:
    marks = []
    for reason in entry.reasons:
        marks.append(reasons.setdefault(one_line(reason), f"[{len(reasons) + 1}]"))
    if entry.mean is None:
        return Shown(text=entry.state, mark="".join(marks))
    spread = "" if entry.std is None else f" ± {100 * entry.std:.1f}"
    return Shown(text=f"{100 * entry.mean:.1f}{spread} ({entry.seeds})", rank=entry.rank, mark="".join(marks))


def _differences(wide: Wide) -> list[tuple[str, ...]]:
    lines = []
    for row in wide.rows:
        for column in (*wide.tasks, MEAN):
            entry = row.entries[column]
            rivals = ((rival, entry.to_rivals.get(rival)) for rival in wide.rivals)
            for other, found in ((wide.baseline, entry.to_baseline), (wide.ceiling, entry.to_ceiling), *rivals):
                reason = entry.not_comparable.get(other, "")
                if found is not None or reason:
                    seeds = "" if found is None else str(found.seeds)
                    figures = ("not comparable", reason, "") if found is None else _figures(found)
                    lines.append((named(row.method), row.scale or "none", column, named(other), seeds, *figures))
    return lines


def _figures(found: Difference) -> tuple[str, str, str]:
    """Points, interval, and p."""
    over = ", questions only" if found.p is None else ""
    return (
        f"{100 * found.mean:+.1f}",
        f"{100 * found.low:+.1f} to {100 * found.high:+.1f}{over}",
        NO_P if found.p is None else f"{found.p:.3f}" if found.p >= 0.001 else "< 0.001",
    )


def _difference_notes(wide: Wide, differences: Sequence[tuple[str, ...]]) -> list[str]:
    """How differences were taken; nothing where there are none."""
    if not differences:
        return []
    families = [named(wide.baseline), named(wide.ceiling), *([listed(map(named, wide.rivals))] if wide.rivals else [])]
    return [
        f"Differences are paired by seed and question, with 95% intervals by bootstrap over both ({DRAWS:,} draws) and "
        f"two-sided p after Holm, in families: to {'; to '.join(families)}; of each the means over tasks apart from "
        "single tasks. One seed shows nothing of how much seeds vary: its interval is over questions only, and it has "
        "no p. Few seeds show less of it than there is, two half of its variance, three two thirds: their intervals "
        "are too short, and their p too small. Questions are drawn as if none had to do with another: where several "
        "show one object, in a task or in several, intervals are too short for that as well."
    ]


def _shares(wide: Wide) -> list[str]:
    notes = []
    for what, name in (("Unparsed answers", "unparsed"), ("Training samples filled at random", "filled")):
        found = [
            f"{named(row.method)} {row.scale or 'none'} {task} {100 * share:.1f}%"
            for row in wide.rows
            for task in wide.tasks
            if (share := getattr(row.entries[task], name))
        ]
        notes.append(f"{what}: {'; '.join(found) or 'none'}.")
    return notes
