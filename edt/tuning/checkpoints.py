"""The checkpoints that a training left: files, or folders where a strategy saves in parts. Knows neither's meaning."""

from __future__ import annotations

import shutil
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import torch

LATEST = "latest"
"""What DeepSpeed writes last into a checkpoint's folder: the name of the folder inside that has the parts."""


def last_whole(folder: Path, name: str) -> Path | None:
    """The newest checkpoint of this name that can be read; damaged ones are removed."""
    found = sorted(folder.glob(f"{name}*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
    whole: Path | None = None
    for checkpoint in found:
        if _is_whole(checkpoint):
            whole = checkpoint
        else:
            remove(checkpoint)
    return whole


def remove(checkpoint: Path) -> None:
    """A file or a folder; another process of the training may be ahead."""
    if checkpoint.is_dir():
        shutil.rmtree(checkpoint, ignore_errors=True)
    else:
        checkpoint.unlink(missing_ok=True)


def _is_whole(checkpoint: Path) -> bool:
    try:
        if checkpoint.is_dir():
            return _has_all_parts(checkpoint)
        torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception:
        return False
    return True


def _has_all_parts(checkpoint: Path) -> bool:
    """By the names in each part, not by loading it: DeepSpeed's hold objects that `weights_only` refuses."""
    parts = list((checkpoint / (checkpoint / LATEST).read_text("utf-8").strip()).glob("*.pt"))
    try:
        for part in parts:
            with ZipFile(part):  # its table of contents stands at its end
                pass
    except BadZipFile:
        return False
    return bool(parts)
