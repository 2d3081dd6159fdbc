"""What a wide table is made of: rows of entries, their differences, and the headlines. Counts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MEAN = "mean"
"""The column of means over tasks."""
FEWEST_SEEDS = 2
"""Fewer are neither ranked nor given a p: one seed may be luck."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A method minus another one, paired by seed and question: on a task, or in the mean over tasks."""

    mean: float
    low: float
    """95% interval, by bootstrap over seeds and questions; of one seed it is over questions only."""
    high: float
    seeds: int
    """Over how many, those that both sides have."""
    p: float | None
    """Two-sided; Holm-corrected over all differences of its kind in the table that have one, those of means over tasks
    apart from those of single tasks. None of one seed, whose luck no resample shows."""
    by_seed: tuple[float, ...] = ()
    """What `mean` is the mean of, in the order of the seeds."""
    ahead: int = 0
    """On how many of its tasks it is above zero, over the same seeds."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One place of the table."""

    state: str
    """As of a cell; `measured` where at least one seed is, and none failed or is missing. Of a reference, `known`
    or `unknown`."""
    reasons: tuple[str, ...] = ()
    measured_seeds: tuple[int, ...] = ()
    """The seeds that `mean` and `std` are over, sorted."""
    asked: tuple[str, ...] = ()
    """Which questions each of these seeds was asked, by their digests, task by task."""
    mean: float | None = None
    std: float | None = None
    unparsed: float | None = None
    """Share of unparsed answers."""
    filled: float | None = None
    """Share of training samples that no skill asked for."""
    rank: int | None = None
    """1 or 2 among methods at the same scale and task."""
    to_baseline: Difference | None = None
    to_ceiling: Difference | None = None
    to_rivals: Mapping[str, Difference] = field(default_factory=dict)
    """Of our method, by rival."""
    not_comparable: Mapping[str, str] = field(default_factory=dict)
    """Why a difference cannot be had though both sides are measured, by the method that it would be to."""
    trained: tuple[int, int] | None = None
    """Fewest and most training samples of a run."""
    questions: tuple[int, int] | None = None
    """How many a seed was asked: the fewest, and the most."""
    runs: tuple[str, ...] = ()

    @property
    def seeds(self) -> int:
        """How many."""
        return len(self.measured_seeds)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A method at a scale; `entries` by task, and `mean`."""

    method: str
    scale: str
    entries: Mapping[str, Entry]
    student: str = ""
    """Who is adapted, as cells name it: rows of two are not held against each other."""


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What the paper claims of its main table, computed as it defines it."""

    scale: str
    worst_task: str | None = None
    worst_ratio: float | None = None
    """Of our method to the ceiling, on the task where it is smallest."""
    mean_ratio: float | None = None
    """Of the means over tasks."""
    others: tuple[tuple[str, float], ...] = ()
    """As `mean_ratio`, of the untuned student and of the baseline: what ours is to be seen beside."""
    worst_goal: float = 0.0
    """What `worst_ratio` is to reach; 0 for no goal."""
    mean_goal: float = 0.0
    mean_gain: float | None = None
    """Of our method over the baseline, mean over tasks."""
    tasks_ahead: int | None = None
    tasks: int = 0
    reason: str = ""
    """Why a figure is not there."""


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Of our method over another one at one scale, in the mean over tasks."""

    scale: str
    other: str
    difference: Difference | None = None
    tasks_ahead: int = 0
    """On how many ours is above."""
    tasks: int = 0
    goal: int = 0
    """On how many it is to be above; 0 for no goal."""
    reason: str = ""
    """Why the difference is not there."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What is known of a published table, at the places of ours. Not comparable with it: other student, other data."""

    paper: str
    source: str
    student: str
    teacher: str
    columns: Mapping[str, str]
    """Published columns by our task."""
    scales: tuple[str, ...]
    """Published scale of each row; empty where it has no counterpart."""
    rows: tuple[Row, ...]
    """Those of ours, in their order; entries are `known` or `unknown`."""
    headline: Headline
    """Computed from the published cells, in their names."""


@dataclass(frozen=True, kw_only=True)
class WallTime:
    """What sweeps took by the clock, as they ran measured runs of the table."""

    seconds: float
    sweeps: int
    runs: int
    """How many of the measured runs were theirs; the others were made elsewhere, or before this was kept."""
    jobs: tuple[int, ...]
    """Cells at a time, of one sweep or another, sorted."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the measured runs came to, whatever they share counted once."""

    runs: int
    trainings: int
    seconds: float
    """Of all stages, as whoever made one measured it."""
    wall: WallTime | None = None
    """None where no sweep has left its time."""


@dataclass(frozen=True, kw_only=True)
class Wide:
    """A whole table."""

    title: str
    split: str
    tasks: tuple[str, ...]
    rows: tuple[Row, ...]
    baseline: str
    ceiling: str
    ours: str
    headline: Headline
    rivals: tuple[str, ...] = ()
    """Other methods that ours is compared with at equal scale."""
    gains: tuple[Gain, ...] = ()
    """Of ours, over the baseline and over each rival, scale by scale."""
    coverage: Mapping[str, int] = field(default_factory=dict)
    """Runs by state."""
    teachers: tuple[str, ...] = ()
    """Who was asked, as cells name them."""
    reference: Reference | None = None
    cost: Cost | None = None
    """None where it cannot be told."""
