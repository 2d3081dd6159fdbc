"""Results on a terminal. Knows rich and plain words; counts nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edt.tables.findings import TITLES
from edt.tables.gaps import GapLine
from edt.tables.stories import Story
from edt.types import GapChange, Report, Score

NAMES = {
    "pretrained": "pre-trained",
    "random": "Random",
    "validation": "Validation set",
    "insta": "INSTA (our reading)",
    "task_description": "Task description",
    "question": "Question",
    "balanced": "Balanced",
    "rds": "RDS",
    "less": "LESS",
    "imported": "Imported",
    "planted": "Planted skills",
    "random_step": "Random step",
    "raw_step": "Raw step",
    "per_step": "Each step asked about",
    "pseudo_rationale": "Pseudo rationale",
    "answer_switch": "Answer switch",
    "edt": "error-driven",
    "dense": "error-driven, dense",
    "hybrid": "error-driven, hybrid",
    "full": "Full Data",
}
"""How methods and identifiers are called wherever they are shown; `planted` asks the oracle."""


def results_table(reports: Mapping[str, Report], *, title: str) -> Table:
    """Methods by splits: accuracy in percent with its 95% interval, n, and unparsed answers."""
    table = _table(title)
    for column in ("method", "tuned\non", "validation\n% (95%)", "n / un-\nparsed", "test\n% (95%)", "n / un-\nparsed"):
        table.add_column(column, justify="left" if column == "method" else "right", no_wrap=True)
    for method, report in reports.items():
        tuned_on = sum(len(record.picks) for record in report.rounds)
        table.add_row(NAMES.get(method, method), str(tuned_on), *_cells(report.validation), *_cells(report.test))
    return table


def gaps_table(lines: Sequence[GapLine], *, most: int = 6) -> Table:
    """The largest gaps of every round, and what became of them."""
    table = Table(
        title="Largest gaps (missing skills) by round", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for column in ("round", "missing skill", "errors", "picks", "mended", "right after tuning"):
        table.add_column(column, justify="left" if column in ("missing skill", "right after tuning") else "right")
    for index in sorted({line.round for line in lines}):
        for line in [line for line in lines if line.round == index][:most]:
            table.add_row(
                str(index), escape(line.skill), str(line.errors), str(line.picks), str(line.mended), line.state
            )
        table.add_section()
    return table


def round_sentences(report: Report, lines: Sequence[GapLine]) -> list[str]:
    """A sentence a round: its errors and what became of them; its gaps, closed, persistent and new."""
    sentences = []
    for record in report.rounds:
        gaps = [line for line in lines if line.round == record.index]
        closed, new = sum(line.closed for line in gaps), sum(line.new for line in gaps)
        filled = sum(not pick.targeted for pick in record.picks)
        unread = sum(mistake.failed for mistake in record.mistakes)
        of_them = f", {unread} of them for an unread reply" if unread else ""
        sentences.append(
            f"round {record.index}: {record.errors} errors ({record.abstained} without a placed mistake{of_them}, "
            f"{record.failed} failed replies), {len(gaps)} gaps: {closed} closed, {len(gaps) - closed} persist, "
            f"{new} new; {len(record.picks)} picks, {filled} of them filled at random"
        )
    return sentences


def print_story(console: Console, number: int, story: Story) -> None:
    """One error, from the picture to the answer after tuning."""
    where = f"{escape(story.sample.id)} (round {story.round}): {escape(str(story.picture))}"
    console.print(f"[bold]Error {number}[/bold] {where}", soft_wrap=True)
    say = _indented(console)
    say(f"question: {story.sample.question}")
    for index, step in enumerate(story.before.steps, start=1):
        say(f"{'→' if index == story.mistake.step else ' '} step {index}: {step}")
    say(f"answer: {story.before.answer} (gold: {story.sample.answer})")
    say(f"blamed: {f'step {story.mistake.step}' if story.mistake.step else 'no step'}: {story.mistake.reason}")
    say(f"missing skill: {story.skill or 'none named'}")
    for sample in story.picked:
        say(f"picked: {sample.id} ({sample.source_task}) {sample.question} → {sample.answer}")
    if not story.picked:
        say("picked: nothing of its own within the budget")
    say(f"after tuning: {story.after.answer or 'unparsed'} ({story.after.outcome.value})")
    console.print()


def print_run(report: Report, folder: Path) -> None:
    """What one run came to."""
    console = Console()
    console.print(results_table({report.method: report}, title=f"{report.task}, seed {report.seed}"))
    for sentence in finding_sentences(report):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    grades = {"validation": report.validation.grade, "test": report.test.grade if report.test else None}
    if said := ", ".join(f"{split} {grade:.3f}" for split, grade in grades.items() if grade is not None):
        console.print(f"mean grade: {said}; an answer counts as right where its grade clears the bar", highlight=False)
    console.print(f"files: {escape(str(folder))}", soft_wrap=True)


def finding_sentences(report: Report) -> list[str]:
    """How the gaps went, why a run ended early, and the signs of failure: those shown, those not to be known, the rest.

    Nothing of a run without a round.
    """
    said = [change_sentence(change) for change in report.changes]
    if report.stopped:
        said.append(f"stopped early, {report.stopped}")
    for state, words in (("shown", "shown"), ("unknown", "not known")):
        said += [f"{words}: {TITLES[f.name]}: {f.evidence}" for f in report.findings if f.state == state]
    if absent := [TITLES[finding.name] for finding in report.findings if finding.state == "absent"]:
        said.append(f"looked for and not found: {', '.join(absent)}")
    return said


def change_sentence(change: GapChange) -> str:
    """How the gaps of one round fared."""
    alike = "" if change.likeness is None else f"; like the round before to {change.likeness:.2f} of 1"
    gaps = f"{change.closed} closed, {change.persists} persist, {change.new} new"
    return f"round {change.round}: {change.closed + change.persists} gaps: {gaps}{alike}"


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)


def percent(score: Score) -> str:
    """Accuracy in percent with its 95% interval."""
    return f"{100 * score.score:.1f} ({100 * score.low:.1f}–{100 * score.high:.1f})"


def _cells(score: Score | None) -> tuple[str, str]:
    return (percent(score), f"{score.n} / {score.unparsed}") if score else ("–", "–")


def _indented(console: Console):
    return lambda text: console.print(f"  {text}", markup=False, highlight=False, soft_wrap=True)
