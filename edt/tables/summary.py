"""The figures of several methods on one task as plain data. Knows the layout of `summary.json`."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edt.paths import write_whole
from edt.store.stages import StageNote
from edt.types import Report, Score


def summary(
    reports: Mapping[str, Report], notes: Iterable[StageNote], *, wall_seconds: float, peak_rss_mb: float
) -> dict[str, Any]:
    """Scores by method and split, seconds by stage, memory, and the share of time spent outside models.

    A stage that methods share is counted once.  `seconds` is what making the
    results cost, now or earlier; the share is of this run alone, and null
    where everything came from the store.
    """
    notes = list(notes)
    inside = sum(note.seconds_in_model for note in notes)
    worked = any(not note.reused for note in notes)
    return {
        "task": next(iter(reports.values())).task,
        "seconds": seconds_by_stage(notes),
        "wall_seconds": round(wall_seconds, 2),
        "share_outside_models": round(max(0.0, 1 - inside / wall_seconds), 4) if worked else None,
        "peak_rss_mb": round(peak_rss_mb, 1),
        "methods": {
            method: {
                split: _scores(score)
                for split, score in (("validation", report.validation), ("test", report.test))
                if score is not None
            }
            for method, report in reports.items()
        },
    }


def seconds_by_stage(notes: Sequence[StageNote]) -> dict[str, float]:
    """What each stage cost to make, shared results once."""
    distinct = {(note.stage, note.key): note.seconds for note in notes}
    totals: dict[str, float] = {}
    for (stage, _), seconds in distinct.items():
        totals[stage] = totals.get(stage, 0.0) + seconds
    return {stage: round(seconds, 2) for stage, seconds in totals.items()}


def peak_rss_mb() -> float:
    """The most memory that this process held at once, in MB of 10^6 bytes, and beside it the largest living child's.

    `getrusage` will not do where there is /proc: a started program inherits
    there, as its own peak, what the one that started it held.
    """
    unit = 1 if sys.platform == "darwin" else 1024
    own = _held("self") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    children = (child for listed in Path("/proc/self/task").glob("*/children") for child in listed.read_text().split())
    return (own + max(map(_held, children), default=0)) / 1e6


def _held(process: str) -> int:
    """The most bytes that a living process held; 0 for one that has ended, or on a system that does not tell."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024


def write_summary(path: Path, data: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    write_whole(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def _scores(score: Score) -> dict[str, Any]:
    return {
        "score": round(score.score, 4),
        "n": score.n,
        "unparsed": score.unparsed,
        "low": round(score.low, 4),
        "high": round(score.high, 4),
    }
