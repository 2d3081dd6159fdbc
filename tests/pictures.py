"""Small pictures for tests: each of its own, and told apart by what they show."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path


def drawn(seed: int, *, size: int = 64, form: str = "PNG", quality: int = 90) -> bytes:
    """Bytes of a picture of coloured boxes; the same for the same arguments."""
    from PIL import Image, ImageDraw

    dice = random.Random(seed)
    picture = Image.new("RGB", (64, 64), (dice.randrange(256),) * 3)
    pen = ImageDraw.Draw(picture)
    for _ in range(6):
        x, y = dice.randrange(48), dice.randrange(48)
        colour = tuple(dice.randrange(256) for _ in range(3))
        pen.rectangle((x, y, x + dice.randrange(8, 30), y + dice.randrange(8, 30)), fill=colour)
    stream = BytesIO()
    picture.resize((size, size), Image.Resampling.BICUBIC).save(stream, form, quality=quality)
    return stream.getvalue()


def put(folder: Path, name: str, data: bytes) -> str:
    """A file under `folder`; its name."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return name
