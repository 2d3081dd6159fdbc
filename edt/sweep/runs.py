"""What a table's page says of each run: how it ended, what it came to and what it found. Knows no format."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edt.sweep.record import read_outcome
from edt.tables.cells import Cell
from edt.tables.findings import TITLES
from edt.tables.rounds import STAGES, RoundLine
from edt.tables.terminal import change_sentence
from edt.types import Report

PLACE = re.compile(r"(?:(?<=file://)|(?<![\w.~/:<…]))/(?:[^\s/'\"<>:;,()]+/)*(?=[\w.])")
"""The folders of an absolute path, as it stands in a sentence."""


def without_places(text: str) -> str:
    """A sentence whose absolute paths are their last names: where files lie on one machine helps no other reader."""
    return PLACE.sub("…/", text)


def run_lines(
    cells: Sequence[Cell], rounds: Sequence[RoundLine], reports: Mapping[str, Report], output: Path
) -> list[dict[str, Any]]:
    """A line a run, in the order of the table's cells; `reports` are of those whose files are in `output`."""
    splits: dict[str, list[Cell]] = {}
    for cell in cells:
        splits.setdefault(cell.run, []).append(cell)
    spent = _seconds(rounds)
    return [
        {
            "run": run,
            "state": own[0].state,
            "reason": without_places(own[0].reason),
            "scores": {
                c.split: {"score": c.score, "percent": f"{100 * c.score:.1f}", "n": c.n, "unparsed": c.unparsed}
                for c in own
                if c.score is not None
            },
            "trained": own[0].trained_samples,
            "filled": own[0].filled,
            "seconds": spent.get(run, {}),
            "folder": f"{output.name}/{run}" if _is_of(own[0], output / run) else "",
            "looks": bool(own[0].teacher),
            **_found(reports.get(run) if own[0].state == "measured" else None),
        }
        for run, own in splits.items()
    ]


def _is_of(cell: Cell, folder: Path) -> bool:
    """Whether that very run is in the folder: one with other options may have taken its place since.

    Of one that has not come to its end, what it has left so far.
    """
    if (outcome := read_outcome(folder)) is None:
        return cell.state == "missing" and folder.is_dir()
    return outcome["digest"] == cell.digest


def _seconds(rounds: Sequence[RoundLine]) -> dict[str, dict[str, float]]:
    """By run and stage, what it cost to make, by that run or by whichever made it."""
    spent: dict[str, dict[str, float]] = {}
    for line in rounds:
        of_run = spent.setdefault(line.run, dict.fromkeys(STAGES, 0.0))
        for stage in STAGES:
            of_run[stage] = round(of_run[stage] + line.seconds(stage), 2)
    return {run: {stage: seconds for stage, seconds in of.items() if seconds} for run, of in spent.items()}


def _found(report: Report | None) -> dict[str, Any]:
    """How its gaps went and its signs of failure; null where there is no report of it here."""
    if report is None:
        return {"course": None, "findings": None}
    stopped = [f"stopped early, {report.stopped}"] if report.stopped else []
    return {
        "course": [*map(change_sentence, report.changes), *stopped],
        "findings": [
            {"title": TITLES[finding.name], "state": finding.state, "evidence": finding.evidence}
            for finding in report.findings
        ],
    }
