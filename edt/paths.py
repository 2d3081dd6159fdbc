"""Where files of the user's live. Knows folders, not what is in them."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """The cache folder: `$EDT_CACHE`, else `edt` under `$XDG_CACHE_HOME` or `~/.cache`."""
    if own := os.environ.get("EDT_CACHE"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "edt"


def pocket_root() -> Path:
    """The folder of the embedded benchmark."""
    return cache_root() / "pocket"
