"""Which words should BM25 count? The share of picks that truly need the missing skill, for each choice.

    python experiments/purity.py [--every] [--budgets 88 264 704] [--tasks …] [OVERRIDES of run.py]

Queries are the planted skills of Pocket's validation errors (the skill of the
step that the planted truth blames), each in a wording of its own; documents
are the supporting samples' required skills, in wordings of theirs.  A pick is
pure where the sample's planted skills hold the one that was searched for; a
pick that fills a budget at random is not.  Errors are those of the untuned
student, whose answers are taken from the store where they are there; with
--every no model is asked, and every planted skill of every validation sample is
missing once.  The test splits are not read.  Writes purity.json and purity.txt
under experiments/results/.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from edt.build import Builder
from edt.cli import say_errors
from edt.errors import EdtError
from edt.experiment import compose
from edt.loop import collect_errors
from edt.paths import write_whole
from edt.pocket import targets
from edt.pocket.oracle import OracleIdentifier, planted_skill, truth_of
from edt.pocket.skills import wording
from edt.process import prepare_script
from edt.protocols import Supporting
from edt.selection.bm25 import Bm25Selector
from edt.store.folders import Store
from edt.store.stages import Stages, noting
from edt.types import by_id

TASKS = tuple(f"pocket_{name}" for name in targets.TASKS)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What may be varied without a look at the test splits."""

    stop_words: bool
    stem: bool
    idf: str

    def __str__(self) -> str:
        words = "without stop words" if self.stop_words else "all words"
        return f"{words}, {'stems' if self.stem else 'as written'}, {self.idf}"


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A planted skill that an error lacks, and the words that it is searched by."""

    error_id: str
    skill: str
    query: str


CHOICES = [
    Choice(stop_words=stop, stem=stem, idf=idf)
    for stop, stem, idf in product((True, False), (False, True), ("okapi", "lucene"))
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="options of run.py, such as student=pocket")
    parser.add_argument("--every", action="store_true", help="take every validation sample for an error")
    parser.add_argument("--budgets", type=int, nargs="+", default=[88, 264, 704])
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--results", type=Path, default=Path("experiments/results/purity.json"))
    parser.add_argument("--config-dir", type=Path, help="a folder with further choices")
    options = parser.parse_intermixed_args()
    if min(options.budgets) < 1:
        raise EdtError(f"--budgets {min(options.budgets)} must be above 0")
    builder, found = Builder(), dict[str, list[Missing]]()
    for task in options.tasks:
        config = compose([f"task={task}", *options.overrides], config_dir=options.config_dir)
        parts, told = builder.parts(config), noting(config.store.root, "purity")
        stages = Stages(parts=parts, store=Store(config.store.root), seed=config.seed, told=told)
        found[task] = every_skill(stages) if options.every else blamed_skills(stages)
        supporting = stages.parts.supporting
    rows = [
        {**asdict(choice), "budget": budget, "purity": purities(choice, found, supporting, budget)}
        for choice in CHOICES
        for budget in options.budgets
    ]
    figures = {
        "experiment": "purity",
        "errors": "every validation sample" if options.every else "of the untuned student",
        "queries": {task: len(missing) for task, missing in found.items()},
        "rows": rows,
    }
    write_whole(options.results, json.dumps(figures, indent=1) + "\n")
    write_whole(options.results.with_suffix(".txt"), show(figures, options.budgets))
    print(json.dumps(figures))


def blamed_skills(stages: Stages) -> list[Missing]:
    """The skill behind the first wrong step of each error."""
    errors = collect_errors(stages.parts.task, stages.predict("validation", None))
    found = []
    for error, mistake in zip(errors, OracleIdentifier().identify(errors), strict=True):
        if mistake.step is not None:
            step = error.prediction.steps[mistake.step - 1]
            found.append(_missing(error.sample.id, planted_skill(error.sample, step, mistake.step)))
    return found


def every_skill(stages: Stages) -> list[Missing]:
    """Each skill that the gold rationale of a validation sample needs."""
    return [
        _missing(f"{sample.id}/{number}", skill)
        for sample in stages.parts.task.validation
        for number, skill in enumerate(truth_of(sample).skills)
    ]


def _missing(error_id: str, skill: str) -> Missing:
    return Missing(error_id=error_id, skill=skill, query=wording(skill, error_id))


def purities(
    choice: Choice, found: dict[str, list[Missing]], supporting: Supporting, budget: int
) -> dict[str, float | None]:
    """By task: the share of all picks that need what was searched for; None without an error."""
    selector = Bm25Selector(**asdict(choice))
    return {task: purity(selector, missing, supporting, budget) for task, missing in found.items()}


def purity(selector: Bm25Selector, missing: Sequence[Missing], supporting: Supporting, budget: int) -> float | None:
    if not missing:
        return None
    queries = [(one.query, one.error_id) for one in missing]
    picks = selector.select_by(queries, supporting, budget=budget, exclude=frozenset(), round=1, seed=0)
    wanted = {one.error_id: one.skill for one in missing}
    samples = by_id(supporting.samples)
    pure = [
        pick.error_id is not None and wanted[pick.error_id] in truth_of(samples[pick.sample_id]).needs for pick in picks
    ]
    return round(sum(pure) / len(pure), 4)


def mean_of(purity: dict[str, float | None]) -> float | None:
    known = [share for share in purity.values() if share is not None]
    return sum(known) / len(known) if known else None


def show(figures: dict, budgets: Sequence[int]) -> str:
    """Print means over tasks, a line a choice, the best of each budget in bold; the same as text."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    means = {(str(_choice(row)), row["budget"]): mean_of(row["purity"]) for row in figures["rows"]}
    best = {budget: max(mean or 0 for (_, at), mean in means.items() if at == budget) for budget in budgets}
    num_queries = sum(figures["queries"].values())
    title = f"Picks that need the missing skill, %: mean of {len(figures['queries'])} tasks, {num_queries} queries"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("words and idf", no_wrap=True)
    for budget in budgets:
        table.add_column(f"{budget} samples", justify="right")
    for choice in CHOICES:
        shares = [means[str(choice), budget] for budget in budgets]
        cells = ["–" if share is None else f"{100 * share:.1f}" for share in shares]
        bold = [share == best[budget] for share, budget in zip(shares, budgets, strict=True)]
        marks = [f"[bold]{cell}[/bold]" if on else cell for cell, on in zip(cells, bold, strict=True)]
        table.add_row(str(choice), *marks)
    console = Console(width=100, record=True)
    console.print(table)
    return console.export_text()


def _choice(row: dict) -> Choice:
    return Choice(stop_words=row["stop_words"], stem=row["stem"], idf=row["idf"])


if __name__ == "__main__":
    prepare_script()
    sys.exit(say_errors(main))
