"""Score against the number of training samples, a panel a task and one for their mean. Knows a wide table, no run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edt.paths import replacing
from edt.tables.terminal import NAMES
from edt.tables.wide import MEAN, Row, Wide

FORMATS = ("svg", "png")
COLOURS = ("#3b6ea8", "#b8542a", "#4d8b4b", "#7d5ba6", "#8a8a2f", "#555555")
"""By method, in the table's order; the ceiling and the untuned student are lines of their own."""


def plot_scores(wide: Wide, samples: Mapping[str, int], folder: Path) -> list[Path]:
    """`scores.svg` and `.png`: the same bytes for the same table. `samples` is how many a scale has.

    Bands are one standard deviation over seeds; the ceiling is the line of Full Data.
    Returns nothing where no method was tuned at any scale.
    """
    columns = [*wide.tasks, MEAN]
    tuned = [row for row in wide.rows if row.scale in samples and row.method != wide.ceiling]
    if not tuned:
        return []
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    with mpl.rc_context({"svg.hashsalt": "edt", "svg.fonttype": "none", "font.size": 9}):
        across = min(4, len(columns))
        down = -(-len(columns) // across)
        figure, panels = plt.subplots(down, across, figsize=(3.1 * across, 2.6 * down), squeeze=False, sharex=True)
        flat: list[Any] = [panel for line in panels for panel in line]
        for panel, column in zip(flat, columns, strict=False):
            _panel(panel, wide, tuned, column, samples)
        for panel in flat[len(columns) :]:
            panel.set_axis_off()
        handles = {
            label: line for panel in flat for line, label in zip(*panel.get_legend_handles_labels(), strict=True)
        }
        figure.legend(list(handles.values()), list(handles), loc="outside upper center", ncols=6, frameon=False)
        figure.supxlabel("training samples")
        figure.supylabel(f"{wide.split} accuracy, %")
        figure.tight_layout(rect=(0, 0, 1, 0.92 if down > 1 else 0.86))
        paths = [folder / f"scores.{kind}" for kind in FORMATS]
        for path in paths:
            metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
            with replacing(path) as beside:
                figure.savefig(beside, dpi=150, metadata=metadata)
        plt.close(figure)
    return paths


def _panel(panel: Any, wide: Wide, tuned: Sequence[Row], column: str, samples: Mapping[str, int]) -> None:
    methods = list(dict.fromkeys(row.method for row in tuned))
    for method, colour in zip(methods, COLOURS * len(methods), strict=False):
        points = sorted(
            (samples[row.scale], 100 * entry.mean, 100 * (entry.std or 0.0))
            for row in tuned
            if row.method == method and (entry := row.entries[column]).mean is not None
        )
        if not points:
            continue
        at, means, stds = zip(*points, strict=True)
        panel.plot(at, means, marker="o", markersize=3, color=colour, label=NAMES.get(method, method))
        low, high = ([m + sign * s for m, s in zip(means, stds, strict=True)] for sign in (-1, 1))
        panel.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
    for row in wide.rows:
        mean = row.entries[column].mean
        if row not in tuned and mean is not None:
            style = "--" if row.method == wide.ceiling else ":"
            panel.axhline(100 * mean, linestyle=style, color="#222222", label=NAMES.get(row.method, row.method))
    panel.set_title(column)
    panel.set_xscale("log")
    panel.set_xticks(sorted(set(samples.values())), [str(n) for n in sorted(set(samples.values()))])
    panel.minorticks_off()
