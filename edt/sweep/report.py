"""One HTML file a table, with everything in it: the table, the plots, and every error from picture to picks.

Knows runs' reports and the page's data; how the page behaves is in page.html.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edt.build import Builder
from edt.paths import write_whole
from edt.protocols import Supporting, Task
from edt.sweep.plan import PlannedCell
from edt.sweep.record import report_of
from edt.tables.gaps import predictions_after
from edt.tables.page import page_of
from edt.tables.render import html_differences, html_notes, html_table
from edt.tables.shape import Wide
from edt.types import Report, Sample, by_id

PAGE = Path(__file__).with_name("page.html")
PICKS = 4
"""Picks that are shown of each error."""
PLOTTED = {
    "scores": "Score against training samples, by task",
    "gaps": "Gaps over the rounds: closed, persisting and new, by method and scale",
    "rounds": "Validation score over the rounds, by method",
    "time": "Where the time of a run went, by method and scale",
}
KINDS = {".webp": "image/webp", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


def write_report(wide: Wide, planned: Sequence[PlannedCell], output: Path, plots: Sequence[Path]) -> Path:
    """`output/report.html`; runs whose method looks at no error have none to show."""
    pictures = _Pictures()
    builder = Builder()
    errors: list[dict[str, Any]] = []
    for cell in planned:
        if cell.teacher and (report := report_of(cell, output / cell.spec.name)):
            parts = builder.parts(cell.config)
            errors += errors_of(cell, report, parts.task, parts.supporting, pictures)
    known = {str(error["run"]) for error in errors}
    data = json.dumps({"errors": errors, "pictures": pictures.data}, ensure_ascii=False)
    filled = {
        "TITLE": html.escape(page_of(wide).title),
        "TABLE": html_table(wide, lambda run: f"#run={run}" if run in known else None),
        "NOTES": html_notes(wide),
        "DIFFERENCES": html_differences(wide),
        "PLOTS": "".join(_plot(path) for path in plots if path.suffix == ".png"),
        "DATA": data.replace("</", "<\\/"),
    }
    text = re.sub(r"\{\{([A-Z]+)\}\}", lambda found: filled[found[1]], PAGE.read_text("utf-8"))
    path = output / "report.html"
    write_whole(path, text)
    return path


class _Pictures:
    """Pictures as data, each once."""

    def __init__(self) -> None:
        self.data: dict[str, str] = {}

    def add(self, path: Path) -> str:
        """The name under which the page finds it; a picture that cannot be read is an empty one."""
        name = path.name if path.name not in self.data else str(path)
        if name not in self.data:
            self.data[name] = _embedded(path)
        return name


def _embedded(path: Path) -> str:
    try:
        content = base64.b64encode(path.read_bytes()).decode()
    except OSError:
        return "data:,"
    return f"data:{KINDS.get(path.suffix.lower(), 'application/octet-stream')};base64,{content}"


def _plot(path: Path) -> str:
    return f'<img class="plot" src="{_embedded(path)}" alt="{PLOTTED[path.stem]}">'


def errors_of(
    cell: PlannedCell, report: Report, task: Task, supporting: Supporting, pictures: _Pictures
) -> list[dict[str, Any]]:
    """All errors of all rounds of one run, as the page wants them."""
    samples, pool = by_id(task.validation), by_id(supporting.samples)
    lines = []
    for number, record in enumerate(report.rounds):
        before = {p.sample_id: p for p in record.predictions}
        after = {p.sample_id: p for p in predictions_after(report, number)}
        for mistake, gap in zip(record.mistakes, record.gaps, strict=True):
            sample, said, then = samples[gap.sample_id], before[gap.sample_id], after[gap.sample_id]
            picks = [pick for pick in record.picks if pick.error_id == gap.sample_id]
            lines.append(
                {
                    "task": cell.spec.task,
                    "method": cell.spec.method,
                    "run": cell.spec.name,
                    "round": record.index,
                    "sample": sample.id,
                    "picture": pictures.add(task.root / sample.image),
                    "question": sample.question,
                    "gold": sample.answer,
                    "answer": said.answer,
                    "steps": said.steps,
                    "blamed": mistake.step,
                    "reason": mistake.reason,
                    "evidence": [
                        {option: round(share, 4) for option, share in weights.probabilities.items()}
                        for weights in mistake.evidence
                    ],
                    "skill": gap.skill,
                    "state": gap.state,
                    "answer_after": then.answer,
                    "after": then.outcome.value,
                    "picked": len(picks),
                    "picks": [
                        _pick(pool[pick.sample_id], pick.rank, pick.score, supporting.root, pictures)
                        for pick in picks[:PICKS]
                    ],
                }
            )
    return lines


def _pick(sample: Sample, rank: int | None, score: float | None, root: Path, pictures: _Pictures) -> dict[str, Any]:
    return {
        "sample": sample.id,
        "picture": pictures.add(root / sample.image),
        "question": sample.question,
        "answer": sample.answer,
        "rank": rank,
        "score": score or 0.0,
    }
