"""The other processes of a training on several devices. Knows how they are started and ended, not what they train.

Lightning would start the whole program once more for every device, stages and
locks included. Here each companion is a small program of its own that builds the
same student, takes the same steps and keeps nothing: process 0 does that.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.paths import write_whole
from edt.types import Adapter, Sample, from_json, to_json

RANK = "LOCAL_RANK"
"""By this variable Lightning knows that it need not start processes itself."""
PATIENCE = 60.0
"""Seconds that companions have to end after process 0 has, all together."""
log = logging.getLogger("edt")
PLACES = ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "NODE_RANK", RANK)


def rank() -> int:
    """Which of a training's processes this is."""
    return int(os.environ.get(RANK, "0"))


@contextmanager
def companions(job: Mapping[str, Any], *, devices: int, folder: Path) -> Iterator[None]:
    """`devices` - 1 processes that do the same job, for as long as the block runs; none for one device."""
    if devices == 1 or rank() > 0:
        yield
        return
    before = {name: os.environ.get(name) for name in PLACES}
    shared = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "WORLD_SIZE": str(devices),
        "NODE_RANK": "0",
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / ".job.json"
    write_whole(file, json.dumps(job))
    started: list[subprocess.Popen[bytes]] = []
    try:
        os.environ.update({**shared, RANK: "0"})
        for number in range(1, devices):
            environment = {**os.environ, RANK: str(number)}
            command = [sys.executable, "-m", "edt.tuning.companions", str(file)]
            started.append(subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL))
        yield
        _part()
        if failed := [code for code in _ended(started) if code]:
            raise EdtError(f"{len(failed)} of {devices} training processes failed (see above); run the command again")
    finally:
        for process in started:
            process.kill()
            process.wait()
        _part()
        file.unlink(missing_ok=True)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _part() -> None:
    """End the processes' common group, which Lightning leaves: the next training would meet those of this one in it."""
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def _ended(started: Sequence[subprocess.Popen[bytes]]) -> list[int]:
    """Exit codes of those that end in time. Process 0 holds the result, so one that hangs is no loss."""
    deadline, codes = time.monotonic() + PATIENCE, []
    for process in started:
        try:
            codes.append(process.wait(timeout=max(0.0, deadline - time.monotonic())))
        except subprocess.TimeoutExpired:
            log.warning("training process %d hangs after training is over, and is ended", process.pid)
    return codes


def job_of(
    student: Mapping[str, Any],
    adapter: Adapter | None,
    tuner: Mapping[str, Any],
    samples: Sequence[Sample],
    root: Path,
    *,
    folder: Path,
    seed: int,
) -> dict[str, Any]:
    """Everything that a companion has to know, as plain JSON data."""
    return {
        "student": dict(student),
        "adapter": to_json(adapter),
        "tuner": {**tuner, "preflight": False, "progress": False},
        "samples": to_json(samples),
        "root": str(root.absolute()),
        "folder": str(folder.absolute()),
        "seed": seed,
    }


def accompany(job: Mapping[str, Any]) -> None:
    """Do a job's training beside process 0, and keep nothing of it."""
    from edt.build import Builder
    from edt.tuning.tuner import LightningTuner

    _take_device()
    student = Builder().part("student", job["student"])
    adapter = from_json(Adapter, job["adapter"]) if job["adapter"] else None
    samples = [from_json(Sample, sample) for sample in job["samples"]]
    tuner = LightningTuner(**job["tuner"])
    tuner.accompany(student.wearing(adapter), samples, Path(job["root"]), folder=Path(job["folder"]), seed=job["seed"])


def _take_device() -> None:
    """The GPU of this rank, before anything is loaded: all would load onto the first."""
    import torch

    if rank() < torch.cuda.device_count():
        torch.cuda.set_device(rank())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    from edt.cli import say_errors

    sys.exit(say_errors(lambda: accompany(json.loads(Path(sys.argv[1]).read_text("utf-8")))))
