"""Folders that are there whole or not at all. Knows files, locks and checksums; not what a stage is.

A result is made in `<key>.part`, its manifest with checksums is written last,
and the folder is renamed into place, so a process may be killed at any moment.
A `.part` folder that a killed process left is handed to the next maker where
the stage can go on from it, and thrown away where it cannot.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from edt.paths import check_writable, naming, replacing
from edt.store.keys import checksum

MANIFEST = "manifest.json"
LONGEST = 1e9
"""Seconds that no stage takes, some thirty years."""
log = logging.getLogger("edt.store")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A result in the store."""

    folder: Path
    seconds: float
    """What making it cost, whenever that was."""
    reused: bool


class Store:
    """Results by stage and key under one root folder, safe to share between processes."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def fetch(
        self,
        stage: str,
        key: str,
        make: Callable[[Path], None],
        *,
        about: Mapping[str, Any],
        resumable: bool = False,
    ) -> Stored:
        """The result under `key`, made by `make(folder)` unless a whole one is there.

        `about` goes into the manifest for readers. With `resumable`, `make` is
        given the folder that a killed process left. Whoever comes second waits.
        A result that was there is as young as a new one from now on; see `last_used`.
        """
        final = self.root / stage / key
        check_writable(final.parent, "store.root")
        with _locked(final):
            if (seconds := _verified_seconds(final)) is not None:
                _mark_used(final)
                return Stored(folder=final, seconds=seconds, reused=True)
            seconds = _make(final, make, {"stage": stage, "key": key, **about}, resumable)
            return Stored(folder=final, seconds=seconds, reused=False)

    def find(self, stage: str, key: str) -> Stored | None:
        """The result under `key` where a whole one is there; makes nothing, changes nothing and waits for nobody."""
        final = self.root / stage / key
        if not final.exists() or damage_of(final):
            return None
        return Stored(folder=final, seconds=read_manifest(final).seconds, reused=True)


def last_used(folder: Path) -> float:
    """When a result was made or last fetched, whichever was later; now, for what another process has just moved."""
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _mark_used(final: Path) -> None:
    """The folder's own time, as its files' tell when it was made; one that may not be changed is as old as it was."""
    with suppress(OSError):
        os.utime(final)


def _locked(final: Path) -> FileLock:
    lock = FileLock(f"{final}.lock")
    try:
        lock.acquire(timeout=0.2)
    except Timeout:
        log.info("waiting for another process that makes %s/%s", final.parent.name, final.name[:8])
        lock.acquire()
    lock.release()  # the context manager takes it again; only the message needed a try
    return lock


def _make(final: Path, make: Callable[[Path], None], about: dict[str, Any], resumable: bool) -> float:
    part = _part_of(final)
    if not (resumable and part.is_dir()):
        _remove(part)
    part.mkdir(exist_ok=True)
    _remove(part / MANIFEST)
    start = time.perf_counter()
    with naming(part):
        make(part)
    seconds = time.perf_counter() - start
    files = {str(path.relative_to(part)): checksum(path) for path in sorted(part.rglob("*")) if path.is_file()}
    with replacing(part / MANIFEST) as beside, beside.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps({**about, "seconds": seconds, "files": files}, indent=1))
        stream.flush()
        os.fsync(stream.fileno())
    part.rename(final)
    return seconds


def _part_of(final: Path) -> Path:
    return final.with_name(f"{final.name}.part")


def _verified_seconds(final: Path) -> float | None:
    """Seconds that a whole result cost; None where there is none, or a damaged one was moved out of the way."""
    part = _part_of(final)
    if not final.exists() and (part / MANIFEST).is_file() and not damage_of(part):
        part.rename(final)  # its maker was killed when all but this was done
    if not final.exists():
        return None
    if damaged := damage_of(final):
        log.warning("%s is damaged (%s); it is made again", final, ", ".join(damaged[:3]))
        _remove(final)
        return None
    return read_manifest(final).seconds


def _remove(path: Path) -> None:
    """Whatever is there: a file may have come into a folder's place, or a folder into a file's."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a result says of itself."""

    seconds: float
    """What making it cost."""
    files: Mapping[str, str]
    """Checksums by name."""


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a result; raises ValueError or OSError where there is none, or one that no store has written."""
    try:
        data: Any = json.loads((folder / MANIFEST).read_text("utf-8"))
    except RecursionError as error:
        raise ValueError(f"{folder / MANIFEST} is nested too deep") from error
    known: dict[str, Any] = data if isinstance(data, dict) else {}
    seconds, files = known.get("seconds", -1), known.get("files", {})
    timed = type(seconds) in (int, float) and 0 <= seconds < LONGEST
    listed = isinstance(files, dict) and bool(files) and all(isinstance(sha, str) for sha in files.values())
    if not timed or not listed:
        raise ValueError(f"{folder / MANIFEST} does not say seconds and files as a store does")
    return Manifest(seconds=float(seconds), files=files)


def damage_of(folder: Path) -> list[str]:
    """Names of files that are not what the manifest says; of the manifest itself where it cannot be read."""
    try:
        files = read_manifest(folder).files
        return [
            name if name.isprintable() else ascii(name) for name, sha in files.items() if _differs(folder, name, sha)
        ]
    except (OSError, ValueError):
        return [MANIFEST]


def _differs(folder: Path, name: str, sha: str) -> bool:
    path = folder / name
    return not path.is_file() or checksum(path) != sha
