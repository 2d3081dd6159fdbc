"""Pictures inside a page, each once: a page holds bytes, and no path of the machine that it was made on."""

from __future__ import annotations

import base64
import hashlib
import html
import struct
from pathlib import Path

from edt.tables.figures import DPI

KINDS = {".webp": "image/webp", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
CSS_DPI = 96
"""Dots of an inch of a page."""
PLOTTED = {
    "scores": "Score against training samples, by task",
    "gaps": "Gaps over the rounds: closed, persisting and new, by method and scale",
    "rounds": "Validation score over the rounds, by method",
    "time": "Where the time of a run went, by method and scale",
}


class Pictures:
    """Pictures as data, by a hash of their bytes."""

    def __init__(self) -> None:
        self.data: dict[str, str] = {}
        self._names: dict[Path, str] = {}

    def add(self, path: Path) -> str:
        """The name under which the page finds it; empty where it cannot be read."""
        if path not in self._names:
            self._names[path] = self._added(path)
        return self._names[path]

    def _added(self, path: Path) -> str:
        try:
            content = path.read_bytes()
        except OSError:
            return ""
        name = hashlib.sha256(content).hexdigest()[:16]
        self.data.setdefault(name, _embedded(content, path.suffix))
        return name


def plot(path: Path) -> str:
    """A plot as HTML, as large as it was drawn: where a screen is narrower, it is moved about and not made small."""
    content = path.read_bytes()
    wide, high = (round(dots * CSS_DPI / DPI) for dots in struct.unpack(">II", content[16:24]))  # of a PNG's header
    words = html.escape(PLOTTED[path.stem])
    image = f'<img class="plot" src="{_embedded(content, path.suffix)}" alt="{words}" width="{wide}" height="{high}">'
    return f'<div class="wide">{image}</div>'


def _embedded(content: bytes, suffix: str) -> str:
    kind = KINDS.get(suffix.lower(), "application/octet-stream")
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
