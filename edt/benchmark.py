"""What every benchmark leaves: a table to read, the same as text and as JSON on disk, and JSON as its last line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.paths import write_whole

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 110


def parser_of(script: str, description: str | None) -> argparse.ArgumentParser:
    """A parser that knows `--results`, by default `results/NAME.json` beside the script."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    place = Path(script).with_name("results") / f"{Path(script).stem}.json"
    parser.add_argument("--results", type=Path, default=place, help="the JSON file; the table goes beside it, as .txt")
    return parser


def publish(figures: Mapping[str, Any], show: Callable[[Console], None], results: Path) -> None:
    """Show the figures, keep them, and print them as one line of JSON."""
    from rich.console import Console

    console = Console(record=True, width=WIDTH)
    show(console)
    results.parent.mkdir(parents=True, exist_ok=True)
    write_whole(results, json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    write_whole(
        results.with_suffix(".txt"), "\n".join(line.rstrip() for line in console.export_text().splitlines()) + "\n"
    )
    print(json.dumps(figures, ensure_ascii=False))
