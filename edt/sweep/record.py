"""What is left of a cell in its folder, and the lines of `cells.csv` and `rounds.csv` that it comes to."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.errors import EdtError
from edt.paths import write_whole
from edt.store.stages import NOTES
from edt.tables.cells import SPLITS, Cell, outcomes_of, questions_of, read_cells, write_cells
from edt.tables.rounds import RoundLine, read_rounds, rounds_of, write_rounds
from edt.types import Report, from_json

if TYPE_CHECKING:
    from edt.sweep.plan import PlannedCell

OUTCOME, LOG, REPORT = "outcome.json", "log.txt", "report.json"
CELLS, ROUNDS, SWEEPS = "cells.csv", "rounds.csv", "sweeps.jsonl"
UNREADABLE = (OSError, ValueError, KeyError, TypeError, RecursionError)
"""What reading a file of a run raises that is not there, or is not whole."""
log = logging.getLogger("edt")


@dataclass(frozen=True, kw_only=True)
class Lines:
    """What one run comes to in a table's long files."""

    cells: tuple[Cell, ...] = ()
    rounds: tuple[RoundLine, ...] = ()


def write_outcome(folder: Path, *, state: str, digest: str, reason: str = "", seconds: float = 0.0) -> None:
    """`outcome.json`, whole or not at all: the last thing that is written of a cell."""
    data = {"state": state, "digest": digest, "reason": reason, "seconds": round(seconds, 2)}
    write_whole(folder / OUTCOME, json.dumps(data, ensure_ascii=False) + "\n")


def read_outcome(folder: Path) -> dict[str, Any] | None:
    """How the cell of that folder ended; None where it has not, or what it left cannot be read."""
    return _left(folder)[0]


def _left(folder: Path) -> tuple[dict[str, Any] | None, Report | None]:
    """A cell's outcome, with its report where it was measured: what cannot be read is as if it were not there."""
    try:
        data = json.loads((folder / OUTCOME).read_text("utf-8"))
        outcome = {name: str(data[name]) for name in ("state", "digest", "reason")}
        return outcome, read_report(folder) if outcome["state"] == "measured" else None
    except UNREADABLE:
        return None, None


def read_report(folder: Path) -> Report:
    """Raises one of `UNREADABLE` where there is none, or only a part of one."""
    report = from_json(Report, json.loads((folder / REPORT).read_text("utf-8")))
    if not set(report.predictions) == {name for name in SPLITS if getattr(report, name) is not None}:
        raise ValueError(f"{folder / REPORT} has not the predictions of each of its scores")
    return report


def has_report(folder: Path) -> bool:
    """Whether a run left a whole one."""
    try:
        read_report(folder)
    except UNREADABLE:
        return False
    return True


def state_of(digest: str, folder: Path, kept: Sequence[Cell]) -> str:
    """`measured` or `failed`, as that very cell ended here or in an earlier table; `missing` otherwise."""
    outcome = read_outcome(folder)
    same = outcome is not None and digest != "" and outcome["digest"] == digest
    if kept and not (same and outcome and outcome["state"] == "measured"):
        return "measured"
    return outcome["state"] if outcome and same else "missing"


def stages_are_here(digest: str, folder: Path) -> bool:
    """Whether that very cell was run in `folder`, and every stage that it used is still in the store."""
    outcome = read_outcome(folder)
    if outcome is None or outcome["digest"] != digest:
        return False
    try:
        lines = (folder / NOTES).read_text("utf-8").splitlines()
        return all(Path(json.loads(line)["folder"]).is_dir() for line in lines)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def kept_lines(paths: Sequence[Path]) -> dict[str, Lines]:
    """Measured lines of earlier tables, by their run's digest. A file that cannot be read has none, and is named.

    `paths` are `cells.csv` files; the `rounds.csv` beside one is read with it, where there is one.
    """
    cells: dict[str, dict[str, Cell]] = {}
    rounds: dict[str, dict[int, RoundLine]] = {}
    for path in paths:
        if not path.is_file():
            continue
        try:
            read = read_cells(path)
        except (EdtError, OSError) as error:
            log.warning("nothing is taken from an earlier table: %s", error)
            continue
        for cell in read:
            if cell.state == "measured" and cell.digest:
                cells.setdefault(cell.digest, {})[cell.split] = cell
        for line in _rounds_beside(path):
            rounds.setdefault(line.digest, {})[line.round] = line
    return {
        digest: Lines(cells=tuple(lines.values()), rounds=tuple(rounds.get(digest, {}).values()))
        for digest, lines in cells.items()
    }


def _rounds_beside(cells: Path) -> list[RoundLine]:
    path = cells.with_name(ROUNDS)
    try:
        return read_rounds(path) if path.is_file() else []
    except EdtError as error:
        log.warning("no rounds are taken from an earlier table: %s", error)
        return []


def report_of(planned: PlannedCell, folder: Path) -> Report | None:
    """What the run in `folder` reported, where it is a run of that very cell and came to its end."""
    outcome, report = _left(folder)
    return report if outcome and outcome["digest"] == planned.digest else None


def write_record(lines: Sequence[Lines], place: Path) -> None:
    """`cells.csv` and `rounds.csv` in `place`."""
    write_rounds([line for one in lines for line in one.rounds], place / ROUNDS)
    write_cells([cell for one in lines for cell in one.cells], place / CELLS)


def lines_of(planned: PlannedCell, folder: Path, *, failure: str = "") -> Lines:
    """A cell a split; a run that is not there, or failed, has its state, its reason and no round.

    `failure` says why it failed where it could leave no outcome.
    """
    spec, config = planned.spec, planned.config
    shared: dict[str, Any] = {
        "table": spec.table,
        "task": spec.task,
        "method": spec.method,
        "scale": spec.scale,
        "seed": spec.seed,
        "run": spec.name,
        "digest": planned.digest,
    }
    place: dict[str, Any] = {**shared, "student": planned.student, "teacher": planned.teacher}
    splits = SPLITS if config.test_split else SPLITS[:1]
    report = report_of(planned, folder)
    if report is None and planned.kept.cells:
        return Lines(
            cells=tuple(replace(cell, **place) for cell in planned.kept.cells),
            rounds=tuple(replace(line, **shared) for line in planned.kept.rounds),
        )
    if report is None:
        outcome = read_outcome(folder)
        same = outcome is not None and outcome["digest"] == planned.digest != ""
        if outcome and same and outcome["state"] == "failed":
            state, reason = "failed", outcome["reason"]
        elif failure:
            state, reason = "failed", failure
        else:
            gone = "its configuration or its parts have changed" if outcome else "not run yet"
            state, reason = "missing", planned.reason or gone
        return Lines(cells=tuple(Cell(**place, split=split, state=state, reason=reason) for split in splits))
    cells = tuple(_cell(planned, report, split, place) for split in splits)
    rounds = rounds_of(report, shared, looks=bool(planned.teacher), targeted=planned.targeted)
    return Lines(cells=cells, rounds=tuple(rounds))


def _cell(planned: PlannedCell, report: Report, split: str, place: dict[str, Any]) -> Cell:
    score = report.validation if split == "validation" else report.test
    assert score is not None
    picks = report.picks
    return Cell(
        **place,
        split=split,
        state="measured",
        score=score.score,
        n=score.n,
        unparsed=score.unparsed,
        filled=sum(not pick.targeted for pick in picks) if planned.targeted else 0,
        trained_samples=len(picks),
        outcomes=outcomes_of(report.predictions[split]),
        questions=questions_of(report.predictions[split]),
    )
