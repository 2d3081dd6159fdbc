"""What is left of a cell in its folder, and the lines of `cells.csv` that it comes to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.tables.cells import Cell, outcomes_of
from edt.types import Report, from_json

if TYPE_CHECKING:
    from edt.sweep.plan import PlannedCell

OUTCOME, LOG, REPORT = "outcome.json", "log.txt", "report.json"
SPLITS = ("validation", "test")


def write_outcome(folder: Path, *, state: str, digest: str, reason: str = "", seconds: float = 0.0) -> None:
    """`outcome.json`, whole or not at all: the last thing that is written of a cell."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"{OUTCOME}.new"
    data = {"state": state, "digest": digest, "reason": reason, "seconds": round(seconds, 2)}
    beside.write_text(json.dumps(data, ensure_ascii=False) + "\n", "utf-8")
    beside.replace(folder / OUTCOME)


def read_outcome(folder: Path) -> dict[str, Any] | None:
    """How the cell of that folder ended; None where it has not, or what it left cannot be read."""
    try:
        data = json.loads((folder / OUTCOME).read_text("utf-8"))
        if data["state"] == "measured":
            read_report(folder)  # what cannot be read is run again
        return {name: str(data[name]) for name in ("state", "digest", "reason")}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_report(folder: Path) -> Report:
    return from_json(Report, json.loads((folder / REPORT).read_text("utf-8")))


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
    }
    splits = SPLITS if config.test_split else SPLITS[:1]
    outcome = read_outcome(folder)
    if outcome is None or planned.state == "missing":
        reason = planned.reason or ("its configuration or its parts have changed" if outcome else "not run yet")
        return [Cell(**place, split=split, state="missing", reason=reason) for split in splits]
    if outcome["state"] == "failed":
        return [Cell(**place, split=split, state="failed", reason=outcome["reason"]) for split in splits]
    report = read_report(folder)
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
