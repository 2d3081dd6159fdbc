"""Walks from an error of a finished run to the samples that were picked to mend it, and back.

python -m edt.selection.explain RUN --error ID        error → step → missing skill → samples
python -m edt.selection.explain RUN --skill TEXT      whoever lacks it, and what was picked for it; some of its words do
python -m edt.selection.explain RUN --sample ID       sample → missing skill → errors
RUN is the folder that a run names at its end; --json prints the same as data.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from edt.cli import say_errors
from edt.errors import EdtError
from edt.selection.lineage import Chain, ErrorLink, PickLink, Run, by_error, by_sample, by_skill, read_run

WALKS = {"error": by_error, "skill": by_skill, "sample": by_sample}
WIDE = 10_000
"""Columns: the paths of pictures stay in one piece, to be clicked or copied."""
STATES = {"abstained": "no mistake was placed, so no skill is missing", "failed": "the teacher's reply did not parse"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--error", metavar="ID", help="a validation sample that was answered wrong")
    asked.add_argument("--skill", metavar="TEXT", help="a missing skill, or some of its words")
    asked.add_argument("--sample", metavar="ID", help="a supporting sample that was picked")
    parser.add_argument("--most", type=int, default=5, help="samples and errors shown of each chain (5)")
    parser.add_argument("--json", action="store_true", help="everything as one JSON object")
    options = parser.parse_args()
    if options.most < 1:
        raise EdtError(f"--most {options.most} must be at least 1")
    kind = next(name for name in WALKS if getattr(options, name) is not None)
    run = read_run(options.run)
    chains = WALKS[kind](run, getattr(options, kind))
    if options.json:
        print(json.dumps(as_data(options.run, run, kind, getattr(options, kind), chains), ensure_ascii=False, indent=1))
    else:
        show(Console(width=WIDE), chains, backwards=kind == "sample", most=options.most)


def as_data(folder: Path, run: Run, kind: str, name: str, chains: Sequence[Chain]) -> dict[str, object]:
    """Plain JSON data, nothing left out."""
    about = {"run": str(folder), "method": run.report.method, "task": run.report.task, "seed": run.report.seed}
    return {**about, "asked": {kind: name}, "chains": [asdict(chain) for chain in chains]}


def show(console: Console, chains: Sequence[Chain], *, backwards: bool, most: int) -> None:
    """A tree a chain: from the errors down to the picks, or the other way round."""
    for chain in chains:
        tree = Tree(f"[bold]Round {chain.round}[/bold]")
        if backwards:
            _add_errors(_add_query(_add_picks(tree, chain, most), chain), chain, most)
        else:
            _add_picks(_add_query(_add_errors(tree, chain, most), chain), chain, most)
        console.print(tree, soft_wrap=True, highlight=False)
        console.print()


def _add_errors(tree: Tree, chain: Chain, most: int) -> Tree:
    """The branch of the last error, from which the chain goes on."""
    branch = tree
    for error in chain.errors[:most]:
        branch = tree.add(f"[bold]error[/bold] {escape(error.id)}: {escape(error.picture)}")
        for line in _error_lines(error):
            branch.add(line)
    _say_more(tree, len(chain.errors) - most, f"errors {'lack' if _names_skill(chain) else 'ask'} it too")
    return branch if len(chain.errors) == 1 else tree


def _error_lines(error: ErrorLink) -> list[str]:
    lines = [f"question: {escape(error.question)}"]
    for number, step in enumerate(error.steps, start=1):
        blamed = number == error.blamed
        text = f"step {number}: {escape(step)}"
        lines.append(f"[bold red]→ {text}[/bold red]" if blamed else f"  {text}")
    lines.append(f"answer: {escape(error.answer or 'none')} (gold: {escape(error.gold)})")
    blame = "no step" if error.blamed is None else f"step {error.blamed}"
    lines.append(f"blamed: {blame}: {escape(error.reason)}")
    if error.skill is None:
        lines.append(f"missing skill: none named ({STATES.get(error.state, error.state)})")
    return [*lines, f"after the round's tuning: {error.after}"]


def _add_query(tree: Tree, chain: Chain) -> Tree:
    if chain.query is None:
        return tree
    what = "missing skill" if _names_skill(chain) else "query" if chain.errors else "query, which no error asked"
    return tree.add(f"[bold]{what}[/bold]: [green]{escape(chain.query)}[/green]")


def _names_skill(chain: Chain) -> bool:
    return any(error.skill for error in chain.errors)


def _add_picks(tree: Tree, chain: Chain, most: int) -> Tree:
    """The branch of the last pick, from which a chain that goes backwards goes on."""
    branch = tree
    for pick in chain.picks[:most]:
        branch = tree.add(f"[bold]sample[/bold] {escape(pick.id)} ({escape(pick.source_task)}): {escape(pick.picture)}")
        for line in _pick_lines(pick):
            branch.add(line)
    _say_more(tree, len(chain.picks) - most, "samples were picked by it")
    if chain.query is not None and not chain.picks:
        tree.add("no sample was picked by it within the budget")
    return branch if len(chain.picks) == 1 else tree


def _pick_lines(pick: PickLink) -> list[str]:
    lines = [f"{escape(pick.question)} → {escape(pick.answer)}"]
    if pick.required_skills:
        lines.append(f"requires: {escape(' ; '.join(pick.required_skills))}")
    if not pick.targeted:
        return [*lines, "filled at random: no query found it"]
    turn = f", in the turn of {pick.error_id}" if pick.error_id else ""
    words = f", by {', '.join(pick.shared_words)}" if pick.shared_words else ""  # vectors find without any
    return [*lines, escape(f"rank {pick.rank}, score {pick.score:.3f}{words}{turn}")]


def _say_more(tree: Tree, number: int, what: str) -> None:
    if number > 0:
        tree.add(f"and {number} more {what} (--most, --json)")


if __name__ == "__main__":
    sys.exit(say_errors(main))
