"""All outputs of a table from its `cells.csv`, and what lies beside it of rounds and of sweeps.

Without running anything, and the same bytes each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from edt.paths import write_whole
from edt.sweep.record import CELLS, ROUNDS, SWEEPS
from edt.sweep.spec import TableSpec
from edt.tables.cells import Cell, read_cells
from edt.tables.cost import cost_of
from edt.tables.curves import plot_scores
from edt.tables.evolution import plot_gaps_over_rounds, plot_rounds, plot_time
from edt.tables.figures import FORMATS
from edt.tables.page import page_of
from edt.tables.references import beside
from edt.tables.render import html_whole, latex, markdown, references_csv, terminal, wide_csv
from edt.tables.rounds import RoundLine, read_rounds
from edt.tables.shape import Wide
from edt.tables.sweeps import read_sweeps
from edt.tables.wide import widen

PLOTS = ("scores", "gaps", "rounds", "time")


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A table and the files that show it."""

    wide: Wide
    cells: tuple[Cell, ...]
    rounds: tuple[RoundLine, ...]
    """Of the measured cells."""
    files: tuple[Path, ...]


def wide_of(cells: Sequence[Cell], spec: TableSpec) -> Wide:
    """The table that a specification describes, with what is known of its reference."""
    wide = widen(
        cells,
        title=spec.title,
        split=spec.split,
        baseline=spec.baseline,
        ceiling=spec.ceiling,
        ours=spec.ours,
        headline_scale=spec.headline_scale,
        rivals=spec.rivals,
        goal=spec.goal,
        worst_goal=spec.worst_goal,
        mean_goal=spec.mean_goal,
    )
    if (published := spec.published()) is not None:
        known = beside(wide, published, spec.likeness, ours=spec.ours, headline_scale=spec.headline_scale)
        wide = replace(wide, reference=known)
    return wide


def render(spec: TableSpec, folder: Path) -> Rendered:
    """Read `folder/cells.csv`, and `rounds.csv` and `sweeps.jsonl` where there are any; write every format beside them.

    Raises EdtError where one of them is not what it should be.
    """
    cells = read_cells(folder / CELLS)
    rounds = _rounds(cells, folder / ROUNDS)
    wide = replace(wide_of(cells, spec), cost=cost_of(rounds, read_sweeps(folder / SWEEPS)))
    makers: dict[str, Callable[[Wide], str]] = {
        "table.md": markdown,
        "table.tex": latex,
        "wide.csv": wide_csv,
        "table.html": html_whole,
    }
    if wide.reference is not None:
        makers["references.csv"] = references_csv
    files = []
    for name, make in makers.items():
        path = folder / name
        write_whole(path, make(wide))
        files.append(path)
    plots = _plots(wide, cells, rounds, spec.ours, folder)
    return Rendered(wide=wide, cells=tuple(cells), rounds=tuple(rounds), files=(*files, *plots))


def _rounds(cells: Sequence[Cell], path: Path) -> list[RoundLine]:
    """Those of measured runs; none where there is no such file."""
    measured = {cell.digest for cell in cells if cell.state == "measured"}
    return [line for line in read_rounds(path) if line.digest in measured] if path.is_file() else []


def _plots(wide: Wide, cells: Sequence[Cell], rounds: Sequence[RoundLine], ours: str, folder: Path) -> list[Path]:
    """Every plot that there are data for; one of earlier data that there are none for now is removed."""
    ordered = sorted(cells, key=lambda cell: cell.method == ours)  # ours say the number where they have it
    samples = {
        cell.scale: cell.trained_samples for cell in ordered if cell.trained_samples and cell.method != wide.ceiling
    }
    methods = list(
        dict.fromkeys(row.method for row in wide.rows if row.scale in samples and row.method != wide.ceiling)
    )
    order = list(dict.fromkeys([*methods, *(line.method for line in rounds)]))
    made = [
        *plot_scores(wide, samples, folder),
        *plot_gaps_over_rounds(rounds, wide.tasks, folder),
        *plot_rounds(rounds, wide.tasks, order, folder),
        *plot_time(rounds, folder),
    ]
    for gone in {folder / f"{stem}.{kind}" for stem in PLOTS for kind in FORMATS} - set(made):
        gone.unlink(missing_ok=True)
    return made


def show(console: Console, rendered: Rendered) -> None:
    """The table on the terminal, its notes, and where the files are."""
    console.print(terminal(rendered.wide))
    for note in page_of(rendered.wide).notes:
        console.print(Text(note))
    for path in rendered.files:
        console.print(Text(str(path)), soft_wrap=True)
