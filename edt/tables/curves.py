"""Score against the number of training samples, a panel a task and one for their mean. Knows a wide table, no run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edt.tables.figures import Panels, draw, line_with_band, looks_of
from edt.tables.shape import MEAN, Row, Wide
from edt.tables.terminal import NAMES


def plot_scores(wide: Wide, samples: Mapping[str, int], folder: Path) -> list[Path]:
    """`scores.svg` and `.png`: the same bytes for the same table. `samples` is how many a scale has.

    Bands are one standard deviation over seeds; the ceiling is the line of Full Data.
    Returns nothing where no method was tuned at any scale.
    """
    columns = [*wide.tasks, MEAN]
    tuned = [row for row in wide.rows if row.scale in samples and row.method != wide.ceiling]
    if not tuned:
        return []

    def fill(panels: Panels) -> None:
        for panel, column in zip(panels, columns, strict=True):
            _panel(panel, wide, tuned, column, samples)

    labels = ("training samples", f"{wide.split} accuracy, %")
    return draw("scores", folder, len(columns), fill, labels=labels)


def _panel(panel: Any, wide: Wide, tuned: Sequence[Row], column: str, samples: Mapping[str, int]) -> None:
    for method, looks in looks_of(list(dict.fromkeys(row.method for row in tuned))).items():
        points = sorted(
            (samples[row.scale], 100 * entry.mean, 100 * (entry.std or 0.0))
            for row in tuned
            if row.method == method and (entry := row.entries[column]).mean is not None
        )
        if points:
            line_with_band(panel, *zip(*points, strict=True), **looks)
    for row in wide.rows:
        mean = row.entries[column].mean
        if row not in tuned and mean is not None:
            style = "--" if row.method == wide.ceiling else ":"
            panel.axhline(100 * mean, linestyle=style, color="#222222", label=NAMES.get(row.method, row.method))
    panel.set_title(column)
    panel.set_xscale("log")
    panel.set_xticks(sorted(set(samples.values())), [str(n) for n in sorted(set(samples.values()))])
    panel.minorticks_off()
