"""Where files of the user's live, and how one is written whole. Knows folders, not what is in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from edt.errors import EdtError


def cache_root() -> Path:
    """The cache folder: `$EDT_CACHE`, else `edt` under `$XDG_CACHE_HOME` or `~/.cache`."""
    if own := os.environ.get("EDT_CACHE"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "edt"


def pocket_root() -> Path:
    """The folder of the embedded benchmark."""
    return cache_root() / "pocket"


def data_root() -> Path:
    """Where datasets that a user got lie: `$EDT_DATA`, else `edt` under `$XDG_DATA_HOME` or `~/.local/share`."""
    if own := os.environ.get("EDT_DATA"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "edt"


def check_writable(folder: Path, what: str) -> None:
    """Make `folder` where it is missing, and see that a file can be made in it; raises EdtError, which calls it `what`.

    Asked before work begins that would be lost.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise EdtError(f"{what} {str(folder)!r} cannot be written ({error.strerror}); choose another") from error


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give an OSError that names no file this one: what a full disk says of a write has lost it."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to, beside `path`, that takes its place when the block ends well.

    Readers see the old file or the new one, never a part, and two processes do
    not meet. The folder is made where it is missing. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        with naming(path):
            yield beside
            beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """`path` with `text` in it, as UTF-8; see `replacing`."""
    with replacing(path) as beside:
        beside.write_text(text, "utf-8")
