"""How a table's runs went: gaps and scores over the rounds, and where the time went. Knows lines of rounds, no run.

A figure over tasks is taken only of seeds that have every task: over fewer tasks it is another figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from edt.tables.figures import Panels, draw, line_with_band, looks_of
from edt.tables.rounds import STAGES, RoundLine
from edt.tables.seeds import mean_std
from edt.tables.terminal import NAMES

STAGE_COLOURS = ("#56b4e9", "#cc79a7", "#009e73", "#000000", "#e69f00", "#0072b2")
"""By stage; Okabe and Ito's, which colour-blind readers tell apart."""
CLOSED, PERSISTS, NEW = "#0072b2", "#e69f00", "#000000"
MINUTES = 300
"""Seconds from which on minutes are shown."""

Place = tuple[str, str]
"""A method and a scale."""


def plot_gaps_over_rounds(lines: Sequence[RoundLine], tasks: Sequence[str], folder: Path) -> list[Path]:
    """`gaps.svg` and `.png`, a panel a method that looks at gaps and scale: closed, persisting and new ones a round.

    Numbers are sums over tasks and means over seeds. Returns nothing where there is no gap to draw.
    """
    looking = [line for line in lines if line.gaps is not None]
    whole = {place: found for place, runs in _by_place(looking).items() if (found := _whole(runs, tasks))}
    if not any(line.gaps for seeds in whole.values() for runs in seeds for line in runs):
        return []
    most = max(line.round for seeds in whole.values() for runs in seeds for line in runs)

    def fill(panels: Panels) -> None:
        for panel, (place, seeds) in zip(panels, whole.items(), strict=True):
            _bars(panel, seeds)
            panel.set_title(f"{_name(place)}, {_count(len(seeds), 'seed')}")
            panel.set_xticks(range(1, most + 1))

    of = _count(len(tasks), "task")
    return draw("gaps", folder, len(whole), fill, labels=("round", f"gaps found, {of}"), share_y=True, size=(3.6, 3.0))


def _bars(panel: Any, seeds: _Seeds) -> None:
    rounds = sorted({line.round for runs in seeds for line in runs})

    def mean(name: str) -> list[float]:
        return [fmean(sum(getattr(line, name) for line in runs if line.round == at) for runs in seeds) for at in rounds]

    closed = mean("closed")
    panel.bar(rounds, closed, 0.6, color=CLOSED, label="closed by the round's tuning")
    panel.bar(rounds, mean("persists"), 0.6, bottom=closed, color=PERSISTS, hatch="//", label="persists")
    panel.plot(rounds, mean("new"), "D", color=NEW, markersize=4, markeredgecolor="white", label="new in this round")


def plot_rounds(lines: Sequence[RoundLine], tasks: Sequence[str], order: Sequence[str], folder: Path) -> list[Path]:
    """`rounds.svg` and `.png`, a panel a scale: the mean over tasks on validation data as a run is tuned on.

    Where runs were scored on the test split on the way, it is dashed: what lies between is how far validation, whose
    errors are tuned on, runs ahead.

    Methods of one round or none have no course to show; `order` of methods gives each its colour. Bands are one
    standard deviation over seeds. Returns nothing where no method has two rounds and a seed with every task.
    """
    rounds = {place: max(line.round for line in found) for place, found in _by_place(lines).items()}
    whole = {
        place: seeds
        for place, found in _by_place(lines).items()
        if rounds[place] > 2 and (seeds := _whole(found, tasks))  # the last line is of the finished student
    }
    if not whole:
        return []
    scales = list(dict.fromkeys(scale for _, scale in whole))
    looks = looks_of(order)

    def fill(panels: Panels) -> None:
        for panel, scale in zip(panels, scales, strict=True):
            for (method, at), seeds in whole.items():
                if at == scale:
                    _course(panel, seeds, rounds[method, at], looks[method])
            panel.set_title(f"{scale} samples")
            panel.set_xticks(range(max(rounds[place] for place in whole)))

    tested = any(line.test is not None for seeds in whole.values() for runs in seeds for line in runs)
    shown = "accuracy on validation (dashed: test)" if tested else "validation accuracy"
    labels = ("rounds of tuning", f"{shown}, %, {_count(len(tasks), 'task')}")
    return draw("rounds", folder, len(scales), fill, labels=labels, share_y=True, size=(3.6, 3.0))


def _course(panel: Any, seeds: _Seeds, rounds: int, looks: Mapping[str, str]) -> None:
    scores = [[100 * fmean(line.score for line in runs if line.round == index + 1) for runs in seeds]
              for index in range(rounds)]  # fmt: skip
    means, stds = zip(*(mean_std(found) for found in scores), strict=True)
    line_with_band(panel, range(rounds), means, [std or 0.0 for std in stds], **looks)
    tests = [[line.test for runs in seeds for line in runs if line.round == index + 1] for index in range(rounds)]
    known = [[score for score in found if score is not None] for found in tests]
    if known == tests:
        panel.plot(range(rounds), [100 * fmean(found) for found in known], "--", color=looks["color"])


def plot_time(lines: Sequence[RoundLine], folder: Path) -> list[Path]:
    """`time.svg` and `.png`: what the stages of a run cost by method and scale, mean over its tasks and seeds.

    A stage that several runs share counts in each of them. Returns nothing where there is no run.
    """
    bars: dict[Place, dict[str, float]] = {}
    runs: dict[Place, int] = {}
    for place, found in _by_place(lines).items():
        runs[place] = len({line.run for line in found})
        bars[place] = {stage: sum(line.seconds(stage) for line in found) / runs[place] for stage in STAGES}
    longest = max((sum(bar.values()) for bar in bars.values()), default=0.0)
    if not longest:
        return []
    unit, divisor = ("minutes", 60) if longest >= MINUTES else ("seconds", 1)

    def fill(panels: Panels) -> None:
        (panel,) = panels
        left = [0.0] * len(bars)
        for stage, colour in zip(STAGES, STAGE_COLOURS, strict=True):
            widths = [bar[stage] / divisor for bar in bars.values()]
            panel.barh(range(len(bars)), widths, 0.7, left, color=colour, edgecolor="white", linewidth=0.5, label=stage)
            left = [start + width for start, width in zip(left, widths, strict=True)]
        for row, end in enumerate(left):
            panel.annotate(f"{end:.1f}", (end, row), (3, 0), textcoords="offset points", va="center")
        panel.set_yticks(range(len(bars)), [f"{_name(place)} ({runs[place]})" for place in bars])
        panel.set_xlim(0, 1.1 * longest / divisor)
        panel.invert_yaxis()

    size = (7.5, 1.4 + 0.3 * len(bars))
    return draw("time", folder, 1, fill, labels=(f"{unit} a run, mean over (runs)", ""), size=size)


_Seeds = list[list[RoundLine]]


def _by_place(lines: Sequence[RoundLine]) -> dict[Place, list[RoundLine]]:
    found: dict[Place, list[RoundLine]] = {}
    for line in lines:
        found.setdefault((line.method, line.scale), []).append(line)
    return found


def _whole(lines: Sequence[RoundLine], tasks: Sequence[str]) -> _Seeds:
    """Lines by seed, of the seeds that have every round of every task."""
    seeds = sorted({line.seed for line in lines})
    found = [[line for line in lines if line.seed == seed] for seed in seeds]
    each = {(task, index) for task in tasks for index in {line.round for line in lines}}
    return [runs for runs in found if {(line.task, line.round) for line in runs} == each and len(runs) == len(each)]


def _name(place: Place) -> str:
    method, scale = place
    return f"{NAMES.get(method, method)} {scale}".strip()


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
