"""How long a table takes whose cells share their stages, beside the same cells run one by one with nothing to share.

    python experiments/benchmarks/sharing.py [--jobs 2]

The table is `sharing.yaml`. Both ways run the same commands that a user types;
one by one every cell has an empty store and all cores. Writes
experiments/benchmarks/results/sharing.json.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.benchmark import parser_of, publish
from edt.cli import say_errors
from edt.errors import EdtError
from edt.process import prepare_script
from edt.store.__main__ import results
from edt.sweep.spec import cells_of, read_table

if TYPE_CHECKING:
    from rich.console import Console

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def main() -> None:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--jobs", type=int, default=2, help="cells of the table at a time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), jobs=options.jobs)
    publish(figures, lambda console: show(figures, console), options.results)


def measure(folder: Path, *, jobs: int) -> dict[str, Any]:
    """Wall seconds of both ways, cell by cell for the second."""
    places = [f"experiments={HERE}", f"output={folder / 'table'}", f"results={folder / 'results'}"]
    shared = _seconds(["sweep.py", "table=sharing", *places, f"jobs={jobs}", f"store.root={folder / 'store'}"])
    apart: dict[str, float] = {}
    for cell in cells_of("sharing", read_table("sharing", folder=HERE)):
        own = [f"store.root={folder / 'stores' / cell.name}", f"hydra.run.dir={folder / 'runs' / cell.name}"]
        apart[cell.name] = round(_seconds(["run.py", *cell.overrides, *own]), 1)
    total = sum(apart.values())
    return {
        "benchmark": "sharing",
        "jobs": jobs,
        "cells": len(apart),
        "trainings": trainings_in(folder / "store"),
        "seconds": {"table": round(shared, 1), "one_by_one": round(total, 1)},
        "ratio": round(shared / total, 3),
        "cell_seconds": apart,
    }


def trainings_in(store: Path) -> int:
    """Whole results alone: locks lie beside them, and what a killed process left."""
    return sum(result.stage == "tune" for result in results(store))


def _seconds(arguments: Sequence[str]) -> float:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EdtError(f"`python {' '.join(arguments)}` ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - start


def show(figures: dict[str, Any], console: Console) -> None:
    from rich.table import Table

    table = Table(title=f"{figures['cells']} cells, {figures['trainings']} trainings in the table")
    table.add_column("way")
    table.add_column("seconds", justify="right")
    for way, seconds in figures["seconds"].items():
        table.add_row(way.replace("_", " "), f"{seconds:.1f}")
    console.print(table)
    console.print(f"ratio: {figures['ratio']}")


if __name__ == "__main__":
    prepare_script()
    sys.exit(say_errors(main))
