"""Checksums of large files, remembered. Knows bytes and dates, not what a file is for."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from edt.paths import write_whole


def remembered_checksum(path: Path) -> str:
    """sha256 of a file; remembered beside it for as long as its size and date stay the same.

    Raises FileNotFoundError.
    """
    stat = path.stat()
    stamp = [stat.st_size, stat.st_mtime_ns]
    memo = path.with_name(f".{path.name}.sha256")
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(memo.read_text())
        if known["stamp"] == stamp:
            return known["sha256"]
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    with contextlib.suppress(OSError):
        write_whole(memo, json.dumps({"stamp": stamp, "sha256": digest}))
    return digest
