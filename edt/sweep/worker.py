"""One cell in a process of its own, forked from one that has imported what all cells need.

Writes what `run.py` writes, and all that it says to a log; the exit code says
how it ended. Imports take ten seconds of a core, which a cell whose stages are
in the store would otherwise pay for nothing.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

from edt.build import find_target
from edt.cli import say_errors
from edt.config import PART_GROUPS, Config
from edt.process import hush_libraries, prepare_script
from edt.sweep.record import LOG

hush_libraries()  # this module is the first that the process imports which cells are forked from
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def prepare(configs: Iterable[Config]) -> None:
    """Have the modules imported, once, that the parts of these runs say they load."""
    parts = {find_target(group, getattr(config, group)) for config in configs for group in PART_GROUPS}
    modules = {module for part in parts for module in getattr(part, "loads", ())}
    multiprocessing.get_context("forkserver").set_forkserver_preload(["edt.sweep.worker", *sorted(modules)])


def start_cell(folder: Path, config: Config, *, threads: int, environment: Mapping[str, str]) -> BaseProcess:
    """Start a run on `threads` cores, or as many as the user's own setting says; OSError where it cannot log.

    A sweep that is killed takes its cells along.
    """
    with (folder / LOG).open("wb"):  # here, where an error can still be told
        pass
    own = {**dict.fromkeys(_THREADS, str(threads)), **environment, **os.environ, "PYTHONUNBUFFERED": "1"}
    process = multiprocessing.get_context("forkserver").Process(target=_cell, args=(folder.resolve(), config, own))
    process.start()
    return process


def _cell(folder: Path, config: Config, environment: Mapping[str, str]) -> None:
    """In the new process: its own environment, log and number of threads, then the run."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    os.environ.clear()
    os.environ.update(environment)
    _speak_to(folder / LOG)
    prepare_script()
    if "torch" in sys.modules:  # it has read its environment long ago
        import torch

        torch.set_num_threads(int(environment[_THREADS[0]]))
    sys.exit(say_errors(partial(_run, folder, config)))


def _run(folder: Path, config: Config) -> None:
    from edt.experiment import perform

    perform(config, folder)


def _speak_to(log: Path) -> None:
    for file, number in ((os.devnull, 0), (log, 1), (log, 2)):
        opened = os.open(file, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w", 1), os.fdopen(2, "w", 1)
