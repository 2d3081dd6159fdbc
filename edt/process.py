"""What a process does before anything heavy is imported: memory, warnings. Knows no model.

By default glibc gives every large tensor back to the kernel and faults it in
again in the next step.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import warnings

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_KEEP = 1 << 29
"""Bytes of free memory at the top of the heap that are kept."""


def prepare_process() -> None:
    """A heap that keeps its pages, and no notices of libraries to their own developers."""
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


def release_memory() -> None:
    """Give pages that are free back to the kernel: between stages, where the next one needs other sizes."""
    gc.collect()
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError):
            return
