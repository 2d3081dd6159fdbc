"""Pictures of Pocket: things pasted on a plain ground, one or several, always the same for one description.

A picture is described by a `Scene`; its file is named by the hash of that
description, so two samples that need the same picture share it.  Nothing here
knows what is asked about a picture.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from edt.errors import EdtError
from edt.paths import replacing

SIZE = 160
"""Side of a picture, in pixels."""

GROUNDS = {
    "white": (250, 250, 250),
    "red": (220, 40, 40),
    "green": (40, 160, 60),
    "blue": (40, 80, 220),
    "black": (25, 25, 28),
}
PALE = ((250, 250, 250), (236, 240, 245), (245, 240, 230), (228, 228, 228), (235, 245, 236), (245, 235, 238))


@dataclass(frozen=True, kw_only=True)
class Placed:
    """One view on the ground: its box as shares of the picture, perhaps mirrored."""

    view: str
    box: tuple[float, float, float, float]
    """Left, top, right, bottom, in [0, 1]."""
    mirrored: bool = False


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A whole picture."""

    ground: tuple[int, int, int]
    placed: tuple[Placed, ...]


def file_of(scene: Scene) -> str:
    """The picture's path below the data folder."""
    digest = hashlib.sha256(json.dumps(asdict(scene), sort_keys=True).encode()).hexdigest()
    return f"images/{digest[:2]}/{digest[:20]}.webp"


def paint(scene: Scene, pack: Path) -> Image.Image:
    """The picture, RGB, `SIZE` pixels square; raises EdtError on a view that cannot be read."""
    canvas = Image.new("RGB", (SIZE, SIZE), scene.ground)
    for placed in scene.placed:
        _paste(canvas, placed, pack)
    return canvas


def _paste(canvas: Image.Image, placed: Placed, pack: Path) -> None:
    try:
        with Image.open(pack / placed.view) as file:
            view = file.convert("RGBA")
    except OSError as error:
        raise EdtError(
            f"the picture {pack / placed.view} of the Pocket pack cannot be read ({error}); "
            "delete the pack folder and run `python -m edt.pocket.setup` again"
        ) from error
    left, top, right, bottom = (round(edge * SIZE) for edge in placed.box)
    scale = min((right - left) / view.width, (bottom - top) / view.height)
    size = (max(1, round(view.width * scale)), max(1, round(view.height * scale)))
    view = view.resize(size, Image.Resampling.LANCZOS)
    if placed.mirrored:
        view = view.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    corner = ((left + right - size[0]) // 2, (top + bottom - size[1]) // 2)
    canvas.paste(view, corner, view)


def write(scenes: Sequence[Scene], pack: Path, data: Path) -> int:
    """Paint every scene whose file is missing below `data`; returns how many were painted."""
    painted = 0
    for scene in scenes:
        target = data / file_of(scene)
        if target.exists():
            continue
        with replacing(target) as beside:
            paint(scene, pack).save(beside, format="WEBP", quality=88, method=2)
        painted += 1
    return painted
