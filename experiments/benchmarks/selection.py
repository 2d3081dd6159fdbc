"""What each selector costs on Pocket: once for a supporting dataset, and then for every query.

    python experiments/benchmarks/selection.py [--samples 300] [--queries 64] [--only less rds]

Each selector runs in a process of its own with an empty cache. It first selects
from a few samples, which pays for imports and models before the clock starts;
then for one task, which pays for the samples (embeddings, states, gradients with
their warm-up), and then for another one, which finds them there. The second is
what a query costs: a missing skill, a wrong answer or a validation sample; the
first less the second is what is paid once. Pictures have passed the vision
tower before. Those that ask the student see 300 samples, the others all;
`--samples` is for all of them. Missing skills are the planted ones. Writes
experiments/benchmarks/results/selection.json.
"""

from __future__ import annotations

import argparse
import json
import os
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

if TYPE_CHECKING:
    from rich.console import Console

    from edt.protocols import Task
    from edt.types import Gap

ROOT = Path(__file__).resolve().parents[2]
SELECTORS = (
    "random", "balanced", "bm25", "task_description", "question", "dense", "hybrid", "insta", "rds", "less",
)  # fmt: skip
ASKS_STUDENT = ("rds", "less")
FEW, COSTLY = 8, 300
"""Samples that are selected from before the clock starts, and those of a selector that asks the student."""
TASKS = ("pocket_appliance", "pocket_furniture")
BUDGET = 264
PICTURES = "pictures"
"""Of `--one`: no selector, but the vision tower for all pictures that the costly ones will look at."""


def main() -> None:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--samples", type=int, help="supporting samples, for every selector")
    parser.add_argument("--queries", type=int, default=64, help="validation samples of each task")
    parser.add_argument("--only", nargs="+", choices=SELECTORS, default=SELECTORS, metavar="SELECTOR")
    parser.add_argument("--one", choices=(*SELECTORS, PICTURES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.queries < 1:
        raise EdtError(f"--queries {options.queries} must be at least 1")
    if options.samples is not None and options.samples <= FEW:
        raise EdtError(
            f"--samples {options.samples} must be above {FEW}, which are selected from before the clock starts"
        )
    if options.one:
        print(json.dumps(_one(options.one, options.samples, options.queries)))
        return
    figures = measure(options.only, options.samples, options.queries)
    publish(figures, lambda console: show(figures, console), options.results)


def measure(names: Sequence[str], samples: int | None, queries: int) -> dict[str, Any]:
    """A row a selector, in the order given."""

    def taken(name: str) -> int | None:
        return COSTLY if samples is None and name in (*ASKS_STUDENT, PICTURES) else samples

    if set(names) & set(ASKS_STUDENT):
        _apart(PICTURES, taken(PICTURES), queries)
    rows = [_apart(name, taken(name), queries) for name in names]
    return {"benchmark": "selection", "queries": queries, "cores": os.cpu_count(), "rows": rows}


def _apart(name: str, samples: int | None, queries: int) -> dict[str, Any]:
    asked = ["--one", name, "--queries", str(queries), *(["--samples", str(samples)] if samples else [])]
    ended = subprocess.run(
        [sys.executable, __file__, *asked],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    if ended.returncode:
        raise EdtError(f"{name} failed: {ended.stderr.strip()[-500:].removeprefix('error: ')}")
    return json.loads(ended.stdout.splitlines()[-1])


def _one(name: str, samples: int | None, queries: int) -> dict[str, Any]:
    """The figures of one selector, from this process."""
    from edt.build import Builder
    from edt.experiment import compose
    from edt.tables.summary import peak_rss_mb

    builder, config = Builder(), compose([f"selector={'rds' if name == PICTURES else name}", "student.progress=false"])
    few, whole = (builder.part("supporting", {**config.supporting, "num_samples": n}) for n in (FEW, samples))
    tasks: list[Any] = [
        builder.part("task", {**compose([f"task={task}"]).task, "num_validation": queries}) for task in TASKS
    ]
    if name == PICTURES:
        student = builder.part("student", config.student)
        for owner, of in ((whole, whole.samples), *((task, task.validation) for task in tasks)):
            student.dress().rows(list(of), owner.root, with_reply=False)
        return {}
    with tempfile.TemporaryDirectory() as folder:
        own = {"cache": folder} if "cache" in config.selector else {}
        selector = builder.part("selector", {**config.selector, **own})
        budget = min(BUDGET, len(whole.samples))

        def seconds(task: Task, supporting: Any, budget: int) -> float:
            gaps = gaps_of(task)
            start = time.perf_counter()
            picks = selector.select(gaps, supporting, task, budget=budget, exclude=frozenset(), round=1, seed=0)
            assert len(picks) == budget
            return time.perf_counter() - start

        seconds(tasks[0], few, FEW)
        first, second = (seconds(task, whole, budget) for task in tasks)
    once = max(0.0, first - second)
    number = len(whole.samples)
    return {
        "selector": name,
        "samples": number,
        "budget": budget,
        "once_seconds_a_thousand": round(1000 * once / number, 4),
        "selection_seconds": round(second, 4),
        "ms_a_query": round(1000 * second / len(tasks[1].validation), 3),
        "peak_mb": round(peak_rss_mb()),
    }


def gaps_of(task: Task) -> list[Gap]:
    """As if every validation sample was answered wrong for the first skill that it needs."""
    from edt.types import Gap

    return [
        Gap(sample_id=sample.id, step=1, step_text="", skill=sample.required_skills[0], state="named")
        for sample in task.validation
    ]


def show(figures: dict[str, Any], console: Console) -> None:
    """A line a selector, for a reader."""
    from rich.table import Table

    title = f"Pocket, {figures['queries']} queries a task, {figures['cores']} cores"
    table = Table(title=title, caption="Peak memory is of the whole process, with the models that it loads.")
    for head in ("selector", "samples", "once, s a 1,000 samples", "a task's selection, s", "ms a query", "peak MB"):
        table.add_column(head, justify="left" if head == "selector" else "right")
    for row in figures["rows"]:
        table.add_row(
            row["selector"],
            f"{row['samples']:,}",
            f"{row['once_seconds_a_thousand']:.2f}",
            f"{row['selection_seconds']:.2f}",
            f"{row['ms_a_query']:.2f}",
            f"{row['peak_mb']:,}",
        )
    console.print(table)


if __name__ == "__main__":
    prepare_script()
    sys.exit(say_errors(main))
