"""All outputs of a table from its `cells.csv`, without running anything, the same bytes each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from edt.paths import write_whole
from edt.sweep.spec import TableSpec
from edt.tables.cells import read_cells
from edt.tables.curves import plot_scores
from edt.tables.references import beside
from edt.tables.render import html_table, latex, markdown, page_of, references_csv, terminal, wide_csv
from edt.tables.wide import Wide, widen


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A table and the files that show it."""

    wide: Wide
    files: tuple[Path, ...]


def render(spec: TableSpec, folder: Path) -> Rendered:
    """Read `folder/cells.csv` and write every format beside it."""
    cells = read_cells(folder / "cells.csv")
    wide = widen(
        cells,
        title=spec.title,
        split=spec.split,
        baseline=spec.baseline,
        ceiling=spec.ceiling,
        ours=spec.ours,
        headline_scale=spec.headline_scale,
    )
    if (published := spec.published()) is not None:
        known = beside(wide, published, spec.likeness, ours=spec.ours, headline_scale=spec.headline_scale)
        wide = replace(wide, reference=known)
    makers: dict[str, Callable[[Wide], str]] = {
        "table.md": markdown,
        "table.tex": latex,
        "wide.csv": wide_csv,
        "table.html": lambda wide: html_table(wide, lambda run: None) + "\n",
    }
    if wide.reference is not None:
        makers["references.csv"] = references_csv
    files = []
    for name, make in makers.items():
        path = folder / name
        write_whole(path, make(wide))
        files.append(path)
    samples = {cell.scale: cell.trained_samples for cell in cells if cell.trained_samples and cell.method == spec.ours}
    return Rendered(wide=wide, files=(*files, *plot_scores(wide, samples, folder)))


def show(console: Console, rendered: Rendered) -> None:
    """The table on the terminal, its notes, and where the files are."""
    console.print(terminal(rendered.wide))
    for note in page_of(rendered.wide).notes:
        console.print(Text(note))
    for path in rendered.files:
        console.print(Text(str(path)), soft_wrap=True)
