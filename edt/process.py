"""What a process does before anything heavy is imported: memory, warnings, how it is stopped. Knows no model.

By default glibc gives every large tensor back to the kernel and faults it in
again in the next step.  And by default SIGTERM, which schedulers send, ends a
process without a word: here it is what Ctrl-C is, a KeyboardInterrupt.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
import threading
import warnings
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_KEEP = 1 << 29
"""Bytes of free memory at the top of the heap that are kept."""


def prepare_process() -> None:
    """Stops by SIGTERM as by Ctrl-C; a heap that keeps its pages; no notices of libraries to their own developers."""
    sys.unraisablehook = _stop_again
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as that of a command in the background
            signal.signal(number, _stop)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\..*")
    if sys.platform == "linux":
        _keep_pages()


def prepare_script() -> None:
    """The same, and plain log lines on the terminal: for what has no Hydra to see to that."""
    prepare_process()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("edt").setLevel(logging.INFO)


_asked: signal.Signals | None = None


def asked_to_stop() -> signal.Signals:
    """The signal that a KeyboardInterrupt came from."""
    return _asked or signal.SIGINT


def _stop(number: int, frame: Any) -> None:
    """The first signal says why; a SIGTERM after it does not disturb the cleaning up, a Ctrl-C does."""
    global _asked
    if _asked is not None and number == signal.SIGTERM:
        return
    _asked = _asked or signal.Signals(number)
    raise KeyboardInterrupt


def _stop_again(lost: Any) -> None:
    """An interrupt that fell into a callback, where Python only reports it, is sent once more."""
    global _asked
    if not isinstance(lost.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    number, _asked = asked_to_stop(), None
    again = threading.Timer(0.05, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


def _keep_pages() -> None:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library than glibc
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_MMAP_THRESHOLD, _KEEP)
    mallopt(_M_TRIM_THRESHOLD, _KEEP)


def release_memory() -> None:
    """Give pages that are free back to the kernel: between stages, where the next one needs other sizes."""
    gc.collect()
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError):
            return
