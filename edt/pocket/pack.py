"""The pack: every picture of Pocket, made once, listed in assets.jsonl, sealed by a manifest.

Knows the pack's form and how to tell a whole one from a broken one; knows the
packages only through the list of assets that `edt.pocket.sources` makes of them.
The manifest is written last, and the folder appears under its name only then.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.pocket.home import SETUP_COMMAND, Home, replace_folder
from edt.pocket.sources import Asset, Picture, list_assets

RECIPE = 1
"""Goes up when the same packages give another pack."""
MANIFEST = "manifest.json"
ASSETS = "assets.jsonl"

REBUILD = f"run `{SETUP_COMMAND} --rebuild pack` to make it again"

LICENCE_NOTES = {
    "sweethome3d-furniture": "Pictures under images/sh3d are icons and renderings of these models.",
    "tuxpaint-stamps-default": "Pictures under images/stamp are these stamps, cropped, reduced and recoded.",
    "pysiogame": (
        "Pictures under images/art come from Art4Apps (http://www.art4apps.org), a database of images and audio files "
        "of words created by Smart4Kids under a Creative Commons licence (CC BY-SA); background removed and recoded."
    ),
}


@dataclass(frozen=True)
class Pack:
    """A pack that was found whole: its folder, fingerprint and rows of assets.jsonl."""

    root: Path
    fingerprint: str
    assets: tuple[Mapping[str, Any], ...]
    files: Mapping[str, Mapping[str, Any]]
    """By relative name: `sha256` and `bytes`."""

    def verify(self, *, full: bool = False) -> None:
        """Raise EdtError for the first missing or changed file; `full` reads them all."""
        for name, facts in self.files.items():
            _check(self.root / name, facts, full=full)


def open_pack(home: Home) -> Pack:
    """The pack in `home`, after a look at every file's size.

    Raises EdtError, naming the file and the way out, where something is amiss.
    """
    manifest = read_manifest(home.pack)
    if manifest is None:
        raise EdtError(f"there is no picture pack in {home.pack}; run `{SETUP_COMMAND}` first")
    files = manifest["files"]
    pack = Pack(home.pack, manifest["fingerprint"], (), files)
    pack.verify()
    rows = (home.pack / ASSETS).read_text(encoding="utf-8").splitlines()
    return Pack(home.pack, manifest["fingerprint"], tuple(json.loads(row) for row in rows), files)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a finished pack; None where there is none or it is of another recipe."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["recipe"] == RECIPE and manifest["fingerprint"] == fingerprint_of(manifest["files"]):
            return manifest
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def build(home: Home, *, workers: int = 2, splats: bool = True, progress: bool = True) -> Pack:
    """Make the pack from `home.unpacked` and put it in place; goes on where it was interrupted."""
    part = home.pack.with_name(f".{home.pack.name}.part-{RECIPE}{'' if splats else '-plain'}")
    assets = list_assets(home.unpacked, splats=splats)
    pictures = [picture for asset in assets for picture in asset.views]
    _draw_all(part, pictures, workers=workers, progress=progress)
    _write_lines(part / ASSETS, (row_of(asset) for asset in assets))
    _write_licences(part / "LICENCES", home.unpacked)
    wanted = {picture.file for picture in pictures} | {ASSETS}
    for path in _files(part):
        if path.relative_to(part).as_posix() not in wanted and path.parent.name != "LICENCES":
            path.unlink()
    _seal(part)
    replace_folder(part, home.pack)
    for old in home.pack.parent.glob(f".{home.pack.name}.part-*"):
        shutil.rmtree(old, ignore_errors=True)
    return open_pack(home)


def row_of(asset: Asset) -> dict[str, Any]:
    """The asset as its line in assets.jsonl."""
    return {
        "id": asset.id,
        "source": asset.source,
        "name": asset.name,
        "category": asset.category,
        "caption": asset.caption,
        "size_cm": None if asset.size_cm is None else list(asset.size_cm),
        "views": [picture.file for picture in asset.views],
        "licence": asset.licence,
    }


def fingerprint_of(files: Mapping[str, Mapping[str, Any]]) -> str:
    """sha256 over the sorted hashes of all files but the manifest."""
    return hashlib.sha256("\n".join(sorted(facts["sha256"] for facts in files.values())).encode()).hexdigest()


def _draw_all(root: Path, pictures: Sequence[Picture], *, workers: int, progress: bool) -> None:
    root.mkdir(parents=True, exist_ok=True)
    left = [picture for picture in pictures if not (root / picture.file).exists()]
    left.sort(key=lambda picture: picture.kind == "splat")
    chunks = [left[start : start + 8] for start in range(0, len(left), 8)]
    with _pool(workers) as map_chunks, _bar("pictures", len(left), shown=progress) as advance:
        for count in map_chunks(_draw_chunk, [(root, chunk) for chunk in chunks]):
            advance(count)


def _draw_chunk(job: tuple[Path, Sequence[Picture]]) -> int:
    from edt.pocket import draw

    root, pictures = job
    for picture in pictures:
        draw.write(root, picture)
    return len(pictures)


@contextmanager
def _pool(workers: int) -> Iterator[Any]:
    """A lazy `map`; over fresh processes, or in this one where `workers` is 0."""
    if workers == 0:
        yield map
        return
    executor = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_finish_first)
    try:
        yield executor.map
    except BrokenExecutor as error:
        raise EdtError(f"a process that draws pictures was killed; run `{SETUP_COMMAND}` again, it goes on") from error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _finish_first() -> None:
    """For a worker: Ctrl-C is the parent's to answer; the handful of pictures in hand is drawn to the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _bar(title: str, total: int, *, shown: bool) -> Iterator[Any]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, disable=not shown) as bar:
        task = bar.add_task(title, total=total)
        yield lambda count: bar.advance(task, count)


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _write_licences(folder: Path, unpacked: Path) -> None:
    folder.mkdir(exist_ok=True)
    for package, note in LICENCE_NOTES.items():
        source = unpacked / package / "usr/share/doc" / package / "copyright"
        if not source.exists():
            raise EdtError(f"package {package} came without its copyright file ({source}); run `{SETUP_COMMAND}` again")
        text = source.read_text(encoding="utf-8", errors="replace")
        (folder / f"{package}.txt").write_text(f"{note}\n\n{text}", encoding="utf-8")


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file() and path.name != MANIFEST)


def _seal(root: Path) -> None:
    files = {path.relative_to(root).as_posix(): _facts(path) for path in _files(root)}
    manifest = {"recipe": RECIPE, "fingerprint": fingerprint_of(files), "files": files}
    part = root / f"{MANIFEST}.part"
    part.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    os.replace(part, root / MANIFEST)


def _facts(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _check(path: Path, facts: Mapping[str, Any], *, full: bool) -> None:
    if not path.exists():
        raise EdtError(f"{path} is missing from the picture pack; {REBUILD}")
    size = path.stat().st_size
    if size != facts["bytes"]:
        raise EdtError(f"{path} is damaged ({size} bytes instead of {facts['bytes']}); {REBUILD}")
    if full and _facts(path)["sha256"] != facts["sha256"]:
        raise EdtError(f"{path} is damaged (its checksum changed); {REBUILD}")
