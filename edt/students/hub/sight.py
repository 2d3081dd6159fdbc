"""What the frozen tower saw in pictures, kept on disk up to a size. Knows bytes and tensors, not questions.

A picture's file is named by the hash of the picture's bytes, in a folder named
by everything else that its content depends on: tower, preprocessing, numbers.
Where all files together grow beyond the limit, those that were not read for
longest go. A file that is not there, or not whole, is a picture to look at again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.errors import EdtError
from edt.paths import replacing
from edt.store.keys import digest

if TYPE_CHECKING:
    from torch import Tensor

NAME = "seen"
LEFT = 0.9
"""Share of the limit that is kept when files have to go."""


class Sight:
    """Remembered features of pictures under `folder`, at most `gigabytes` of them; 0 keeps none."""

    def __init__(self, folder: Path, *, depends_on: Mapping[str, Any], gigabytes: float) -> None:
        self.folder = folder / digest(dict(depends_on))[:16]
        self._limit = int(gigabytes * 1e9)
        self._used: int | None = None

    def find(self, name: str) -> Tensor | None:
        """What is known of the picture with this name (see `name_of`)."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        file = self._file(name)
        try:
            seen = load(file.read_bytes())[NAME]
        except (OSError, SafetensorError, KeyError):
            return None
        with contextlib.suppress(OSError):
            os.utime(file)  # read now: goes last
        return seen

    def keep(self, name: str, seen: Tensor) -> None:
        """Remember; a disk that is full or closed is no reason to stop."""
        from safetensors.torch import save_file

        if not self._limit:
            return
        used = self._total()
        with contextlib.suppress(OSError), replacing(self._file(name)) as beside:
            save_file({NAME: seen.detach().cpu().contiguous()}, beside)
            self._used = used + beside.stat().st_size
        if self._total() > self._limit:
            self._let_go()

    def _file(self, name: str) -> Path:
        return self.folder / name[:2] / f"{name[2:]}.safetensors"

    def _total(self) -> int:
        """Bytes in use; counted once, then kept up to date."""
        if self._used is None:
            self._used = sum(size for _, size, _ in self._files())
        return self._used

    def _files(self) -> list[tuple[float, int, Path]]:
        found = []
        for path in self.folder.glob("*/*.safetensors"):
            with contextlib.suppress(OSError):
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
        return sorted(found)

    def _let_go(self) -> None:
        files = self._files()
        self._used = sum(size for _, size, _ in files)
        for _, size, path in files:
            if self._used <= LEFT * self._limit:
                break
            path.unlink(missing_ok=True)
            self._used -= size


def read_picture(path: Path) -> bytes:
    """Raises EdtError, naming the file, where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise EdtError(
            f"picture {path} cannot be read ({error.strerror}); see where the dataset's images are"
        ) from None


def name_of(content: bytes) -> str:
    """What a picture goes by: the hash of its bytes."""
    return hashlib.sha256(content).hexdigest()
