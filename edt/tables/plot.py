"""A picture of gaps over rounds. Knows matplotlib, and imports it only to draw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edt.tables.gaps import GapLine

WIDTH = 46
"""Characters of a skill's text that fit beside its bars."""


def plot_gaps(lines: Sequence[GapLine], path: Path, *, title: str, most: int = 12) -> Path | None:
    """Bars a gap and round: its errors, and how many of them were mended; None where there is no gap to draw."""
    if not lines:
        return None
    import matplotlib as mpl

    with mpl.rc_context({"text.parse_math": False}):  # a teacher's skill may have dollar signs
        return _plot(lines, path, title=title, most=most)


def _plot(lines: Sequence[GapLine], path: Path, *, title: str, most: int) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    totals: dict[str, int] = {}
    for line in lines:
        totals[line.skill] = totals.get(line.skill, 0) + line.errors
    skills = sorted(totals, key=lambda skill: (-totals[skill], skill))[:most]
    rounds = sorted({line.round for line in lines})
    figure = Figure(figsize=(8.5, 1.2 + 0.42 * len(skills) * max(1, len(rounds) * 0.7)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    height = 0.8 / len(rounds)
    for number, index in enumerate(rounds):
        by_skill = {line.skill: line for line in lines if line.round == index}
        places = [row + (number - (len(rounds) - 1) / 2) * height for row in range(len(skills))]
        errors = [by_skill[skill].errors if skill in by_skill else 0 for skill in skills]
        mended = [by_skill[skill].mended if skill in by_skill else 0 for skill in skills]
        axes.barh(places, errors, height * 0.9, color=f"C{number}", alpha=0.3, label=f"round {index}: errors")
        axes.barh(places, mended, height * 0.9, color=f"C{number}", label=f"round {index}: right after tuning")
    axes.set_yticks(range(len(skills)), [_short(skill) for skill in skills])
    axes.invert_yaxis()
    axes.set_xlabel("errors on the validation split")
    axes.set_title(title)
    axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    return path


def _short(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"
