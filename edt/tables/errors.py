"""Errors as rows for a reader: the picture, the steps, the blame, the skill. Knows no renderer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edt.protocols import Task
from edt.types import ErrorSample, Gap, Mistake


def error_rows(
    task: Task, errors: Sequence[ErrorSample], mistakes: Sequence[Mistake], gaps: Sequence[Gap]
) -> list[dict[str, Any]]:
    """A row of plain data an error, in order; `picture` is the path of a file."""
    return [
        {
            "sample": error.sample.id,
            "picture": str(task.root / error.sample.image),
            "question": error.sample.question,
            "gold": error.sample.answer,
            "answer": error.prediction.answer,
            "steps": list(error.prediction.steps),
            "blamed": mistake.step,
            "why": mistake.reason,
            "skill": gap.skill,
            "state": gap.state,
        }
        for error, mistake, gap in zip(errors, mistakes, gaps, strict=True)
    ]
