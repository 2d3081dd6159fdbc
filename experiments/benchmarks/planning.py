"""How long it takes to plan a table of the paper's size: 154 cells, 75 trainings with three seeds.

    python experiments/benchmarks/planning.py [--repeats 3]

The table is `planning.yaml`, the shape of the paper's main table over the
parts of Pocket; nothing of it is run. The first plan of a process pays for
imports and checksums and is shown on its own. Writes
experiments/benchmarks/results/planning.json.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from edt.benchmark import parser_of, publish
from edt.cli import say_errors
from edt.errors import EdtError
from edt.process import prepare_process

if TYPE_CHECKING:
    from rich.console import Console

HERE = Path(__file__).parent


def main() -> None:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.repeats < 1:
        raise EdtError(f"--repeats {options.repeats} must be at least 1")
    figures = measure(options.repeats)
    publish(figures, lambda console: show(figures, console), options.results)


def show(figures: dict[str, Any], console: Console) -> None:
    from rich.table import Table

    counts = f"{figures['cells']} cells, {figures['trainings']} trainings"
    table = Table(title=f"{counts}; {figures['not_here']} cells cannot be run here")
    for head in ("plan", "seconds", "of them CPU"):
        table.add_column(head, justify="left" if head == "plan" else "right")
    for which in ("first", "median"):
        table.add_row(which, f"{figures['seconds'][which]:.2f}", f"{figures['cpu_seconds'][which]:.2f}")
    console.print(table)


def measure(repeats: int) -> dict[str, Any]:
    """Counts, and wall and CPU seconds of the first plan and the median over `repeats`."""
    walls, cpus = [], []
    counts: dict[str, int] = {}
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        counts = plan_once()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {
        "benchmark": "planning",
        **counts,
        "repeats": repeats,
        "seconds": {"first": round(walls[0], 2), "median": round(median(walls), 2)},
        "cpu_seconds": {"first": round(cpus[0], 2), "median": round(median(cpus), 2)},
    }


def plan_once() -> dict[str, int]:
    """Plan the table with an empty store."""
    from edt.sweep.plan import make_plan
    from edt.sweep.spec import cells_of, read_table

    spec = read_table("planning", folder=HERE)
    with tempfile.TemporaryDirectory() as folder:
        overrides = [f"store.root={folder}/store"]
        plan = make_plan(cells_of("planning", spec), overrides, Path(folder), config_dir=None)
    return {
        "cells": len(plan.cells),
        "trainings": sum(stage.kind == "tune" for stage in plan.stages()),
        "not_here": sum(bool(cell.reason) for cell in plan.cells),
    }


if __name__ == "__main__":
    prepare_process()
    sys.exit(say_errors(main))
