"""What a person sees while a table runs: every cell with its state, and the time that is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
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
STYLES = {"measured": "green", "failed": "red", "running": "cyan", "waiting": "dim"}

Watch = Callable[[Sequence[Job]], None]


@contextmanager
def live_view(title: str, estimate: float | None) -> Iterator[Watch]:
    """A table that redraws itself on a terminal; a line an event where there is none. `estimate` is in seconds."""
    started = time.monotonic()
    if not sys.stdout.isatty():
        yield _line_by_line()
        return
    with Live(console=Console(), refresh_per_second=2, transient=True) as live:
        last = 0.0

        def watch(jobs: Sequence[Job]) -> None:
            nonlocal last
            if time.monotonic() - last >= EVERY:
                live.update(_view(title, jobs, time.monotonic() - started, estimate))
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


def _view(title: str, jobs: Sequence[Job], elapsed: float, estimate: float | None) -> Group:
    counts = {state: sum(job.state == state for job in jobs) for state in STYLES}
    left = "" if estimate is None else f", about {clock(max(0.0, estimate - elapsed))} left"
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
