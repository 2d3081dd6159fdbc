"""Jobs of a multirun in processes of their own, so many at a time. One that dies costs only itself.

Hydra composes one job after another and hands each over; what a job says goes
to the log in its folder, and what it came to is told when it ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from edt.config import Config
from edt.errors import EdtError
from edt.sweep.record import LOG
from edt.sweep.run import TICK, failure_of, stop, threads_of
from edt.sweep.worker import prepare, start_cell
from edt.tables.durations import clock


@dataclass(frozen=True, kw_only=True)
class _Running:
    number: int
    config: Config
    folder: Path
    process: BaseProcess
    started: float


class Multirun:
    """At most `jobs` at a time, each on its share of the cores; `tell` is called for each that is done."""

    def __init__(self, jobs: int, tell: Callable[[Config, Path], None]) -> None:
        self._jobs, self._tell = jobs, tell
        self._running: list[_Running] = []
        self._number, self._failed = 0, 0

    def begin(self, config: Config, folder: Path) -> None:
        """Start a job as soon as there is room for it. An interrupt stops those that run, and is raised on."""
        if not self._number:
            prepare([config])
        self._wait(room=True)
        process = start_cell(folder, config, threads=threads_of(self._jobs), environment={})
        started = time.monotonic()
        self._running.append(
            _Running(number=self._number, config=config, folder=folder, process=process, started=started)
        )
        print(f"[{self._number}] started: {folder / LOG}", flush=True)
        self._number += 1

    def finish(self) -> None:
        """Wait for the last of them; raises EdtError where any failed, each of which has been told."""
        self._wait(room=False)
        if self._failed:
            raise EdtError(f"{self._failed} of {self._number} jobs failed; given again, the same command runs them")

    def _wait(self, *, room: bool) -> None:
        try:
            while self._running and (not room or len(self._running) >= self._jobs):
                for job in [job for job in self._running if job.process.exitcode is not None]:
                    self._running.remove(job)
                    self._ended(job)
                time.sleep(TICK)
        except BaseException:  # above all Ctrl-C and SIGTERM
            stop([job.process for job in self._running])
            raise

    def _ended(self, job: _Running) -> None:
        took = clock(time.monotonic() - job.started)
        if reason := failure_of(job.folder, job.process.exitcode or 0):
            self._failed += 1
            print(f"[{job.number}] failed after {took}: {reason}", flush=True)
            return
        print(f"[{job.number}] done in {took}", flush=True)
        self._tell(job.config, job.folder)
