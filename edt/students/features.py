"""Features of pictures from the frozen vision tower, computed once and kept on disk.

A picture's features are a small array in a file of its own, named by the hash
of the picture's bytes, in a folder named by the tower's checksum and the
grid. Files are written beside and renamed into place, so two processes may
fill the same store. Knows pictures and arrays, not questions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edt.errors import EdtError
from edt.paths import replacing
from edt.pocket.home import SETUP_COMMAND
from edt.students.bar import bar_shown
from edt.students.checksums import remembered_checksum

if TYPE_CHECKING:
    from torch import Tensor

VERSION = 2
"""Raised when the same picture comes to other features."""
CHUNK = 16
"""Pictures a pass of the tower: always as many, for another number is multiplied in another order, and a picture's
features would hang in their last bits on the pictures beside it."""


class FeatureStore:
    """`grid` × `grid` × 1280 fp16 features of pictures, encoded when first asked for."""

    def __init__(self, folder: Path, *, tower: Path, grid: int, progress: bool = True) -> None:
        self._base = folder
        self._tower_folder = tower
        self._grid = grid
        self._progress = progress
        self._folder: Path | None = None
        self._keys: dict[Path, str] = {}

    @property
    def folder(self) -> Path:
        """Where this tower's features for this grid are."""
        if self._folder is None:
            from edt.pocket.tower import WEIGHTS

            try:
                tower = remembered_checksum(self._tower_folder / WEIGHTS)
            except FileNotFoundError:
                raise EdtError(f"no vision tower in {self._tower_folder}; run `{SETUP_COMMAND}`") from None
            self._folder = self._base / f"{tower[:16]}-grid{self._grid}-fp16-v{VERSION}"
        return self._folder

    def encode(self, images: Sequence[Path]) -> None:
        """Make sure that all these pictures have features on disk.

        Raises EdtError, naming the file, where one is missing or cannot be read.
        """
        missing = list({self._file(path): path for path in images if not self._is_whole(self._file(path))}.items())
        if not missing:
            return
        import torch
        from rich.progress import track

        from edt.pocket.tower import load_tower

        # Depthwise convolutions are faster on the CPU with the channels last.
        tower: Any = load_tower(self._tower_folder)
        tower.to(memory_format=torch.channels_last)
        chunks = [missing[start : start + CHUNK] for start in range(0, len(missing), CHUNK)]
        for chunk in track(chunks, "looking at new pictures", disable=not bar_shown(self._progress), transient=True):
            features = self._features(tower, [path for _, path in chunk])
            for (file, _), array in zip(chunk, features, strict=True):
                _write(file, array)

    def load(self, image: Path) -> np.ndarray:
        """(grid * grid, 1280) fp16 features of a picture that `encode` has seen."""
        return np.load(self._file(image))

    def _features(self, tower: Any, paths: Sequence[Path]) -> np.ndarray:
        import torch
        from torch.nn.functional import adaptive_avg_pool2d

        from edt.pocket.tower import pixels_of

        with torch.inference_mode():
            pixels = pixels_of([open_picture(path) for path in paths])
            whole = torch.cat([pixels, pixels.new_zeros(CHUNK - len(paths), *pixels.shape[1:])])
            maps: Tensor = tower(whole.contiguous(memory_format=torch.channels_last))[: len(paths)]
            return adaptive_avg_pool2d(maps, self._grid).flatten(2).transpose(1, 2).half().numpy()

    def _file(self, image: Path) -> Path:
        key = self._keys.get(image)
        if key is None:
            try:
                key = hashlib.sha256(image.read_bytes()).hexdigest()
            except OSError as error:
                raise EdtError(f"picture {image} cannot be read ({error.strerror}); build the data again") from None
            self._keys[image] = key
        return self.folder / key[:2] / f"{key[2:]}.npy"

    def _is_whole(self, file: Path) -> bool:
        return file.is_file() and file.stat().st_size > self._grid * self._grid * 1280 * 2


def open_picture(path: Path) -> Any:
    """The decoded picture; EdtError, naming the file, where it is broken."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.load()
            return image.copy()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise EdtError(f"picture {path} is broken ({error}); delete it and build the data again") from None


def _write(file: Path, array: np.ndarray) -> None:
    with replacing(file) as beside, beside.open("wb") as stream:
        np.save(stream, array)
