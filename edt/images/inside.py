"""Which files are pictures of a dataset. Opens none that lies outside the dataset's folder, by whatever road.

A path in a dataset is somebody else's text: absolute, climbing (`..`) and
through a symbolic link are the three ways out of the folder, and each is refused
before the file is opened. A picture's size is read from its header, and one that
would unpack to more than `MOST_PIXELS` is refused before it is decoded.
"""

from __future__ import annotations

import os
import re
import stat
import warnings
from pathlib import Path
from typing import IO

MOST_PIXELS = 100_000_000
"""About 300 MB decoded; the largest photographs of the usual datasets have a fifth of it."""
LOOKS = ("exists", "header", "decode")
"""How closely a picture is looked at."""
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


class ImageFault(Exception):
    """Why a file is no picture of a dataset; `kind` is one word for it."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


class ImageFolder:
    """The pictures under one folder. Folders on the way are resolved once, and then known."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._real = os.path.realpath(root)
        self._inside: dict[str, bool] = {}

    def path_of(self, name: str) -> str:
        """The file that a record names; raises ImageFault where it is not to be opened. Looks, and opens nothing."""
        if name.startswith(("/", "\\")) or _DRIVE.match(name):
            raise ImageFault("absolute path", "is absolute; it must be relative to the image folder")
        parts = name.split("/") if "\\" not in name else re.split(r"[\\/]", name)
        if ".." in parts:
            raise ImageFault("climbing path", "climbs out of a folder with '..'")
        if not name or "\0" in name:
            raise ImageFault("wrong type", "names no file")
        path = os.path.join(self._real, name)
        if not self._is_inside(os.path.dirname(path)):
            raise ImageFault("outside", "leads out of the image folder through a symbolic link")
        try:
            mode = os.lstat(path).st_mode
        except (OSError, ValueError):
            raise ImageFault("no image", "is not there") from None
        if stat.S_ISLNK(mode):
            return self._link(path)
        if not stat.S_ISREG(mode):
            raise ImageFault("no image", "is no file")
        return path

    def check(self, name: str, look: str) -> None:
        """Raises ImageFault where the picture is not to be used; `look` is one of LOOKS."""
        path = self.path_of(name)
        if look != "exists":
            check_picture(path, decode=look == "decode")

    def _is_inside(self, folder: str) -> bool:
        if folder not in self._inside:
            real = os.path.realpath(folder)
            self._inside[folder] = real == self._real or real.startswith(self._real.rstrip(os.sep) + os.sep)
        return self._inside[folder]

    def _link(self, path: str) -> str:
        real = os.path.realpath(path)
        if not self._is_inside(os.path.dirname(real)):
            raise ImageFault("outside", "leads out of the image folder through a symbolic link")
        if not os.path.isfile(real):
            raise ImageFault("no image", "is a link to no file")
        return real


def check_picture(source: str | Path | IO[bytes], *, decode: bool = False) -> None:
    """Raises ImageFault where a file is no picture, a bomb or, with `decode`, a broken one."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(source) as picture:
                width, height = picture.size
                if width * height > MOST_PIXELS:
                    raise ImageFault("image bomb", f"has {width} × {height} pixels, more than {MOST_PIXELS:,}")
                if decode:
                    picture.load()
        except ImageFault:
            raise
        except Image.DecompressionBombError as error:
            raise ImageFault("image bomb", str(error)) from None
        except Exception as error:  # decoders raise of every kind on bytes that are not theirs
            raise ImageFault("broken image", f"cannot be read as a picture ({type(error).__name__})") from None
