"""The schema of a run's configuration. Knows which values are sound; builds nothing and imports no model.

What is chosen (a part) is a free node with a `_target_`, checked in `edt.build`;
what is measured (a budget, a scale, a seed) is typed here and checked on construction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore

from edt.errors import EdtError

PART_GROUPS = ("student", "teacher", "task", "supporting", "identifier", "analyst", "selector", "tuner", "tracker")
GROUPS = (*PART_GROUPS, "budget", "scale", "method", "launcher")
"""All choices: folders of conf/."""

STOPS = ("max_rounds", "converged", "no_gain")


@dataclass
class Budget:
    """How the samples are shared out."""

    rounds: int = 2
    """Rounds of the loop; 0 leaves the student as it is."""
    per_error: int | None = None
    """K, how many samples of one error's ranking are dealt before any deeper one; null for as many as are asked for."""
    fill: str = "random"
    """What meets a shortfall: `random`, deeper ranks and then samples at random; `strict`, none deeper than K."""
    start: str = "previous"
    """`previous`: a round tunes on from the last adapter; `base`: from the untuned student, on all picks so far."""
    cap_per_text: int | None = None
    """The most targeted samples of a round with one and the same text; null for no bound."""
    stop: str = "max_rounds"
    """`max_rounds`: never early; `converged`: once a round's missing skills are like those of the one before, or none
    is left; `no_gain`: once a round's tuning has not raised the validation score."""
    likeness: float = 0.9
    """From where on two rounds' missing skills count as alike, in [0, 1]; see `edt.stopping`."""

    def __post_init__(self) -> None:
        _check(0 <= self.rounds <= 100, "budget.rounds", self.rounds, "a whole number from 0 to 100")
        _check(self.per_error is None or self.per_error > 0, "budget.per_error", self.per_error, "above 0, or null")
        _check(self.fill in ("random", "strict"), "budget.fill", self.fill, "random or strict")
        _check(self.start in ("previous", "base"), "budget.start", self.start, "previous or base")
        capped = self.cap_per_text
        _check(capped is None or capped > 0, "budget.cap_per_text", capped, "above 0, or null")
        _check(self.stop in STOPS, "budget.stop", self.stop, f"one of {', '.join(STOPS)}")
        _check(0 <= self.likeness <= 1, "budget.likeness", self.likeness, "from 0 to 1")


@dataclass
class Scale:
    """How many training samples there are in total, over all rounds."""

    name: str = "96"
    samples: int | None = 96
    """null for the whole supporting dataset."""

    def __post_init__(self) -> None:
        _check(self.samples is None or self.samples > 0, "scale.samples", self.samples, "above 0, or null for all")


@dataclass
class Method:
    """The name that a preset of parts goes by in tables."""

    name: str = "edt"

    def __post_init__(self) -> None:
        _check(bool(self.name), "method.name", self.name, "a name")


@dataclass
class StoreOptions:
    """Where finished stages are kept and looked up."""

    root: str = "outputs/store"

    def __post_init__(self) -> None:
        _check(bool(self.root), "store.root", self.root, "a folder")


@dataclass
class Config:
    """A whole run."""

    student: dict[str, Any] = field(default_factory=dict)
    teacher: dict[str, Any] = field(default_factory=dict)
    task: dict[str, Any] = field(default_factory=dict)
    supporting: dict[str, Any] = field(default_factory=dict)
    identifier: dict[str, Any] = field(default_factory=dict)
    analyst: dict[str, Any] = field(default_factory=dict)
    selector: dict[str, Any] = field(default_factory=dict)
    tuner: dict[str, Any] = field(default_factory=dict)
    tracker: dict[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    scale: Scale = field(default_factory=Scale)
    method: Method = field(default_factory=Method)
    store: StoreOptions = field(default_factory=StoreOptions)
    seed: int = 0
    test_split: bool = True
    """Whether the test split is touched at the end of the run."""
    test_rounds: bool = False
    """Whether the student is scored on the test split before every round too; nothing in the loop reads it."""
    output: str | None = None
    """Folder of this run's files; null for the one that Hydra makes."""
    jobs: int = 0
    """Of a multirun at a time, each in a process of its own; 0: one after another, in this process."""

    def __post_init__(self) -> None:
        _check(self.jobs >= 0, "jobs", self.jobs, "a whole number from 0")
        _check(self.output != "", "output", self.output, "a folder, or null")
        _check(self.test_split or not self.test_rounds, "test_rounds", self.test_rounds, "false where test_split is")
        _check(0 <= self.seed < 2**31, "seed", self.seed, "a whole number from 0 to 2147483647")


def _check(sound: bool, name: str, value: Any, wanted: str) -> None:
    if not sound:
        raise EdtError(f"{name} must be {wanted}, not {value!r}")


def register() -> None:
    """Make the schema known to Hydra, under the name that stands first in the defaults list."""
    ConfigStore.instance().store(name="schema", node=Config)


register()
