"""What a process does before anything heavy is imported: threads, memory, warnings. Knows no model.

By default glibc gives every large tensor back to the kernel and faults it in
again in the next step.
"""

from __future__ import annotations

import ctypes
import os
import sys
import warnings

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_KEEP = 1 << 29
"""Bytes of free memory at the top of the heap that are kept."""


def prepare_process() -> None:
    """Quiet threads, a heap that keeps its pages, and no notices of libraries to their own developers."""
    # Else the threads of two busy processes spin against each other.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\..*")
    if sys.platform == "linux":
        _keep_pages()


def _keep_pages() -> None:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library than glibc
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_MMAP_THRESHOLD, _KEEP)
    mallopt(_M_TRIM_THRESHOLD, _KEEP)
