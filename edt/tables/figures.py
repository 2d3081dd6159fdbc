"""How every plot of a table is made and kept: the same bytes for the same data, as SVG and PNG. Knows no data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edt.paths import replacing
from edt.tables.terminal import NAMES

FORMATS = ("svg", "png")
DPI = 150
COLOURS = ("#3b6ea8", "#b8542a", "#4d8b4b", "#7d5ba6", "#8a8a2f", "#555555")
"""By method, in the table's order; the ceiling and the untuned student are lines of their own."""
MARKERS = ("o", "s", "^", "D", "v", "P")
"""By method too, for whom colours alone do not tell lines apart."""

Panels = Sequence[Any]


def draw(
    stem: str,
    folder: Path,
    panels: int,
    fill: Callable[[Panels], None],
    *,
    across: int = 4,
    size: tuple[float, float] = (3.1, 2.6),
    labels: tuple[str, str],
    share_y: bool = False,
) -> list[Path]:
    """`STEM.svg` and `.png` of that many panels, each of `size` inches, with one legend and `labels` of both axes."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    # dollar signs in names are themselves, not maths
    with mpl.rc_context({"svg.hashsalt": "edt", "svg.fonttype": "none", "font.size": 9, "text.parse_math": False}):
        across = min(across, panels)
        down = -(-panels // across)
        wide, high = size[0] * across, size[1] * down
        figure, grid = plt.subplots(
            down,
            across,
            figsize=(wide, high),
            squeeze=False,
            sharex=True,
            sharey=share_y,
            layout="constrained",
        )
        flat: list[Any] = [panel for line in grid for panel in line]
        fill(flat[:panels])
        for panel in flat[panels:]:
            panel.set_axis_off()
        handles = {
            label: line for panel in flat for line, label in zip(*panel.get_legend_handles_labels(), strict=True)
        }
        figure.legend(
            list(handles.values()),
            list(handles),
            loc="outside upper center",
            ncols=min(6, max(1, int(wide / 1.8))),  # inches that an entry takes
            frameon=False,
        )
        figure.supxlabel(labels[0])
        figure.supylabel(labels[1])
        paths = [folder / f"{stem}.{kind}" for kind in FORMATS]
        for path in paths:
            metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
            with replacing(path) as beside:
                figure.savefig(beside, dpi=DPI, metadata=metadata)
        plt.close(figure)
    return paths


def line_with_band(
    panel: Any, at: Sequence[float], means: Sequence[float], stds: Sequence[float], **looks: Any
) -> None:
    """Points joined by a line, and one standard deviation to both sides."""
    panel.plot(at, means, markersize=3, **looks)
    low, high = ([m + sign * s for m, s in zip(means, stds, strict=True)] for sign in (-1, 1))
    panel.fill_between(at, low, high, color=looks["color"], alpha=0.15, linewidth=0)


def looks_of(methods: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    """By method, in their order: colour, marker and the name in a legend."""
    return {
        method: {
            "color": COLOURS[number % len(COLOURS)],
            "marker": MARKERS[number % len(MARKERS)],
            "label": NAMES.get(method, method),
        }
        for number, method in enumerate(methods)
    }
