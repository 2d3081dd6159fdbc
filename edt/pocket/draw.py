"""One picture of the pack: from a file of a package to a small cut-out as WebP bytes.

Knows the four kinds of originals; never where a result is kept.
"""

from __future__ import annotations

import io
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from edt.errors import EdtError
from edt.pocket import splat
from edt.pocket.sources import Picture

LONGEST_SIDE = 160
QUALITY = 85
NEAR_WHITE = 232
"""Drawings lie on white paper, blurred by JPEG: border-connected pixels from here up are paper."""
FAINT = 12
"""Alpha up to here does not count as part of the thing when margins are cut."""


def draw(picture: Picture) -> bytes:
    """The picture as lossy WebP with alpha, margins cut, longest side at most 160 px.

    Raises EdtError, naming the original, where it cannot be read.
    """
    try:
        image = _original(picture)
    except (OSError, KeyError, ValueError, IndexError, zipfile.BadZipFile) as error:
        where = f"{picture.path.name}{':' + picture.member if picture.member else ''}"
        raise EdtError(f"cannot read {where} of a fetched package ({error})") from error
    return encode(shrink(trim(image)))


def _original(picture: Picture) -> Image.Image:
    if picture.kind == "splat":
        return _render(picture)
    if picture.kind == "icon":
        with zipfile.ZipFile(picture.path) as catalogue:
            return Image.open(io.BytesIO(catalogue.read(picture.member))).convert("RGBA")
    with Image.open(picture.path) as opened:
        image = opened.convert("RGBA")
    return cut_from_white(image) if picture.kind == "drawing" else image


def _render(picture: Picture) -> Image.Image:
    mesh = splat.place(_mesh(picture.path, picture.member), rotation=picture.rotation, size_cm=picture.size_cm)
    return Image.fromarray(splat.render(mesh, azimuth=picture.azimuth, size=LONGEST_SIDE), "RGBA")


@lru_cache(maxsize=1)
def _mesh(path: Path, member: str) -> splat.Mesh:
    """The last model read, since its two views are drawn one after the other."""
    with zipfile.ZipFile(path) as catalogue:
        return splat.load_obj(member, catalogue.read)


def cut_from_white(image: Image.Image) -> Image.Image:
    """The drawing without the white paper that reaches its border; enclosed white stays."""
    from scipy import ndimage

    pixels = np.array(image)
    white = pixels[..., :3].min(axis=-1) >= NEAR_WHITE
    labels = np.empty(white.shape, np.int32)
    ndimage.label(white, output=labels)
    border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    paper = np.isin(labels, border[border > 0])
    if paper.all():
        return image
    soft = ndimage.gaussian_filter((~paper).astype(np.float32), 0.7)
    pixels[..., 3] = np.where(paper, 0, np.clip(soft * 510 - 255, 0, 255)).astype(np.uint8)
    return Image.fromarray(pixels, "RGBA")


def trim(image: Image.Image) -> Image.Image:
    """Without the margins that are (nearly) transparent; an empty picture stays as it is."""
    solid = np.asarray(image)[..., 3] > FAINT
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    if not rows.size:
        return image
    return image.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))


def shrink(image: Image.Image) -> Image.Image:
    """Longest side at most LONGEST_SIDE, proportions kept; small pictures are not enlarged."""
    longest = max(image.size)
    if longest <= LONGEST_SIDE:
        return image
    width, height = (max(1, round(side * LONGEST_SIDE / longest)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def encode(image: Image.Image) -> bytes:
    """WebP bytes; the same picture gives the same bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY, method=4)
    return buffer.getvalue()


def write(root: Path, picture: Picture) -> None:
    """Draw `picture` into `root`; a file under its name is always whole."""
    target = root / picture.file
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.write_bytes(draw(picture))
    part.replace(target)
