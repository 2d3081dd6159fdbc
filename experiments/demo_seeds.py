"""The demo over several seeds: averages with intervals, and the differences between methods.

    python experiments/demo_seeds.py [--seeds 0 1 2] [--tasks pocket_appliance ...] [OVERRIDES of run.py]

About three minutes a task and seed on two cores; goes on where it was stopped.
Writes experiments/results/demo_seeds.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edt.build import Builder
from edt.cli import say_errors
from edt.comparison import compare
from edt.process import prepare_script
from edt.tables.seeds import Average, average, difference
from edt.types import Outcome, Report

METHODS = ("pretrained", "random", "edt")
PAIRS = (("random", "pretrained"), ("edt", "pretrained"), ("edt", "random"))
SPLITS = ("validation", "test")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="options of run.py, such as scale=300")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--tasks", nargs="+", default=["pocket_appliance"])
    parser.add_argument("--output", type=Path, default=Path("outputs/demo_seeds"), help="where the runs' files go")
    parser.add_argument("--results", type=Path, default=Path("experiments/results/demo_seeds.json"))
    parser.add_argument("--config-dir", type=Path, help="a folder with further choices")
    options = parser.parse_intermixed_args()
    builder = Builder()
    results: dict[str, Any] = {}
    for task in options.tasks:
        reports: dict[str, list[Report]] = {method: [] for method in METHODS}
        for seed in options.seeds:
            overrides = [f"task={task}", f"seed={seed}", *options.overrides]
            folder = options.output / task / f"s{seed}"
            runs = compare(METHODS, overrides, folder, builder=builder, config_dir=options.config_dir)
            for method, run in runs.items():
                reports[method].append(run.report)
        results[task] = figures(reports)
    show({"seeds": options.seeds, "tasks": results}, options.results)


def figures(reports: Mapping[str, Sequence[Report]]) -> dict[str, Any]:
    """Averages by method and split, and differences by pair of methods and split."""
    answers = {(method, split): _answers(of, split) for method, of in reports.items() for split in SPLITS}
    return {
        "methods": {method: {split: _plain(average(answers[method, split])) for split in SPLITS} for method in reports},
        "differences": {
            f"{ours} - {theirs}": {
                split: _plain(difference(answers[ours, split], answers[theirs, split])) for split in SPLITS
            }
            for ours, theirs in PAIRS
        },
    }


def show(results: Mapping[str, Any], path: Path) -> None:
    """Print a table a task, and write the figures."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from edt.tables.summary import write_summary

    console = Console()
    for task, found in results["tasks"].items():
        table = Table(title=f"{task}, seeds {results['seeds']}", title_justify="left", box=box.SIMPLE_HEAD)
        for column in ("", *(f"{split} %: mean ± std (95%)" for split in SPLITS)):
            table.add_column(column, justify="right" if column else "left")
        for name, cells in (found["methods"] | found["differences"]).items():
            table.add_row(name, *(_cell(cells[split]) for split in SPLITS))
        console.print(table)
    write_summary(path, results)
    console.print(f"figures: {path}", soft_wrap=True)


def _answers(reports: Sequence[Report], split: str) -> list[list[bool]]:
    return [[p.outcome is Outcome.RIGHT for p in report.predictions[split]] for report in reports]


def _plain(found: Average) -> dict[str, Any]:
    return {
        key: round(value, 4) if isinstance(value, float) else value for key, value in dataclasses.asdict(found).items()
    }


def _cell(found: Mapping[str, Any]) -> str:
    spread = "" if found["std"] is None else f" ± {100 * found['std']:.1f}"
    return f"{100 * found['mean']:.1f}{spread} ({100 * found['low']:.1f} to {100 * found['high']:.1f})"


if __name__ == "__main__":
    prepare_script()
    sys.exit(say_errors(main))
