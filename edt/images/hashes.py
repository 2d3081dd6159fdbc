"""Pictures by what they show: a hash of the bytes, and one that survives scaling and recompression.

What was hashed once is remembered by path, size and date, in one sqlite file
in the cache, so that a second look at a million pictures reads none of them.
Knows files and hashes; not whose pictures they are.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from edt.paths import cache_root

AHEAD = 512
"""Files in work at a time: what is hashed is written to the cache after every so many."""
UNREADABLE = ""


class ImageHashes:
    """Hashes of files, remembered in `memory` (default: the user's cache)."""

    def __init__(self, memory: Path | None = None) -> None:
        self._memory = memory or cache_root() / "image_hashes.sqlite"

    def content(self, paths: Sequence[str]) -> list[str]:
        """SHA-256 of each file's bytes; empty where it cannot be read."""
        return list(self._remembered("content", paths, _content))

    def perceptual(self, paths: Sequence[str]) -> list[str]:
        """A 64-bit DCT hash of each picture, as 16 hexadecimal digits; empty where it cannot be decoded.

        Near pictures differ in few bits.
        """
        return list(self._remembered("phash", paths, _perceptual))

    def _remembered(self, kind: str, paths: Sequence[str], make: Callable[[str], str]) -> Iterator[str]:
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        with (
            closing(sqlite3.connect(self._memory, timeout=60)) as memory,
            ThreadPoolExecutor(os.cpu_count()) as workers,
        ):
            memory.execute("PRAGMA journal_mode=WAL")
            memory.execute("CREATE TABLE IF NOT EXISTS hashes (name TEXT PRIMARY KEY, hash TEXT) WITHOUT ROWID")
            for start in range(0, len(paths), AHEAD):
                some = paths[start : start + AHEAD]
                names = [_name(kind, path) for path in some]
                marks = ",".join("?" * len(names))
                known = dict(memory.execute(f"SELECT name, hash FROM hashes WHERE name IN ({marks})", names).fetchall())
                new = {name: path for name, path in zip(names, some, strict=True) if name not in known}
                made = dict(zip(new, workers.map(make, new.values()), strict=True))
                memory.executemany(
                    "INSERT OR REPLACE INTO hashes VALUES (?, ?)", [item for item in made.items() if item[1]]
                )
                memory.commit()
                yield from ((known | made)[name] for name in names)


def _name(kind: str, path: str) -> str:
    try:
        stat = os.stat(path)
        return f"{kind} {stat.st_size} {stat.st_mtime_ns} {os.path.realpath(path)}"
    except OSError:
        return f"{kind} gone {path}"


def _content(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return UNREADABLE


def _perceptual(path: str) -> str:
    import imagehash
    from PIL import Image

    from edt.images.inside import ImageFault, check_picture

    try:
        check_picture(path)
        with Image.open(path) as picture:
            picture.draft("L", (256, 256))  # JPEG only: decodes at a fraction of the size
            return str(imagehash.phash(picture.convert("L")))
    except (ImageFault, OSError, ValueError):
        return UNREADABLE
