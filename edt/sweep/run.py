"""Runs the cells of a table in subprocesses, so many at a time. A cell that dies costs only itself.

Knows processes, not what a cell is made of. Cells share stages through the
store, whose locks see to it that each is made once.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from edt.cli import FAILED
from edt.sweep.plan import PlannedCell
from edt.sweep.record import LOG, OUTCOME, REPORT, has_report, write_outcome
from edt.sweep.worker import prepare, start_cell
from edt.tracking.wandb import GROUP

GRACE = 20.0
"""Seconds that a cell is given to stop in after Ctrl-C."""
TICK = 0.2
REASON = 500
"""Characters of a failure's reason: it is shown in a table's file and on the terminal, and the log has the rest."""


@dataclass(kw_only=True)
class Job:
    """One cell on its way."""

    cell: PlannedCell
    folder: Path
    state: str = "waiting"
    """waiting, running, measured or failed"""
    reason: str = ""
    started: float = 0.0
    seconds: float = 0.0
    process: BaseProcess | None = field(default=None, repr=False)

    @property
    def progress(self) -> str:
        """The last line of its log."""
        return last_line(self.folder / LOG)


def cores() -> int:
    """Of this machine."""
    return os.cpu_count() or 1


def threads_of(jobs: int) -> int:
    """How many threads each of so many cells at a time is given."""
    return max(1, cores() // jobs)


def run_cells(
    cells: Sequence[PlannedCell],
    output: Path,
    *,
    jobs: int,
    stop_on_error: bool,
    watch: Callable[[Sequence[Job]], None] = lambda jobs: None,
) -> list[Job]:
    """Run `cells`; `watch` is called again and again while they run. An interrupt stops what runs, and is raised on."""
    queue = [Job(cell=cell, folder=output / cell.spec.name) for cell in cells]
    prepare(cell.config for cell in cells)
    try:
        while any(job.state in ("waiting", "running") for job in queue):
            running = [job for job in queue if job.state == "running"]
            for job in running:
                _look(job)
            failed = any(job.state == "failed" for job in queue)
            if stop_on_error and failed:
                if not any(job.state == "running" for job in queue):
                    break
            else:
                while sum(job.state == "running" for job in queue) < jobs and (following := next_of(queue)):
                    _begin(following, jobs)
            watch(queue)
            time.sleep(TICK)
    except BaseException:  # above all Ctrl-C and SIGTERM
        stop([job.process for job in queue if job.state == "running"])
        raise
    watch(queue)
    return queue


def next_of(queue: Sequence[Job]) -> Job | None:
    """The first waiting cell that would not just wait for what a running one makes: a training, or features."""
    made = {job.cell.features for job in queue if job.state == "measured"}
    busy = {name for job in queue if job.state == "running" for name in _awaited(job)} - made
    return next((job for job in queue if job.state == "waiting" and not busy & _awaited(job)), None)


def _awaited(job: Job) -> set[str]:
    """What others that need it too would wait for."""
    return {stage.name for stage in job.cell.stages if stage.kind == "tune"} | ({job.cell.features} - {""})


def _begin(job: Job, jobs: int) -> None:
    """Start a cell; one whose folder cannot be written fails, and costs only itself."""
    try:
        _start(job, jobs)
    except OSError as error:
        job.state = "failed"
        job.reason = f"{error.filename} cannot be used ({error.strerror}); mend or remove it"
        with suppress(OSError):  # it may be the very file that is in the way
            write_outcome(job.folder, state=job.state, digest=job.cell.digest, reason=job.reason)


def _start(job: Job, jobs: int) -> None:
    job.folder.mkdir(parents=True, exist_ok=True)
    for name in (OUTCOME, REPORT):  # of an earlier configuration: they must not vouch for this one
        (job.folder / name).unlink(missing_ok=True)
    environment = {GROUP: job.cell.spec.table}
    job.process = start_cell(job.folder, job.cell.config, threads=threads_of(jobs), environment=environment)
    job.state, job.started = "running", time.monotonic()


def _look(job: Job) -> None:
    assert job.process is not None
    if (code := job.process.exitcode) is None:
        return
    job.seconds = time.monotonic() - job.started
    job.reason = failure_of(job.folder, code)
    job.state = "failed" if job.reason else "measured"
    write_outcome(job.folder, state=job.state, digest=job.cell.digest, reason=job.reason, seconds=job.seconds)


def last_line(log: Path) -> str:
    """Of a run's log; empty where there is none yet."""
    try:
        lines = log.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


def failure_of(folder: Path, code: int) -> str:
    """Why the run in `folder` failed; empty where it did not.

    Exit code 0 alone is no result: a library, or whoever calls `os._exit`, can end a process with it at any moment.
    """
    if code:
        return reason_of(folder / LOG, code)
    return "" if has_report(folder) else f"it ended without a report; see {LOG}"


def reason_of(log: Path, code: int) -> str:
    """Why a run failed, in one sentence: what it said itself, or how it died."""
    last = last_line(log)
    if code == FAILED and last.startswith("error: "):
        reason = last.removeprefix("error: ")
        return reason if len(reason) <= REASON else f"{reason[: REASON - 1]}…"
    if code < 0:
        return f"killed by {signal.Signals(-code).name}; see {LOG}"
    return f"exit code {code}: {last[:200]}" if last else f"exit code {code}; see {LOG}"


def stop(processes: Sequence[BaseProcess | None]) -> None:
    """A terminal tells the whole group of Ctrl-C; whoever is still there after a moment is told again.

    By SIGTERM, since cells of a sweep in the background ignore Ctrl-C.
    """
    patience = time.monotonic() + 2.0
    told = False
    while alive := [process for process in processes if process and process.is_alive()]:
        for process in alive:
            if time.monotonic() > patience:
                process.kill() if told else process.terminate()
        if time.monotonic() > patience:
            told, patience = True, time.monotonic() + GRACE
        time.sleep(TICK)
