"""What is left of a cell in its folder, and the lines of `cells.csv` that it comes to."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.errors import EdtError
from edt.paths import write_whole
from edt.tables.cells import Cell, outcomes_of, read_cells
from edt.types import Report, from_json

if TYPE_CHECKING:
    from edt.sweep.plan import PlannedCell

OUTCOME, LOG, REPORT = "outcome.json", "log.txt", "report.json"
log = logging.getLogger("edt")
SPLITS = ("validation", "test")


def write_outcome(folder: Path, *, state: str, digest: str, reason: str = "", seconds: float = 0.0) -> None:
    """`outcome.json`, whole or not at all: the last thing that is written of a cell."""
    data = {"state": state, "digest": digest, "reason": reason, "seconds": round(seconds, 2)}
    write_whole(folder / OUTCOME, json.dumps(data, ensure_ascii=False) + "\n")


def read_outcome(folder: Path) -> dict[str, Any] | None:
    """How the cell of that folder ended; None where it has not, or what it left cannot be read."""
    try:
        data = json.loads((folder / OUTCOME).read_text("utf-8"))
        if data["state"] == "measured":
            read_report(folder)  # what cannot be read is run again
        return {name: str(data[name]) for name in ("state", "digest", "reason")}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def read_report(folder: Path) -> Report:
    """Raises OSError, ValueError or TypeError where there is none, or only a part of one."""
    report = from_json(Report, json.loads((folder / REPORT).read_text("utf-8")))
    if not set(report.predictions) == {name for name in SPLITS if getattr(report, name) is not None}:
        raise ValueError(f"{folder / REPORT} has not the predictions of each of its scores")
    return report


def state_of(digest: str, folder: Path, kept: Sequence[Cell]) -> str:
    """`measured` or `failed`, as that very cell ended here or in an earlier table; `missing` otherwise."""
    outcome = read_outcome(folder)
    same = outcome is not None and digest != "" and outcome["digest"] == digest
    if kept and not (same and outcome and outcome["state"] == "measured"):
        return "measured"
    return outcome["state"] if outcome and same else "missing"


def kept_cells(paths: Sequence[Path]) -> dict[str, tuple[Cell, ...]]:
    """Measured lines of earlier tables by their run's digest. A file that cannot be read has none, and is named."""
    found: dict[str, dict[str, Cell]] = {}
    for path in paths:
        if not path.is_file():
            continue
        try:
            cells = read_cells(path)
        except (EdtError, OSError, ValueError, csv.Error) as error:
            log.warning("nothing is taken from an earlier table, %s: %s", path, error)
            continue
        for cell in cells:
            if cell.state == "measured" and cell.digest:
                found.setdefault(cell.digest, {})[cell.split] = cell
    return {digest: tuple(lines.values()) for digest, lines in found.items()}


def report_of(planned: PlannedCell, folder: Path) -> Report | None:
    """What the run in `folder` reported, where it is a run of that very cell and came to its end."""
    outcome = read_outcome(folder)
    if outcome is None or (outcome["state"], outcome["digest"]) != ("measured", planned.digest):
        return None
    return read_report(folder)


def cells_from(planned: Sequence[PlannedCell], output: Path) -> list[Cell]:
    """Two lines a run, one a split; a run that is not there, or failed, has its state and its reason."""
    return [cell for one in planned for cell in _lines(one, output / one.spec.name)]


def _lines(planned: PlannedCell, folder: Path) -> list[Cell]:
    spec, config = planned.spec, planned.config
    place: dict[str, Any] = {
        "table": spec.table,
        "task": spec.task,
        "method": spec.method,
        "scale": spec.scale,
        "student": planned.student,
        "teacher": planned.teacher,
        "seed": spec.seed,
        "run": spec.name,
        "digest": planned.digest,
    }
    splits = SPLITS if config.test_split else SPLITS[:1]
    report = report_of(planned, folder)
    if report is None and planned.kept:
        return [replace(cell, **place) for cell in planned.kept]
    if report is None:
        outcome = read_outcome(folder)
        if outcome and planned.state == "failed":
            return [Cell(**place, split=split, state="failed", reason=outcome["reason"]) for split in splits]
        reason = planned.reason or ("its configuration or its parts have changed" if outcome else "not run yet")
        return [Cell(**place, split=split, state="missing", reason=reason) for split in splits]
    picks = [pick for record in report.rounds for pick in record.picks]
    lines = []
    for split in splits:
        score = report.validation if split == "validation" else report.test
        assert score is not None
        lines.append(
            Cell(
                **place,
                split=split,
                state="measured",
                score=score.score,
                n=score.n,
                unparsed=score.unparsed,
                filled=sum(not pick.targeted for pick in picks) if planned.targeted else 0,
                trained_samples=len(picks),
                outcomes=outcomes_of(report.predictions[split]),
            )
        )
    return lines
