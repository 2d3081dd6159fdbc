"""What a table takes before anything of it is run: cells, the stages that they share, what is done, what it costs.

Stages get *symbolic* names here, made from choices instead of results: two
cells whose stage has one name will share it. What the loop then finds may be
shared further (two methods that pick the same samples), never less.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from edt.build import Builder, check, find_target
from edt.config import Config
from edt.errors import EdtError
from edt.experiment import checked, compose_all, compose_nodes
from edt.loop import share, total_of
from edt.protocols import fingerprint_of
from edt.store.folders import MANIFEST, read_manifest
from edt.store.keys import canonical, digest
from edt.store.stages import VERSIONS, Parts
from edt.sweep.record import Lines, kept_lines, stages_are_here, state_of
from edt.sweep.spec import CellSpec

NOTHING = 0.1
"""Seconds below which an identifier or analyst did nothing, as that of a method that looks at no error."""
LOOKS_AT_CELL = re.compile(r"\$\{[^}]*\b(task|seed)\b")
"""An interpolation whose value is not the same in all cells of a row."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage that a table will need. `amount` is of training samples for `tune`, else 1."""

    kind: str
    name: str
    amount: int = 1


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """A cell with its configuration, the stages it needs, and whether it is done already."""

    spec: CellSpec
    config: Config
    student: str
    teacher: str
    """Empty where the method asks none."""
    targeted: bool
    """Whether the method's selector looks for something, so that a pick at random is a filled one."""
    stages: tuple[Stage, ...]
    features: str
    """Name of what its selector makes once of the whole supporting dataset; empty where that is nothing."""
    digest: str
    """Of everything its result depends on; empty where that cannot be told yet, see `reason`."""
    reason: str
    state: str
    """`measured` or `failed`, as an earlier run of the very same cell left it; `missing` otherwise."""
    here: bool = False
    """Measured by a run on this machine, whose stages are still in the store."""
    kept: Lines = field(default_factory=Lines)
    """Its lines in the files of an earlier sweep, whose runs need not be on this machine."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All cells of a table."""

    cells: tuple[PlannedCell, ...]
    rates: Mapping[str, float]
    """Seconds a stage has cost so far: a sample for `tune`, an item of work for the others. Medians of the store."""

    def refreshed(self, output: Path) -> Plan:
        """The same plan with the states that its cells have now."""
        return replace(self, cells=tuple(_looked_at(cell, output) for cell in self.cells))

    def stages(self, *, missing: bool = False) -> list[Stage]:
        """Distinct stages; with `missing` only those that cells to run ask for and no finished cell has left here."""
        made = self._made() if missing else set()
        asking = [cell for cell in self.cells if not (missing and cell.state == "measured")]
        found = {stage.name: stage for cell in asking for stage in cell.stages}
        return [stage for name, stage in found.items() if name not in made]

    def costs(self, cells: Iterable[PlannedCell]) -> dict[str, float]:
        """Seconds that each of these cells adds, by name: what several need is counted for the first of them.

        Empty where a kind of stage has not been run in the store yet.
        """
        made, costs = self._made(), {}
        for cell in cells:
            own = {stage.name: stage for stage in cell.stages if stage.name not in made}
            made |= own.keys()
            costs[cell.spec.name], unknown = self.seconds(own.values())
            if unknown:
                return {}
        return costs

    def _made(self) -> set[str]:
        """Names of stages that finished cells have left here."""
        return {stage.name for cell in self.cells if cell.here for stage in cell.stages}

    def seconds(self, stages: Iterable[Stage]) -> tuple[float, list[str]]:
        """What stages will cost one after another, and the kinds whose cost is not known yet."""
        counted = Counter[str]()
        for stage in stages:
            counted[stage.kind] += stage.amount
        unknown = sorted(set(counted) - set(self.rates))
        return sum(amount * self.rates.get(kind, 0.0) for kind, amount in counted.items()), unknown


def make_plan(
    specs: Sequence[CellSpec],
    overrides: Sequence[str],
    output: Path,
    *,
    config_dir: Path | None,
    tables: Sequence[Path] = (),
) -> Plan:
    """Compose every cell, refuse what is wrong with any, and look what is done. Builds no model.

    `tables` are `cells.csv` files of earlier sweeps; what they have measured counts as done.
    """
    composed = compose_cells(specs, overrides, config_dir=config_dir)
    prints, kept = _Prints(), kept_lines(tables)
    cells = tuple(_planned(spec, config, prints, output, kept) for spec, config in zip(specs, composed, strict=True))
    roots = {cell.config.store.root for cell in cells}
    students = {str(cell.config.student.get("_target_")) for cell in cells}
    return Plan(cells=cells, rates=_rates([Path(root) for root in sorted(roots)], students))


def compose_cells(specs: Sequence[CellSpec], overrides: Sequence[str], *, config_dir: Path | None) -> list[Config]:
    """Every cell's configuration, by as few compositions as will do: Hydra takes a tenth of a second for each.

    A seed is a number, and a task is one node, so cells that differ in these
    alone are composed once; where a choice of task changes anything else, or
    a method chooses the task itself, every cell is composed on its own.
    """

    def lines(spec: CellSpec, task: str, seed: int) -> tuple[str, ...]:
        changed = {f"task={spec.task}": f"task={task}", f"seed={spec.seed}": f"seed={seed}"}
        return tuple(changed.get(line, line) for line in (*spec.overrides, *overrides))

    first = specs[0]
    rows = list(dict.fromkeys(lines(spec, first.task, first.seed) for spec in specs))
    columns = {task: lines(first, task, first.seed) for task in dict.fromkeys(spec.task for spec in specs)}
    asked = [*rows, *columns.values()]
    known = dict(zip(asked, compose_nodes(asked, config_dir=config_dir), strict=True))
    base = known[columns[first.task]]
    plain = all(known[row].task == base.task and known[row].seed == first.seed for row in rows)
    plain = plain and all(_but_task(known[line]) == _but_task(base) for line in columns.values())
    if not plain:
        return compose_all([[*spec.overrides, *overrides] for spec in specs], config_dir=config_dir)
    movable = {row: _Movable(known[row]) for row in rows}
    tasks = {task: known[line].task for task, line in columns.items()}
    return [movable[lines(spec, first.task, first.seed)].at(tasks[spec.task], spec.seed) for spec in specs]


def _but_task(node: DictConfig) -> dict[str, Any]:
    return {name: value for name, value in _plain(node).items() if name != "task"}


def _plain(node: DictConfig) -> Any:
    return OmegaConf.to_container(node, resolve=False)


class _Movable:
    """One composition, to be had for other tasks and seeds."""

    def __init__(self, node: DictConfig) -> None:
        self._node, self._config = node, checked(node)
        self._bound = LOOKS_AT_CELL.search(canonical(_but_task(node))) is not None

    def at(self, task: DictConfig, seed: int) -> Config:
        """Where an option refers to the task or the seed, or the task to another option, all is resolved anew."""
        if not self._bound and "${" not in canonical(_plain(task)):
            return replace(self._config, task=_plain(task), seed=seed)
        moved = deepcopy(self._node)
        with open_dict(moved):
            moved.task, moved.seed = task, seed
        return checked(moved)


def _planned(spec: CellSpec, config: Config, prints: _Prints, output: Path, kept: Mapping[str, Lines]) -> PlannedCell:
    check(config)
    stages = tuple(stages_of(config))
    try:
        whole, reason = prints.of(config), ""
    except EdtError as error:  # such as a model that is not on this machine: its cells can still be counted
        whole, reason = "", str(error)
    asks = any(stage.kind == "identify" for stage in stages)
    cell = PlannedCell(
        spec=spec,
        config=config,
        student=prints.name("student", config.student),
        teacher=prints.name("teacher", config.teacher) if asks else "",
        targeted=bool(_selector(config).reads),
        stages=stages,
        features=features_of(config),
        digest=whole,
        reason=reason,
        state="missing",
        kept=kept.get(whole, Lines()),
    )
    return _looked_at(cell, output)


def _looked_at(cell: PlannedCell, output: Path) -> PlannedCell:
    """With the state that it has now."""
    folder = output / cell.spec.name
    state = state_of(cell.digest, folder, cell.kept.cells)
    return replace(cell, state=state, here=state == "measured" and stages_are_here(cell.digest, folder))


def features_of(config: Config) -> str:
    """The first cell with these pays for them, and any other would wait for that one."""
    makes = getattr(_selector(config), "makes_features", False)
    return digest(["features", config.selector, config.supporting]) if makes else ""


def stages_of(config: Config) -> list[Stage]:
    """The stages of one run that cost something, in order."""
    reads = _selector(config).reads
    looks = [config.task, config.student]
    stages: list[Stage] = []
    worn = chain = ""
    taken = 0

    def add(kind: str, *inputs: Any, amount: int = 1) -> str:
        name = digest([kind, *inputs])
        stages.append(Stage(kind=kind, name=name, amount=amount))
        return name

    for index in range(1, config.budget.rounds + 1):
        chain = digest([chain, add("predict", looks, worn), config.identifier, config.analyst, config.teacher])
        if "gaps" in reads:
            add("identify", chain)
            add("analyse", chain)
        if config.test_rounds:
            add("evaluate", looks, worn)
        seen = [chain if "gaps" in reads else "", config.task if "task" in reads else ""]
        total = config.scale.samples
        amount = share(total, config.budget.rounds, index) if total else 0
        taken += amount
        picks = [config.selector, config.supporting, config.budget.__dict__, config.scale.samples, *seen, index]
        base = config.budget.start == "base"
        worn = add(
            "tune",
            [config.student, config.tuner, config.seed, "" if base else worn, picks],
            amount=(taken if base else amount) or _all_samples(canonical(config.supporting)),
        )
    add("predict", looks, worn)
    if config.test_split:
        add("evaluate", looks, worn)
    return stages


def _selector(config: Config) -> Any:
    return find_target("selector", config.selector)


@cache
def _all_samples(supporting: str) -> int:
    """How many samples Full tunes on; 0 where the dataset is not on this machine."""
    try:
        return len(Builder().part("supporting", json.loads(supporting)).samples)
    except (EdtError, OSError):
        return 0


class _Prints:
    """Fingerprints of runs, each part asked once."""

    def __init__(self) -> None:
        self._builder = Builder()
        self._known: dict[int, Any] = {}

    def of(self, config: Config) -> str:
        """Raises EdtError where a part is not on this machine, or the samples are too few."""
        parts: Parts = self._builder.parts(config)
        total_of(config.scale, config.budget, parts.supporting)
        of_parts = {name: self._part(part) for name, part in vars(parts).items() if part is not None}
        rest = [vars(config.budget), config.scale.samples, config.seed, config.test_split, config.method.name]
        if config.test_rounds:
            rest.append("test_rounds")
        return digest([of_parts, rest, VERSIONS])

    def name(self, group: str, node: Mapping[str, Any]) -> str:
        """What a part calls itself; its class where it cannot be built here."""
        try:
            return self._builder.part(group, node).name
        except EdtError:
            return str(node["_target_"]).rpartition(".")[2]

    def _part(self, part: Any) -> Any:
        if id(part) not in self._known:
            self._known[id(part)] = fingerprint_of(part)
        return self._known[id(part)]


def _rates(roots: Sequence[Path], students: Collection[str]) -> dict[str, float]:
    """Medians of what is in the stores; what another kind of student took says nothing of these."""
    found: dict[str, list[float]] = {}
    for path in (path for root in roots for path in root.glob(f"*/*/{MANIFEST}")):
        try:
            stage, seconds = path.parent.parent.name, read_manifest(path.parent).seconds
            about = json.loads(path.read_text("utf-8"))
            kinds = {part["part"] for part in about["parts"].values()}
            if any(kind.startswith("edt.students.") and kind not in students for kind in kinds):
                continue
            samples = len(about["inputs"]["samples"]) if stage == "tune" else 1
            if stage not in VERSIONS or (stage in ("identify", "analyse") and seconds < NOTHING):
                continue
            found.setdefault(stage, []).append(seconds / samples)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
            continue  # damaged, or another process is putting it away
    return {stage: median(seconds) for stage, seconds in found.items()}
