"""Keeps a table's long files while its cells run, so that what is done is there whatever becomes of the sweep.

Nothing measured is lost by it: a file that holds lines which the new one will
not have is set aside first.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edt.errors import EdtError
from edt.paths import replacing
from edt.sweep.plan import Plan, PlannedCell
from edt.sweep.record import CELLS, ROUNDS, Lines, kept_lines, lines_of, read_outcome, write_record
from edt.sweep.run import Job
from edt.tables.cells import Cell, read_cells

EVERY = 60.0
"""Seconds between two writings of a sweep that goes on: the last minute's cells of one that is killed are in their
folders alone, where the next sweep finds them."""
EARLIER = ".earlier"


class Recorder:
    """Of one sweep: its runs are in `output`, and the table's files in `place`."""

    def __init__(self, plan: Plan, output: Path, place: Path, *, every: float = EVERY) -> None:
        self._cells, self._output, self._place, self._every = plan.cells, output, place, every
        self._written, self._ended = time.monotonic(), 0
        self._jobs: Sequence[Job] = ()
        self._measured: dict[str, Lines] = {}  # a report takes long to read, and does not change any more
        self.aside: list[Path] = []
        """Earlier files that were kept under another name."""

    def watch(self, jobs: Sequence[Job]) -> None:
        """Called again and again while cells run."""
        self._jobs = jobs
        ended = sum(job.state in ("measured", "failed") for job in jobs)
        if ended > self._ended and time.monotonic() - self._written >= self._every:
            self.keep()
            self._ended, self._written = ended, time.monotonic()

    def keep(self) -> None:
        """Write both files, with what is measured by now.

        The files that are there are read again: what came into them meanwhile, as by a pull, counts as well.
        """
        path = self._place / CELLS
        there = _read(path)
        kept = kept_lines([path]) if there else {}
        unbegun = {job.cell.spec.name: job.reason for job in self._jobs if job.state == "failed"}
        lines = [self._lines(replace(cell, kept=kept.get(cell.digest, cell.kept)), unbegun) for cell in self._cells]
        if there is None or self._loses(there, [cell for one in lines for cell in one.cells]):
            self.aside.append(set_aside(path))
        write_record(lines, self._place)

    def _lines(self, cell: PlannedCell, unbegun: dict[str, str]) -> Lines:
        name = cell.spec.name
        if name in self._measured:
            return self._measured[name]
        lines = lines_of(cell, self._output / name, failure=unbegun.get(name, ""))
        if all(line.state == "measured" for line in lines.cells):
            self._measured[name] = lines
        return lines

    def _loses(self, there: Sequence[Cell], lines: Sequence[Cell]) -> bool:
        """Whether a measured line would be nowhere any more: neither among the new ones, nor to be had from its run."""
        new = {line.digest for line in lines if line.state == "measured"}
        mine = {cell.spec.name for cell in self._cells}  # where this sweep runs its own cells

        def is_here(line: Cell) -> bool:
            if not line.digest or not line.run or line.run in mine:
                return False
            outcome = read_outcome(self._output / line.run)
            return outcome is not None and (outcome["state"], outcome["digest"]) == ("measured", line.digest)

        return any(line.state == "measured" and line.digest not in new and not is_here(line) for line in there)


def _read(path: Path) -> list[Cell] | None:
    """The lines of a file; none where there is none, and None where it cannot be told what it holds."""
    try:
        return read_cells(path) if path.is_file() else []
    except (EdtError, OSError):
        return None


def set_aside(cells: Path) -> Path:
    """A copy of `cells.csv` beside it, and of the `rounds.csv` there, under the first name that is free."""
    number, end = 1, EARLIER
    while cells.with_name(f"{CELLS}{end}").exists():
        number += 1
        end = f"{EARLIER}-{number}"
    for name in (ROUNDS, CELLS):
        if (path := cells.with_name(name)).is_file():
            with replacing(cells.with_name(f"{name}{end}")) as beside:
                shutil.copyfile(path, beside)
    return cells.with_name(f"{CELLS}{end}")
