"""How long a sweep takes by the clock, kept beside its runs and beside its table. Knows jobs, not what is in a cell."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from edt.sweep.record import SWEEPS
from edt.sweep.run import Job
from edt.tables.durations import clock
from edt.tables.sweeps import DIGITS, SweepLine, keep_sweep, read_sweeps

EVERY = 60.0
"""Seconds between two lines of a sweep that goes on: what is not known of one that is killed."""


class Clocked:
    """One sweep from now on. Raises EdtError where earlier ones cannot be read, before anything is run."""

    def __init__(self, *folders: Path, jobs: int, every: float = EVERY) -> None:
        self._files = sorted({folder / SWEEPS for folder in folders})
        for file in self._files:
            read_sweeps(file)
        self._at_once, self._every = jobs, every
        self._started = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._start = self._kept = time.monotonic()
        self._jobs: Sequence[Job] = ()

    def watch(self, jobs: Sequence[Job]) -> None:
        """Called again and again while cells run."""
        self._jobs = jobs
        if time.monotonic() - self._kept >= self._every:
            self.keep()

    def keep(self) -> SweepLine | None:
        """Write down what it has taken so far; nothing, and None, where it has started no cell."""
        self._kept = time.monotonic()
        cells = tuple(job.cell.digest[:DIGITS] for job in self._jobs if job.started)
        if not cells:
            return None
        seconds = round(self._kept - self._start, 2)
        line = SweepLine(started=self._started, seconds=seconds, jobs=self._at_once, cells=cells)
        for file in self._files:
            keep_sweep(line, file)
        return line


def took(line: SweepLine) -> str:
    """In words."""
    number = len(line.cells)
    return f"{number} cell{'s' if number > 1 else ''} took {clock(line.seconds)} with jobs={line.jobs}"
