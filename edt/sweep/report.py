"""One HTML file a table, with everything in it: the table, the plots, and every error from picture to picks.

Knows runs' reports and the page's data; how the page behaves is in page.html.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from edt.build import Builder
from edt.paths import write_whole
from edt.protocols import Supporting, Task
from edt.sweep.pictures import Pictures, plot
from edt.sweep.plan import PlannedCell
from edt.sweep.record import report_of
from edt.sweep.rendering import Rendered
from edt.sweep.runs import run_lines, without_places
from edt.tables.gaps import predictions_after
from edt.tables.page import page_of
from edt.tables.render import html_differences, html_table
from edt.types import Report, Sample, by_id, picked_of

PAGE = Path(__file__).with_name("page.html")
PICKS = 4
"""Picks that are shown of each error."""


def write_report(rendered: Rendered, planned: Sequence[PlannedCell], output: Path) -> Path:
    """`output/report.html`. Every run of the table is listed; errors are shown of those that looked at any."""
    pictures = Pictures()
    builder = Builder()
    errors: list[dict[str, Any]] = []
    found = {cell.spec.name: report_of(cell, output / cell.spec.name) for cell in planned}
    reports = {run: report for run, report in found.items() if report is not None}
    runs = run_lines(rendered.cells, rendered.rounds, reports, output)
    listed = {run["run"] for run in runs}
    for cell in planned:
        if cell.teacher and cell.spec.name in listed and (report := reports.get(cell.spec.name)):
            parts = builder.parts(cell.config)
            errors += errors_of(cell, report, parts.task, parts.supporting, pictures)
    known = _known({"runs": runs, "errors": errors, "pictures": pictures.data})
    data = json.dumps(known, ensure_ascii=False, allow_nan=False)
    filled = {
        "TITLE": html.escape(page_of(rendered.wide).title),
        "TABLE": html_table(rendered.wide, lambda run: f"#run={quote(run, safe='')}"),
        "NOTES": "".join(f"<li>{html.escape(without_places(note))}</li>" for note in page_of(rendered.wide).notes),
        "DIFFERENCES": html_differences(rendered.wide),
        "PLOTS": "".join(plot(path) for path in rendered.files if path.suffix == ".png"),
        "DATA": data.replace("<", "\\u003c"),  # so that no text of theirs ends the script that holds it
    }
    text = re.sub(r"\{\{([A-Z]+)\}\}", lambda found: filled[found[1]], PAGE.read_text("utf-8"))
    path = output / "report.html"
    write_whole(path, text)
    return path


def errors_of(
    cell: PlannedCell, report: Report, task: Task, supporting: Supporting, pictures: Pictures
) -> list[dict[str, Any]]:
    """All errors of all rounds of one run, as the page wants them."""
    samples = by_id(task.validation)
    pool = picked_of(supporting.samples, report.picks)
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
                        {
                            "steps": weights.steps,
                            "shares": {option: round(share, 4) for option, share in weights.probabilities.items()},
                        }
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


def _pick(sample: Sample, rank: int | None, score: float | None, root: Path, pictures: Pictures) -> dict[str, Any]:
    return {
        "sample": sample.id,
        "picture": pictures.add(root / sample.image),
        "question": sample.question,
        "answer": sample.answer,
        "rank": rank,
        "score": score,
    }


def _known(value: Any) -> Any:
    """The same data with None for NaN and infinities, which are no JSON: a browser would show nothing at all."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _known(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_known(one) for one in value]
    return value
