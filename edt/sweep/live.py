"""What a person sees while a table runs: every cell with its state, and the time that is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from edt.sweep.run import Job
from edt.tables.durations import clock

MOST = 16
"""Lines of cells on the screen at once; the rest is counted."""
EVERY = 0.5
AROUND = 3.0
"""Seconds of a cell beside its stages: its start, and what it writes."""
STYLES = {"measured": "green", "failed": "red", "running": "cyan", "waiting": "dim"}

Watch = Callable[[Sequence[Job]], None]


@contextmanager
def live_view(title: str, estimate: float | None, costs: Mapping[str, float]) -> Iterator[Watch]:
    """A table that redraws itself on a terminal; a line an event where there is none.

    `estimate` is of all cells, `costs` of each by its name, in seconds; as far as they are known before they are run.
    """
    started = time.monotonic()
    if not sys.stdout.isatty():
        yield _line_by_line()
        return
    with Live(console=Console(), refresh_per_second=2, transient=True) as live:
        last = 0.0

        def watch(jobs: Sequence[Job]) -> None:
            nonlocal last
            if time.monotonic() - last >= EVERY:
                elapsed = time.monotonic() - started
                live.update(_view(title, jobs, elapsed, time_left(jobs, elapsed, estimate=estimate, costs=costs)))
                last = time.monotonic()

        yield watch


def _line_by_line() -> Watch:
    said: dict[str, str] = {}

    def watch(jobs: Sequence[Job]) -> None:
        for job in jobs:
            if job.state not in ("waiting", said.get(job.cell.spec.name)):
                said[job.cell.spec.name] = job.state
                what = {"measured": f"done in {clock(job.seconds)}", "failed": f"failed: {job.reason}"}
                done = sum(one.state in ("measured", "failed") for one in jobs)
                print(f"[{done}/{len(jobs)}] {job.cell.spec.name} {what.get(job.state, job.state)}", flush=True)

    return watch


def time_left(
    jobs: Sequence[Job], elapsed: float, *, estimate: float | None, costs: Mapping[str, float]
) -> float | None:
    """Seconds until the last cell is done, after `elapsed`; None where it is not known.

    As measured cells went, beside what each was reckoned to cost (all alike where that is not known), so go the others,
    and as many of them at once as so far. Before the first is measured it is what is left of the estimate.
    """

    def cost(job: Job) -> float:
        return AROUND + costs[job.cell.spec.name] if costs else 1.0

    now = time.monotonic()
    done = [job for job in jobs if job.state == "measured"]
    so_far = {job.cell.spec.name: now - job.started for job in jobs if job.state == "running"}
    waiting = [job for job in jobs if job.state == "waiting"]
    if not so_far and not waiting:
        return 0.0
    if not done:
        return estimate - elapsed if estimate is not None and estimate > elapsed else None
    pace = sum(job.seconds for job in done) / sum(map(cost, done))
    going = [cost(job) * pace - so_far[job.cell.spec.name] for job in jobs if job.state == "running"]
    spent = sum(job.seconds for job in jobs if job.state != "waiting") + sum(so_far.values())
    work = sum(max(0.0, left) for left in going) + sum(map(cost, waiting)) * pace
    left = max(work * elapsed / spent, *going, 0.0) if spent else 0.0
    return left or None  # the last ones take longer than all before them


def _view(title: str, jobs: Sequence[Job], elapsed: float, seconds_left: float | None) -> Group:
    counts = {state: sum(job.state == state for job in jobs) for state in STYLES}
    left = ", time left not known" if seconds_left is None else f", about {clock(seconds_left)} left"
    head = f"[bold]{escape(title)}[/]  " + "  ".join(f"[{STYLES[s]}]{n} {s}[/]" for s, n in counts.items() if n)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("cell", "state", "time", "progress"):
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    order = {"running": 0, "failed": 1, "measured": 2, "waiting": 3}
    for job in sorted(jobs, key=lambda job: (order[job.state], -job.started))[:MOST]:
        seconds = time.monotonic() - job.started if job.state == "running" else job.seconds
        words = job.progress if job.state == "running" else job.reason
        state = f"[{STYLES[job.state]}]{job.state}[/]"
        table.add_row(job.cell.spec.name, state, clock(seconds) if seconds else "", escape(words))
    hidden = len(jobs) - MOST
    foot = f"{clock(elapsed)} so far{left}" + (f"; {hidden} more cells" if hidden > 0 else "")
    return Group(head, table, foot)
