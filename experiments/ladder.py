"""The ladder: for each task, what every rung from the untuned student to Full Data scores.

    python experiments/ladder.py [--scale 300] [--seeds 0] [--tasks …] [--methods …] [OVERRIDES of run.py]

On validation data, so that what is chosen by it leaves the test split alone.
A cell that fails is written as failed, with its reason, and the others go on;
given again, the command goes on where it stopped.  Writes cells.csv and
table.md under experiments/results/ladder.
"""

from __future__ import annotations

import argparse
import csv
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from edt.build import Builder
from edt.cli import explain, say_errors
from edt.comparison import prepare
from edt.experiment import compose, perform
from edt.tables.seeds import mean_std
from edt.types import Report

TASKS = ("pocket_furniture", "pocket_living_thing", "pocket_vqa")
METHODS = ("pretrained", "random", "task_description", "planted", "edt", "full")
log = logging.getLogger("edt")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of the ladder. `state` is measured or failed; a failed one has a reason and no figures."""

    task: str
    method: str
    scale: str
    seed: int
    split: str
    state: str
    reason: str = ""
    score: float | None = None
    n: int | None = None
    right: int | None = None
    unparsed: int | None = None
    low: float | None = None
    high: float | None = None
    samples: int | None = None
    filled: int | None = None
    errors: int | None = None
    """Errors over all rounds, and how many had no placed mistake."""
    abstained: int | None = None


def main() -> None:
    options = _options()
    builder, cells = Builder(), []
    for task in options.tasks:
        for method in options.methods:
            for seed in options.seeds if method != "pretrained" else options.seeds[:1]:
                log.info("── %s · %s · seed %d", task, method, seed)
                cells.append(_cell(task, method, seed, options, builder))
                write(cells, options.results, split=options.split, scale=options.scale)
    print((options.results / "table.md").read_text("utf-8"))
    print(f"files: {options.results}")
    if failed := sum(cell.state == "failed" for cell in cells):
        log.warning("%d of %d cells failed; see %s", failed, len(cells), options.results / "cells.csv")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="options of run.py, such as tuner.epochs=2")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--scale", default="300", help="of every method but full, which takes all samples")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--output", type=Path, default=Path("outputs/ladder"), help="where the runs' files go")
    parser.add_argument("--results", type=Path, default=Path("experiments/results/ladder"))
    parser.add_argument("--config-dir", type=Path, help="a folder with further choices")
    return parser.parse_intermixed_args()


def _cell(task: str, method: str, seed: int, options: argparse.Namespace, builder: Builder) -> Cell:
    scale = "full" if method == "full" else options.scale
    place = {"task": task, "method": method, "scale": scale, "seed": seed, "split": options.split}
    test = str(options.split == "test").lower()
    overrides = [f"task={task}", f"method={method}", f"scale={scale}", f"seed={seed}", f"test_split={test}"]
    folder = options.output / f"{task}-{scale}-{method}-s{seed}"
    try:
        config = compose([*overrides, *options.overrides], config_dir=options.config_dir)
        report = perform(config, folder, builder=builder).report
    except Exception as error:
        reason = explain(error) or f"{type(error).__name__}: {error}"
        log.warning("%s · %s · seed %d failed: %s", task, method, seed, reason)
        return Cell(**place, state="failed", reason=reason)
    return Cell(**place, state="measured", **_figures(report, options.split))


def _figures(report: Report, split: str) -> dict[str, Any]:
    score = report.test if split == "test" else report.validation
    assert score is not None
    picks = [pick for record in report.rounds for pick in record.picks]
    return {
        **{name: round(getattr(score, name), 4) for name in ("score", "n", "right", "unparsed", "low", "high")},
        "samples": len(picks),
        "filled": sum(not pick.targeted for pick in picks),
        "errors": sum(record.errors for record in report.rounds),
        "abstained": sum(record.abstained for record in report.rounds),
    }


def write(cells: Sequence[Cell], folder: Path, *, split: str, scale: str) -> None:
    """cells.csv and table.md, of the cells so far."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "cells.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(Cell)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(cell) for cell in cells)
    (folder / "table.md").write_text(table(cells, split=split, scale=scale), "utf-8")


def table(cells: Sequence[Cell], *, split: str, scale: str) -> str:
    """Accuracy in percent, a row a method: mean ± std over seeds, or the 95% interval where there is one seed."""
    tasks, methods = (list(dict.fromkeys(getattr(cell, name) for cell in cells)) for name in ("task", "method"))
    lines = [
        f"# Ladder on the {split} split, {scale} samples (Full: all)",
        "",
        "Accuracy in percent; `(low–high)` is the 95% Wilson interval of one seed, `± std` the spread over seeds.",
        "",
        "| method | " + " | ".join(tasks) + " | mean |",
        "|---" * (len(tasks) + 2) + "|",
    ]
    for method in methods:
        row = {task: [c for c in cells if (c.task, c.method) == (task, method)] for task in tasks}
        lines.append(f"| {method} | " + " | ".join(_text(of) for of in row.values()) + f" | {_mean(row)} |")
    return "\n".join(lines) + "\n"


def _scores(cells: Sequence[Cell]) -> list[float]:
    return [cell.score for cell in cells if cell.score is not None]


def _text(cells: Sequence[Cell]) -> str:
    scores = _scores(cells)
    failed = f" ({len(cells) - len(scores)} failed)" if len(scores) < len(cells) else ""
    if not scores:
        return "failed" if cells else "missing"
    mean, std = mean_std(scores)
    if std is not None:
        return f"{100 * mean:.1f} ± {100 * std:.1f} (n = {len(scores)}){failed}"
    (cell,) = (cell for cell in cells if cell.score is not None)
    return f"{100 * mean:.1f} ({100 * (cell.low or 0):.1f}–{100 * (cell.high or 0):.1f}){failed}"


def _mean(row: Mapping[str, Sequence[Cell]]) -> str:
    means = [mean_std(scores)[0] for cells in row.values() if (scores := _scores(cells))]
    return f"{100 * mean_std(means)[0]:.1f}" if len(means) == len(row) else "–"


if __name__ == "__main__":
    prepare()
    sys.exit(say_errors(main))
