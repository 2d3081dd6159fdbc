"""The folders of Pocket in the user's cache, and the lock that guards their making.

Knows where things lie; knows neither how they are made nor what is in them.
Imports nothing heavy, so that asking whether Pocket is complete costs nothing.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edt.paths import pocket_root

SETUP_COMMAND = "python -m edt.pocket.setup"
SEAL = "complete.json"


@dataclass(frozen=True)
class Home:
    """Pocket's root folder and the names of what lies in it."""

    root: Path

    @property
    def downloads(self) -> Path:
        """Package files as the registries serve them."""
        return self.root / "downloads"

    @property
    def unpacked(self) -> Path:
        """Contents of the packages, one folder a package; only there while set-up needs them."""
        return self.root / "unpacked"

    @property
    def pack(self) -> Path:
        """assets.jsonl, images/, LICENCES/ and manifest.json."""
        return self.root / "pack"

    @property
    def language_model(self) -> Path:
        """A transformers folder: config, fp32 safetensors, tokenizer."""
        return self.root / "language_model"

    @property
    def tower(self) -> Path:
        """tower.safetensors, the weights of the vision tower."""
        return self.root / "tower"

    @property
    def data(self) -> Path:
        """The generated splits."""
        return self.root / "data"

    @property
    def features(self) -> Path:
        """Cached vision features."""
        return self.root / "features"


def default_home() -> Home:
    """Pocket in the user's cache (`$EDT_CACHE`, else ~/.cache/edt)."""
    return Home(pocket_root())


@contextmanager
def locked(home: Home, name: str = "setup") -> Iterator[None]:
    """One process at a time; a second waits here and then finds the work done."""
    from filelock import FileLock

    home.root.mkdir(parents=True, exist_ok=True)
    with FileLock(home.root / f".{name}.lock"):
        yield


@contextmanager
def arriving(folder: Path) -> Iterator[Path]:
    """A fresh folder beside `folder` that takes its place when the block ends well.

    What the block leaves when it fails, or is killed, is never under the name
    `folder`; leftovers of a killed block are removed by the next one.
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        replace_folder(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def replace_folder(new: Path, folder: Path) -> None:
    """Put the complete folder `new` in the place of `folder`."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.rename(folder, old)
    os.rename(new, folder)
    shutil.rmtree(old, ignore_errors=True)


def seal(folder: Path) -> None:
    """Note every file's size in `folder`/complete.json, as the last thing done to it."""
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in _files(folder)}
    (folder / SEAL).write_text(json.dumps(sizes, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def is_sealed(folder: Path) -> bool:
    """Whether `folder` was completed, and still holds every file at its size."""
    try:
        sizes = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SEAL)
