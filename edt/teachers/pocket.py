"""The teacher of the embedded benchmark: SmolLM2 with an adapter that is kept in the repository."""

from __future__ import annotations

from pathlib import Path

from edt.paths import pocket_root
from edt.teachers.local import LocalTeacher

WEIGHTS = Path(__file__).parents[1] / "pocket" / "weights" / "teacher"


def pocket_teacher(
    *, batch_size: int = 16, tree: bool = True, source: str = "local", calls: str | None = None
) -> LocalTeacher:
    """The teacher; its language model comes with Pocket's set-up, its adapter with this package."""
    return LocalTeacher(
        pocket_root() / "language_model",
        adapter=WEIGHTS,
        name="pocket",
        chat="chatml",
        batch_size=batch_size,
        tree=tree,
        one_line=True,
        source=source,
        calls=calls,
        missing="run `python -m edt.pocket.setup`",
    )


def untaught_teacher(*, batch_size: int = 16, tree: bool = True) -> LocalTeacher:
    """The same language model before its lessons, to compare the teacher with."""
    return LocalTeacher(
        pocket_root() / "language_model",
        name="pocket_untaught",
        chat="chatml",
        batch_size=batch_size,
        tree=tree,
        one_line=True,
        missing="run `python -m edt.pocket.setup`",
    )
