"""What a process does before anything heavy is imported: memory, warnings, how it is stopped. Knows no model.

By default glibc gives every large tensor back to the kernel and faults it in
again in the next step.  And by default SIGTERM, which schedulers send, ends a
process without a word: here it is what Ctrl-C is, a KeyboardInterrupt.  Imports
little itself, so that a process is ready to be stopped as soon as it runs.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_KEEP = 1 << 29
"""Bytes of free memory at the top of the heap that are kept."""


def prepare_process() -> None:
    """Stops by SIGTERM as by Ctrl-C; a heap that keeps its pages; no notices of libraries to their own developers."""
    sys.unraisablehook = _stop_again
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as that of a command in the background
            signal.signal(number, _stop)
    hush_libraries()
    if sys.platform == "linux":
        _keep_pages()


def hush_libraries() -> None:
    """Before they are imported: what they say to their own developers, and of packages that only a hub has."""
    import logging
    import warnings

    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\..*")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def prepare_script() -> None:
    """The same, and plain log lines on the terminal: for what has no Hydra to see to that."""
    prepare_process()
    import logging

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("edt").setLevel(logging.INFO)


_asked: signal.Signals | None = None
_waits = False
"""Whether the KeyboardInterrupt is still to come."""
_SOON = 0.05


def asked_to_stop() -> signal.Signals:
    """The signal that a KeyboardInterrupt came from."""
    return _asked or signal.SIGINT


def last_words() -> str:
    """What is said of a KeyboardInterrupt."""
    number = asked_to_stop()
    how = "interrupted" if number == signal.SIGINT else f"stopped by {number.name}"
    return f"{how}; the same command goes on from the last finished stage"


def _stop(number: int, frame: Any) -> None:
    """The first signal says why. A SIGTERM after it does not disturb the cleaning up; a Ctrl-C does.

    An import is let come to its end, unless another signal comes: libraries take
    an interrupt for a missing package, and are then half there.
    """
    global _asked, _waits
    if _waits and number != signal.SIGALRM:
        os.write(2, f"{last_words()}\n".encode())
        os._exit(128 + asked_to_stop())
    if not _waits and (number == signal.SIGALRM or (number == signal.SIGTERM and _asked)):
        return
    _asked = _asked or signal.Signals(number)
    _waits = _importing(frame)
    if not _waits:
        raise KeyboardInterrupt
    signal.setitimer(signal.ITIMER_REAL, _SOON)


def _importing(frame: Any) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _stop_again(lost: Any) -> None:
    """An interrupt that fell into a callback, where Python only reports it, comes once more."""
    global _waits
    if isinstance(lost.exc_value, KeyboardInterrupt):
        _waits = True
        signal.setitimer(signal.ITIMER_REAL, _SOON)
    else:
        sys.__unraisablehook__(lost)


def _keep_pages() -> None:
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library than glibc
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_MMAP_THRESHOLD, _KEEP)
    mallopt(_M_TRIM_THRESHOLD, _KEEP)


def release_memory() -> None:
    """Give pages that are free back to the kernel: between stages, where the next one needs other sizes.

    What is still in use after a stage (libraries, models: a million objects) is looked at once, not after every stage.
    """
    import ctypes
    import gc

    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError):
            return
