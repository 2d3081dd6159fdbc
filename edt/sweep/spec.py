"""What a table is made of: rows, columns, scales and seeds, out of `experiments/NAME.yaml`. Runs nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from edt.errors import EdtError
from edt.tables.cells import SPLITS
from edt.tables.references import Likeness, Published, check_likeness, read_published

REFERENCES = "references.yaml"
"""Figures of published tables; no table itself."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")
"""Of a task, a method or a scale: a part of a folder's name, an option of run.py and an entry of a plot's legend."""
CELL_OPTIONS = {
    **{key: f"{key}s" for key in ("task", "scale", "seed", "method")},
    **{"scale.samples": "scales", "scale.name": "scales", "method.name": "methods"},
}
"""Options of run.py that say which cell a cell is, and the field of a table that sets them."""
EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


@dataclass
class MethodRow:
    """One method of a table; what is null is as the table has it."""

    scales: list[str] | None = None
    """Names of scales; an empty list for a method that tunes on nothing."""
    seeds: list[int] | None = None
    overrides: list[str] = field(default_factory=list)
    """Options of run.py; `method=NAME` where they do not name another."""


@dataclass
class TableSpec:
    """One table of the paper, or of ours."""

    title: str = ""
    tasks: list[str] = field(default_factory=list)
    methods: dict[str, MethodRow] = field(default_factory=dict)
    scales: list[str] = field(default_factory=list)
    seeds: list[int] = field(default_factory=lambda: [0, 1, 2])
    split: str = "test"
    """What the table shows; the other split is kept in its cells."""
    overrides: list[str] = field(default_factory=list)
    """Options of run.py for every cell."""
    baseline: str = "random"
    """The method that differences are taken to, at equal scale and seed."""
    ceiling: str = "full"
    """The method that ratios are taken to."""
    ours: str = "edt"
    rivals: list[str] = field(default_factory=list)
    """Methods that `ours` alone is compared with, beside the baseline, at equal scale and seed."""
    headline_scale: str = ""
    goal: int = 0
    """On how many of the table's tasks `ours` is to be above the baseline at the headline scale; 0 for no goal."""
    worst_goal: float = 0.0
    """What share of the ceiling `ours` is to reach there on every task; 0 for no goal."""
    mean_goal: float = 0.0
    """And in the mean over tasks."""
    reference: str = ""
    """A published table to show beside this one, of those in `references`."""
    reference_tasks: dict[str, str] = field(default_factory=dict)
    """Tasks, methods and scales to what stands for them there; the others have no counterpart."""
    reference_methods: dict[str, str] = field(default_factory=dict)
    reference_scales: dict[str, str] = field(default_factory=dict)
    references: Path | None = None
    """The file of published tables; null: references.yaml beside the table."""

    @property
    def likeness(self) -> Likeness:
        return Likeness(tasks=self.reference_tasks, methods=self.reference_methods, scales=self.reference_scales)

    def published(self) -> Published | None:
        """What is known of the table named as its reference; None where it names none."""
        if not self.reference:
            return None
        return read_published(self.references or EXPERIMENTS / REFERENCES, self.reference)


@dataclass(frozen=True, kw_only=True)
class CellSpec:
    """One run that a table asks for, before its configuration is composed."""

    table: str
    task: str
    method: str
    scale: str
    """Empty for a method that tunes on nothing."""
    seed: int
    overrides: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its folder: unique in its table."""
        return "-".join([self.task, self.scale or "none", self.method, f"s{self.seed}"])


def read_table(name: str, changes: Mapping[str, Any] | None = None, *, folder: Path = EXPERIMENTS) -> TableSpec:
    """The table of that name; `changes` replace fields, and those of its rows go by them, see `_narrow`.

    Raises EdtError where it does not exist or is unsound.
    """
    path = folder / f"{name}.yaml"
    if not path.is_file() or path.name == REFERENCES:
        known = ", ".join(table_names(folder)) or "none"
        raise EdtError(f"there is no table {name!r} in {folder}; choose one of: {known}")
    try:
        whole = OmegaConf.merge(OmegaConf.structured(TableSpec), OmegaConf.load(path))
        spec = OmegaConf.to_object(OmegaConf.merge(whole, dict(changes or {})))
    except RecursionError:
        raise EdtError(f"{path}: it is nested too deep, or within itself, for a table") from None
    except (OmegaConfBaseException, ValueError, OSError, YAMLError) as error:
        raise EdtError(f"{path}: {' '.join(str(error).split())}") from None
    assert isinstance(spec, TableSpec)
    spec.references = spec.references or folder / REFERENCES
    _check(spec, path)
    _check_claims(spec, whole, path)
    if set(spec.tasks) != set(whole.tasks):  # goals are of the whole table
        spec.goal, spec.worst_goal, spec.mean_goal = 0, 0.0, 0.0
    _check_reference(spec, whole, path)
    _narrow(spec, whole, changes or {})
    return spec


def table_names(folder: Path = EXPERIMENTS) -> list[str]:
    """The tables that are described."""
    return sorted(file.stem for file in folder.glob("*.yaml") if file.name != REFERENCES)


def _check(spec: TableSpec, path: Path) -> None:
    for name in ("tasks", "methods", "scales", "seeds"):
        if not (items := list(getattr(spec, name))):
            raise EdtError(f"{path}: {name} is empty; name at least one")
        if len(set(items)) < len(items):
            raise EdtError(f"{path}: {name} names one twice: {items}")
    for what, names in (("task", spec.tasks), ("scale", _all_scales(spec)), ("method", spec.methods)):
        for name in names:
            if not NAME.fullmatch(str(name)):
                raise EdtError(f"{path}: a {what} is called {name!r}; use letters, digits and _ . + - for its name")
    _check_options(spec.overrides, f"{path}: overrides", known=CELL_OPTIONS)
    for method, row in spec.methods.items():
        if row.seeds is not None and not row.seeds:
            raise EdtError(f"{path}: seeds of {method} is empty; name one, or leave it out for the table's")
        _check_options(row.overrides, f"{path}: overrides of {method}", known=CELL_OPTIONS.keys() - {"method"})
        for name in ("scales", "seeds"):
            items = getattr(row, name) or []
            if len(set(items)) < len(items):
                raise EdtError(f"{path}: {name} of {method} names one twice: {items}")
    if spec.split not in SPLITS:
        raise EdtError(f"{path}: split must be validation or test, not {spec.split!r}")


def _all_scales(spec: Any) -> list[str]:
    """Of the table and of single methods."""
    return [*spec.scales, *(scale for row in spec.methods.values() for scale in row.scales or [])]


def _check_options(overrides: Sequence[str], where: str, *, known: Collection[str]) -> None:
    """What says which cell a cell is: another value than the table's would be shown under a wrong name."""
    for override in overrides:
        if (name := override.partition("=")[0].lstrip("+~")) in known:
            raise EdtError(f"{where} has {override!r}, and {name}= is set by the table itself; take it out")


def _check_claims(spec: TableSpec, whole: Any, path: Path) -> None:
    """What `ours` is compared with, and is to reach; `whole` is the table before the user took a part of it."""
    if not 0 <= spec.goal <= len(whole.tasks):
        raise EdtError(f"{path}: goal must be from 0 to {len(whole.tasks)}, the number of tasks, not {spec.goal}")
    for name in ("worst_goal", "mean_goal"):
        if not 0 <= (share := getattr(spec, name)) <= 2:
            raise EdtError(f"{path}: {name} must be a share of the ceiling, from 0 to 2, not {share}")
    for name in ("baseline", "ceiling", "ours"):
        named = getattr(spec, name)
        if named not in whole.methods and named != getattr(TableSpec, name):
            raise EdtError(f"{path}: {name} is {named!r}, which is none of the table's methods")
    scales = _all_scales(whole)
    if spec.headline_scale and spec.headline_scale not in scales:
        raise EdtError(f"{path}: headline_scale is {spec.headline_scale!r}, which is none of the table's scales")
    if len(set(spec.rivals)) < len(spec.rivals):
        raise EdtError(f"{path}: rivals names one twice: {spec.rivals}")
    for rival in spec.rivals:
        if rival not in spec.methods:
            raise EdtError(f"{path}: rivals has {rival!r}, which is none of the table's methods")
        if rival in (spec.ours, spec.baseline, spec.ceiling):
            raise EdtError(f"{path}: rivals has {rival!r}, which is compared anyway; take it out")


def _check_reference(spec: TableSpec, whole: Any, path: Path) -> None:
    """`whole` is the table before the user took a part of it."""
    if (published := spec.published()) is None:
        return
    for name, known in {"tasks": whole.tasks, "methods": whole.methods, "scales": _all_scales(whole)}.items():
        for mine in getattr(spec, f"reference_{name}"):
            if mine not in known:
                raise EdtError(f"{path}: reference_{name} has {mine!r}, which is none of the table's {name}")
    check_likeness(spec.likeness, published, str(path))


def _narrow(spec: TableSpec, whole: Any, changes: Mapping[str, Any]) -> None:
    """Take the scales and seeds that a user named from rows that have their own, too: what has none left has no cell.

    A scale that only rows have, as `full`, is theirs alone. A row that tunes on nothing belongs to every part.
    """
    rows = [row for row in spec.methods.values() if row.scales != []]
    if "scales" in changes:
        of_rows = {scale for row in rows for scale in row.scales or []} - set(whole.scales)
        asked, spec.scales = spec.scales, [scale for scale in spec.scales if scale not in of_rows]
        for row in rows:
            if row.scales is not None:
                row.scales = [scale for scale in row.scales if scale in asked]
            if not (spec.scales if row.scales is None else row.scales):
                row.seeds = []
    if "seeds" in changes:
        for row in rows:
            if row.seeds is not None:
                row.seeds = [seed for seed in row.seeds if seed in spec.seeds]


def cells_of(name: str, spec: TableSpec) -> list[CellSpec]:
    """All cells, in the order in which they are best run. Raises EdtError where there is none.

    Seeds go outermost, so that a table that is stopped early has whole seeds.
    """
    cells = []
    seeds = list(dict.fromkeys([*spec.seeds, *(seed for row in spec.methods.values() for seed in row.seeds or [])]))
    for seed in seeds:
        for task in spec.tasks:
            for method, row in spec.methods.items():
                if seed not in (spec.seeds if row.seeds is None else row.seeds):
                    continue
                for scale in _scales(spec.scales if row.scales is None else row.scales):
                    cells.append(_cell(name, spec, task, method, row, scale, seed))
    if not cells:
        raise EdtError(
            f"table {name!r} has no cell at these scales and seeds for {', '.join(spec.methods)}; ask for others"
        )
    folders = Counter(cell.name for cell in cells)
    if twice := next((folder for folder, number in folders.items() if number > 1), None):
        raise EdtError(f"table {name!r} has two cells of one folder, {twice!r}; rename a method")
    return cells


def _scales(names: Sequence[str]) -> Sequence[str]:
    return names or [""]


def _cell(table: str, spec: TableSpec, task: str, method: str, row: MethodRow, scale: str, seed: int) -> CellSpec:
    named = any(override.startswith("method=") for override in row.overrides)
    own = [f"task={task}", *([] if named else [f"method={method}"]), *([f"scale={scale}"] if scale else [])]
    return CellSpec(
        table=table,
        task=task,
        method=method,
        scale=scale,
        seed=seed,
        overrides=(*own, f"seed={seed}", f"method.name={method}", *row.overrides, *spec.overrides),
    )
