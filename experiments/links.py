"""Which link of the chain fails: was the mistake placed, the skill named, the sample found?

    python experiments/links.py [--tasks …] [OVERRIDES of run.py, such as scale=264]

Measures the first round of error-driven tuning on Pocket's validation errors
against their planted truth, which the method does not read. Stages that
are in the store are not done again; nothing is tuned. Writes
experiments/results/links.json.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from edt.build import Builder
from edt.cli import say_errors
from edt.experiment import compose
from edt.loop import collect_errors, share, total_of
from edt.pocket import targets
from edt.pocket.oracle import OracleIdentifier, planted_skill
from edt.pocket.skills import nearest
from edt.process import prepare_script
from edt.store.folders import Store
from edt.store.stages import Parts, Stages, noting
from edt.types import ErrorSample, Gap, Mistake, Pick, by_id

TASKS = tuple(f"pocket_{name}" for name in targets.TASKS)


@dataclass(frozen=True, kw_only=True)
class Links:
    """Counts over one task's validation errors, and over its picks."""

    errors: int
    placed: int
    """Mistakes placed on the step that the planted truth says is the first wrong one."""
    abstained: int
    named: int
    """Skills that are, by their nearest wording, the one that mends the blamed step."""
    needed: int
    """Skills that are one of those that the sample's gold rationale needs."""
    picks: int
    targeted: int
    found: int
    """Targeted picks that need a skill which the error's gold rationale needs too."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="options of run.py, such as identifier.prior=0.7")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--results", type=Path, default=Path("experiments/results/links.json"))
    parser.add_argument("--config-dir", type=Path, help="a folder with further choices")
    options = parser.parse_intermixed_args()
    builder, found = Builder(), dict[str, Links]()
    for task in options.tasks:
        config = compose([f"task={task}", *options.overrides], config_dir=options.config_dir)
        parts, told = builder.parts(config), noting(config.store.root, "links")
        stages = Stages(parts=parts, store=Store(config.store.root), seed=config.seed, round=1, told=told)
        total = total_of(config.scale, config.budget, stages.parts.supporting)
        found[task] = links(stages, budget=share(total, config.budget.rounds, 1))
    show(found, options.results)


def links(stages: Stages, *, budget: int) -> Links:
    """One round up to its picks, and how much of each link holds."""
    errors = collect_errors(stages.parts.task, stages.predict("validation", None))
    mistakes = stages.identify(errors)
    gaps = stages.analyse(errors, mistakes)
    picks = stages.select(gaps, budget=budget, exclude=frozenset())
    known = _wordings(stages.parts)
    true = OracleIdentifier().identify(errors)
    return Links(
        errors=len(errors),
        placed=sum(mistake.step == truth.step for mistake, truth in zip(mistakes, true, strict=True)),
        abstained=sum(mistake.abstained for mistake in mistakes),
        named=sum(_is_named(*link, known) for link in zip(errors, mistakes, gaps, strict=True)),
        needed=sum(_is_needed(error, gap, known) for error, gap in zip(errors, gaps, strict=True)),
        picks=len(picks),
        targeted=sum(pick.targeted for pick in picks),
        found=sum(_is_found(pick, stages.parts) for pick in picks),
    )


def _wordings(parts: Parts) -> dict[str, str]:
    """Every wording of a skill in the supporting dataset, and the id of its skill."""
    planted = ((s.required_skills, s.truth.needs) for s in parts.supporting.samples if s.truth)
    return {wording: skill for pair in planted for wording, skill in zip(*pair, strict=True)}


def _is_named(error: ErrorSample, mistake: Mistake, gap: Gap, known: Mapping[str, str]) -> bool:
    if gap.skill is None or mistake.step is None:
        return False
    text = error.prediction.steps[mistake.step - 1]
    return nearest(gap.skill, known) == planted_skill(error.sample, text, mistake.step)


def _is_needed(error: ErrorSample, gap: Gap, known: Mapping[str, str]) -> bool:
    truth = error.sample.truth
    return gap.skill is not None and truth is not None and nearest(gap.skill, known) in truth.skills


def _is_found(pick: Pick, parts: Parts) -> bool:
    if pick.error_id is None:
        return False
    wanted = by_id(parts.task.validation)[pick.error_id].truth
    has = by_id(parts.supporting.samples)[pick.sample_id].truth
    return wanted is not None and has is not None and bool(set(wanted.skills) & set(has.needs))


def show(found: dict[str, Links], path: Path) -> None:
    """Print the shares, and write the counts."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from edt.tables.summary import write_summary

    table = Table(title="Which link fails, on validation errors", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("", "errors", "placed", "abstained", "named", "needed", "found"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for task, of in found.items():
        shares: Sequence[str] = [
            f"{100 * part / whole:.1f}%" if whole else "–"
            for part, whole in (
                (of.placed, of.errors),
                (of.abstained, of.errors),
                (of.named, of.errors),
                (of.needed, of.errors),
                (of.found, of.targeted),
            )
        ]
        table.add_row(task, str(of.errors), *shares)
    Console().print(table)
    write_summary(path, {task: asdict(of) for task, of in found.items()})
    print(f"files: {path}")


if __name__ == "__main__":
    prepare_script()
    sys.exit(say_errors(main))
