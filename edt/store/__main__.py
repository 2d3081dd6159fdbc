"""Looks after a stage store.

python -m edt.store ls                 what is in it: results, size, what they cost to make
python -m edt.store verify             every file against its checksum; names what is damaged
python -m edt.store gc [--yes]         what killed runs left, and results that no run refers to any more

A result is in use where a stages.jsonl under one of the --runs names it, be it of a run, of a cell of a table or of a
multirun; links to folders are followed. What experiments/links.py, compare.py and purity.py made is in use by the
stages.jsonl that they leave beside the store's results, in used/NAME. Remove a folder to let go of what it uses. Give
--runs once for each place where runs lie: a run in none of them counts for nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from edt.cli import say_errors
from edt.errors import EdtError
from edt.store.folders import damage_of, last_used, read_manifest
from edt.store.stages import NOTES, VERSIONS

NAME = re.compile(r"[0-9a-f]{32}(\.part)?$")


@dataclass(frozen=True, kw_only=True)
class Result:
    """One folder of a store."""

    stage: str
    folder: Path
    bytes: int
    seconds: float | None
    """What making it cost; None where its manifest cannot be read."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("ls", "verify", "gc"))
    parser.add_argument("--root", type=Path, default=Path("outputs/store"))
    parser.add_argument(
        "--runs",
        type=Path,
        action="append",
        metavar="FOLDER",
        help="gc: where runs lie, outputs if not given; repeatable",
    )
    parser.add_argument(
        "--older-than", type=float, default=7.0, metavar="DAYS", help="gc: leave alone what was made or reused since"
    )
    parser.add_argument("--yes", action="store_true", help="gc: remove; without it nothing is")
    options = parser.parse_args()
    if not options.older_than >= 0:  # nan is not either
        raise EdtError(f"--older-than {options.older_than:g} must be days, 0 or more")
    if not options.root.is_dir():
        raise EdtError(f"there is no store at {options.root}; name one with --root")
    console = Console()
    if options.action == "ls":
        _ls(console, list(results(options.root)))
    elif options.action == "verify":
        _verify(console, list(results(options.root)))
    else:
        _gc(console, options.root, options.runs or [Path("outputs")], days=options.older_than, remove=options.yes)


def results(root: Path) -> Iterator[Result]:
    """All whole results, by stage and key."""
    for folder in (path for path in _folders(root) if not path.name.endswith(".part")):
        try:
            seconds = read_manifest(folder).seconds
        except (OSError, ValueError):
            seconds = None
        yield Result(stage=folder.parent.name, folder=folder, bytes=size_of(folder), seconds=seconds)


def _folders(root: Path) -> list[Path]:
    """What a store has made, and nothing else that may lie under its root: a link leads out of it."""
    return sorted(
        path
        for stage in VERSIONS
        if not (root / stage).is_symlink()
        for path in root.glob(f"{stage}/*")
        if path.is_dir() and not path.is_symlink() and NAME.match(path.name)
    )


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def used_by(root: Path, runs: Sequence[Path]) -> set[str]:
    """Keys that the `stages.jsonl` files under `runs`, and under the store itself, refer to.

    Raises EdtError where one cannot be read, and for a folder of `runs` without any: it may be the wrong one.
    """
    found = {folder: list(_notes_under(folder)) for folder in runs}
    if nothing := [folder for folder, files in found.items() if not files]:
        raise EdtError(f"no run under {nothing[0]} says what it uses; name the folder of your runs with --runs")
    used: set[str] = set()
    for notes in sorted({path for files in found.values() for path in files} | set(_notes_under(root))):
        try:
            used |= {json.loads(line)["key"] for line in notes.read_text("utf-8").splitlines() if line.strip()}
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise EdtError(f"{notes} cannot be read ({error}); mend or remove it, nothing was removed") from None
    return used


def _notes_under(top: Path) -> Iterator[Path]:
    """Links to folders are followed, each folder once: a link may lead back. EdtError where one cannot be listed."""

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # what a run is making comes and goes
            raise EdtError(f"{error.filename} cannot be listed ({error.strerror}); mend that, nothing was removed")

    met: set[str] = set()
    for place, folders, files in os.walk(top, followlinks=True, onerror=refuse):
        if (real := os.path.realpath(place)) in met:
            folders.clear()
            continue
        met.add(real)
        if NOTES in files:
            yield Path(place, NOTES)


def _ls(console: Console, found: Sequence[Result]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("stage", "results", "MB", "made in s"):
        table.add_column(head, justify="left" if head == "stage" else "right")
    for stage in sorted({one.stage for one in found}):
        of = [one for one in found if one.stage == stage]
        table.add_row(
            stage,
            str(len(of)),
            f"{sum(one.bytes for one in of) / 1e6:.1f}",
            f"{sum(one.seconds or 0 for one in of):.0f}",
        )
    console.print(table)


def _verify(console: Console, found: Sequence[Result]) -> None:
    damaged = 0
    for one in track(found, "verifying", console=Console(stderr=True), transient=True):
        if names := damage_of(one.folder):
            damaged += 1
            console.print(f"damaged: {one.folder} ({', '.join(names[:3])})", markup=False, soft_wrap=True)
    console.print(f"{len(found) - damaged} of {len(found)} results are whole", highlight=False)
    if damaged:
        raise EdtError(f"{damaged} results are damaged; a run that needs one makes it again")


def _gc(console: Console, root: Path, runs: Sequence[Path], *, days: float, remove: bool) -> None:
    """What is being made now is locked, and what is young may belong to a run that goes on; both are left alone."""
    used, before = used_by(root, runs), time.time() - days * 86400
    left = [path for path in _folders(root) if path.name.endswith(".part")]
    unused = [one.folder for one in results(root) if one.folder.name not in used]
    freed = 0
    for folder in (path for path in [*left, *unused] if last_used(path) < before):
        lock = FileLock(f"{folder.with_name(folder.name.removesuffix('.part'))}.lock")
        try:
            with lock.acquire(timeout=0):
                if last_used(folder) >= before:
                    continue  # taken or finished by a run while this one looked
                size, why = size_of(folder), "left by a killed run" if folder in left else "no run refers to it"
                if remove:
                    shutil.rmtree(folder)
        except Timeout:
            console.print(f"in use: {folder}", markup=False, soft_wrap=True)
            continue
        freed += size
        console.print(f"{'removed' if remove else 'would remove'}: {folder} ({why})", markup=False, soft_wrap=True)
    console.print(
        f"{freed / 1e6:.1f} MB" + ("" if remove or not freed else "; give --yes to remove them"), highlight=False
    )


if __name__ == "__main__":
    sys.exit(say_errors(main))
