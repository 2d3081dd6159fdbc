"""Tables of text that a command prints and leaves in files, with its figures. Knows no figure's meaning."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edt.paths import write_whole


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table of text; its first `words` columns are no figures."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1


def present(grids: Sequence[Grid], notes: Sequence[str], page: str, data: Mapping[str, Any], path: Path) -> None:
    """Print grids and notes; leave `page` in `path`.md and `data` in `path`.json; print `data` as the last line."""
    console = Console()
    for grid in grids:
        shown = Table(title=grid.title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for number, head in enumerate(grid.heads):
            shown.add_column(Text(head), justify="left" if number < grid.words else "right")
        for row in grid.rows:
            shown.add_row(*map(Text, row))
        console.print(shown)
    for note in notes:
        console.print(Text(note), soft_wrap=True)
    for kind, text in (("json", json.dumps(data, indent=1, ensure_ascii=False) + "\n"), ("md", page)):
        file = path.with_name(f"{path.name}.{kind}")
        write_whole(file, text)
        print(f"file: {file}")
    print(json.dumps(data, ensure_ascii=False))
