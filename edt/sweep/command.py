"""The commands of `sweep.py`: plan a table, run what is missing of it, render it. Knows what a user types and reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich import box
from rich.console import Console
from rich.table import Table

from edt.cli import NO_PAPER_SCALE
from edt.errors import EdtError
from edt.paths import check_writable
from edt.store.keys import digest
from edt.sweep.asking import words_on_asking
from edt.sweep.clocked import Clocked, took
from edt.sweep.live import live_view
from edt.sweep.plan import Plan, make_plan
from edt.sweep.publish import publish
from edt.sweep.record import CELLS
from edt.sweep.recorder import Recorder
from edt.sweep.rendering import render, show
from edt.sweep.report import write_report
from edt.sweep.run import Job, cores, run_cells, threads_of
from edt.sweep.spec import CELL_OPTIONS, EXPERIMENTS, TableSpec, cells_of, read_table, table_names
from edt.tables.durations import clock

ACTIONS = ("run", "plan", "render")
MOST_JOBS = 1024
CHANGES = ("tasks", "scales", "seeds", "split")
PARTS = (*CHANGES, "methods")
HARMLESS = ("tracker", "launcher", "store.root", "teacher.max_usd")
"""Options of run.py that change no result: with any other, or with a part of a table, the published one stays."""
RUNS = Path("outputs/tables")
SET_BY_TABLE = {**CELL_OPTIONS, "test_split": "split"}
"""Options of run.py that say which cell a cell is, and what to use in their place."""


@dataclass
class Request:
    """What a user asked for."""

    table: str = ""
    action: str = "run"
    jobs: int = 1
    """Cells at a time, each with its share of the cores."""
    on_error: str = "continue"
    """`stop` starts no further cell after a failure."""
    output: Path | None = None
    """Where a folder with the table's runs goes; null: `RUNS`, where those of a variant have one of their own in it."""
    results: Path | None = None
    """Where a folder with the table goes; null: `results` among the tables for a whole one, beside its runs for a part
    or a variant."""
    experiments: Path = EXPERIMENTS
    """Where tables are described."""
    config_dir: Path | None = None
    """A folder with further choices."""
    tasks: list[str] | None = None
    scales: list[str] | None = None
    seeds: list[int] | None = None
    methods: list[str] | None = None
    split: str | None = None
    overrides: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, arguments: Sequence[str]) -> Request:
        """`key=value` of a sweep; whatever it does not know goes to every cell, as options of run.py."""
        found: dict[str, Any] = {"overrides": []}
        for argument in arguments:
            key, sign, value = argument.partition("=")
            if not sign:
                raise EdtError(f"cannot read the option {argument!r}; write key=value")
            if argument == "scale=paper":
                raise EdtError(NO_PAPER_SCALE)
            if (bare := key.lstrip("+~")) in SET_BY_TABLE:
                raise EdtError(f"{bare}= is set by the table; choose a part of it with {SET_BY_TABLE[bare]}=")
            if key in READERS:
                found[key] = READERS[key](key, value)
            else:
                found["overrides"].append(argument)
        request = cls(**found)
        request._check()
        return request

    def _check(self) -> None:
        if self.config_dir is not None and not self.config_dir.is_dir():
            raise EdtError(f"there is no folder config_dir={self.config_dir}; name another")
        if not self.table:
            raise EdtError(
                f"name a table: python sweep.py table=main; known are {', '.join(table_names(self.experiments))}"
            )

    @property
    def whole(self) -> bool:
        """Whether this is the table as it is described, nothing left out and nothing set otherwise."""
        return not self.others and all(getattr(self, name) is None for name in PARTS)

    @property
    def others(self) -> list[str]:
        """Options of run.py that may change a result, in the order of their names; twice the same in that given."""
        harmless = tuple(f"{name}{sign}" for name in HARMLESS for sign in "=.")
        bare = [option.lstrip("+~") for option in self.overrides]
        return sorted((option for option in bare if not option.startswith(harmless)), key=lambda o: o.partition("=")[0])

    @property
    def runs(self) -> Path:
        """The folder of the table's runs; those with other options, which have the same names, are kept apart."""
        if self.output is not None:
            return self.output / self.table
        own = RUNS / self.table
        return own / f"other-{digest(self.others)[:8]}" if self.others else own

    @property
    def place(self) -> Path:
        """The folder of the table's `cells.csv` and of what is made from it."""
        if self.results is not None:
            return self.results / self.table
        return self.published / self.table if self.whole else self.runs

    @property
    def published(self) -> Path:
        return self.experiments / "results"

    @property
    def tables(self) -> list[Path]:
        """Where earlier measurements may be; those of any table are good for this one where digests agree."""
        own = self.place / "cells.csv"
        return [own] if self.results is not None else sorted({own, *self.published.glob("*/cells.csv")})

    def spec(self) -> TableSpec:
        """The table, with what the user changed of it."""
        given = {name: getattr(self, name) for name in CHANGES if getattr(self, name) is not None}
        spec = read_table(self.table, given, folder=self.experiments)
        if self.methods is not None:
            if unknown := [name for name in self.methods if name not in spec.methods]:
                known = ", ".join(spec.methods)
                raise EdtError(f"table {self.table!r} has no method {unknown[0]!r}; choose of: {known}")
            spec.methods = {name: row for name, row in spec.methods.items() if name in self.methods}
        return spec


def _word(name: str, value: str) -> str:
    return value


def _one_of(*known: str) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        if value not in known:
            raise EdtError(f"{name} must be one of {', '.join(known)}, not {value!r}")
        return value

    return read


def _number(name: str, value: str) -> int:
    if not (value.isdecimal() and len(value) < 10 and 0 < int(value) <= MOST_JOBS):
        raise EdtError(f"{name} must be a whole number from 1 to {MOST_JOBS}, not {value!r}")
    return int(value)


def _folder(name: str, value: str) -> Path:
    if not value:
        raise EdtError(f"{name}= needs a folder")
    return Path(value)


def _list(name: str, value: str) -> list[str]:
    """Items between commas; brackets around them may be there, as for Hydra."""
    inner = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    items = [item.strip().strip("'\"") for item in inner.split(",")]
    if not all(items):
        raise EdtError(f"{name}= names none, or an empty one; leave it out, or write {name}=A,B")
    if twice := [item for item in items if items.count(item) > 1]:
        raise EdtError(f"{name}= names {twice[0]!r} twice; name it once")
    return items


def _seeds(name: str, value: str) -> list[int]:
    items = _list(name, value)
    if wrong := [item for item in items if not (item.isdecimal() and len(item) < 12 and int(item) < 2**31)]:
        raise EdtError(f"{name} must be whole numbers from 0 to 2147483647, as in seeds=0,1,2, not {wrong[0]!r}")
    return [int(item) for item in items]


READERS: dict[str, Callable[[str, str], Any]] = {
    "table": _word,
    "action": _one_of(*ACTIONS),
    "jobs": _number,
    "on_error": _one_of("continue", "stop"),
    "output": _folder,
    "results": _folder,
    "experiments": _folder,
    "config_dir": _folder,
    "tasks": _list,
    "scales": _list,
    "seeds": _seeds,
    "methods": _list,
    "split": _one_of("validation", "test"),
}
"""How each option of a sweep is read; any other is one of run.py."""


def sweep(arguments: Sequence[str]) -> None:
    """Do what the user asked for; raises EdtError where cells failed, once everything else is done."""
    request = Request.read(arguments)
    spec = request.spec()
    console = Console()
    output = request.runs
    specs = cells_of(request.table, spec)

    def planned() -> Plan:
        return make_plan(specs, request.overrides, output, config_dir=request.config_dir, tables=request.tables)

    if request.others and request.output is None:
        words = f"{', '.join(request.others)}: with other options than the table's own, runs are kept apart in {output}"
        console.print(words, markup=False, highlight=False, soft_wrap=True)
    if request.action == "plan":
        print_plan(console, request, planned())
        return
    if request.action == "render":
        _render(console, request, spec, planned() if output.is_dir() else None)
        return
    with _alone(request.table, output, request.place):
        clocked = Clocked(output, request.place, jobs=request.jobs)
        plan = planned()
        print_plan(console, request, plan)
        for cell in plan.cells:
            if cell.state != "measured" and cell.reason:
                raise EdtError(f"{cell.spec.name} cannot be run here: {cell.reason}")
        recorder = Recorder(plan, output, request.place)
        try:
            jobs = _run(request, spec, plan, output, (clocked.watch, recorder.watch))
        except (
            BaseException
        ):  # above all Ctrl-C and SIGTERM: what is done is kept, and shown by every file of the table
            recorder.keep()
            clocked.keep()
            _say_aside(console, request.place, recorder)
            with suppress(Exception):  # the reason for stopping is the one to be told
                render(spec, request.place)
            raise
        recorder.keep()
        line = clocked.keep()
        _render(console, request, spec, plan.refreshed(output))
        _say_aside(console, request.place, recorder)
    if line is not None:
        console.print(took(line), markup=False, highlight=False)
    _say_failures(console, jobs)


@contextmanager
def _alone(table: str, output: Path, place: Path) -> Iterator[None]:
    """One sweep at a time in a folder of runs, and in one of results; another waits, and then finds what the first did.

    Both folders are seen to be writable before anything is run.
    """
    check_writable(output, "output")
    check_writable(place, "results")
    with ExitStack() as held:
        for folder in sorted({output.resolve(), place.resolve()}):  # in one order, so that no two wait for each other
            lock = FileLock(folder / ".lock")
            try:
                lock.acquire(timeout=0.2)
            except Timeout:
                print(f"waiting for another sweep of table {table} in {folder}", flush=True)
                lock.acquire()
            held.callback(lock.release)
        yield


def _render(console: Console, request: Request, spec: TableSpec, plan: Plan | None) -> None:
    """Everything that is made from `cells.csv`; and the report, where the runs' own files are on this machine."""
    rendered = render(spec, request.place)
    if plan is not None:
        report = write_report(rendered, plan.cells, request.runs)
        rendered = replace(rendered, files=(*rendered.files, report))
    show(console, rendered)
    if plan is not None:
        publish(console, rendered, plan.cells, request.runs)


def _say_aside(console: Console, place: Path, recorder: Recorder) -> None:
    for path in recorder.aside:
        words = f"{place / CELLS} held measured lines that are not in the new one, or could not be read: kept as {path}"
        console.print(words, markup=False, highlight=False, soft_wrap=True)


def _run(
    request: Request, spec: TableSpec, plan: Plan, output: Path, watches: Sequence[Callable[[Sequence[Job]], None]]
) -> list[Job]:
    missing = [cell for cell in plan.cells if cell.state != "measured"]
    other = {scale for scale in spec.scales if scale != spec.headline_scale} if spec.headline_scale else set()
    # a table that is stopped half way has what its headlines need, for as many whole seeds as there was time for
    seeds = list(dict.fromkeys(cell.spec.seed for cell in missing))
    missing.sort(key=lambda cell: (cell.spec.scale in other, seeds.index(cell.spec.seed)))
    if not missing:
        return []
    seconds, unknown = plan.seconds(plan.stages(missing=True))
    estimate = None if unknown else seconds / at_once(request.jobs, len(missing))
    with live_view(f"table {request.table}", estimate, plan.costs(missing)) as show_jobs:

        def watch(jobs: Sequence[Job]) -> None:
            for one in (*watches, show_jobs):
                one(jobs)

        return run_cells(
            missing,
            output,
            jobs=request.jobs,
            stop_on_error=request.on_error == "stop",
            watch=watch,
        )


def _say_failures(console: Console, jobs: Sequence[Job]) -> None:
    failed = [job for job in jobs if job.state == "failed"]
    left = sum(job.state == "waiting" for job in jobs)
    for job in failed:
        console.print(f"failed: {job.cell.spec.name}: {job.reason}", style="red", markup=False, soft_wrap=True)
        console.print(f"  log: {job.folder / 'log.txt'}", markup=False, highlight=False, soft_wrap=True)
    if failed:
        waiting = f", {left} not started" if left else ""
        raise EdtError(f"{len(failed)} of {len(jobs)} cells failed{waiting}; the same command runs them again")


def print_plan(console: Console, request: Request, plan: Plan) -> None:
    """Cells, distinct stages, what exists and what the rest will cost, as this machine has known it so far."""
    states = Counter(cell.state for cell in plan.cells)
    done = f"{states['measured']} done, {states['failed']} failed before, {states['missing']} to run"
    console.print(f"table {request.table}: {len(plan.cells)} cells ({done})", highlight=False)
    every, missing = plan.stages(), plan.stages(missing=True)
    asked = Counter(stage.kind for cell in plan.cells for stage in cell.stages)
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("stage", "asked for by cells", "distinct", "to make", "seconds each", "time"):
        grid.add_column(head, justify="left" if head == "stage" else "right")
    rates: Mapping[str, float] = plan.rates
    for kind in dict.fromkeys(stage.kind for stage in every):
        left = [stage for stage in missing if stage.kind == kind]
        rate = rates.get(kind)
        unit = "" if rate is None else f"{rate:.2f} a sample" if kind == "tune" else f"{rate:.1f}"
        cost = "" if rate is None else clock(plan.seconds(left)[0])
        distinct = sum(stage.kind == kind for stage in every)
        grid.add_row(kind, str(asked[kind]), str(distinct), str(len(left)), unit or "unknown", cost or "unknown")
    console.print(grid)
    seconds, unknown = plan.seconds(missing)
    if unknown:
        what = ", ".join(unknown)
        console.print(f"How long it takes is not known yet: no {what} has been run in this store.", highlight=False)
    else:
        console.print(_time(request.jobs, seconds, states["missing"] + states["failed"]), highlight=False)
    for line in words_on_asking(plan):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for reason in dict.fromkeys(cell.reason for cell in plan.cells if cell.reason):
        console.print(f"cannot be run here: {reason}", markup=False, highlight=False, soft_wrap=True)


def at_once(jobs: int, cells: int) -> int:
    """How many cells get on at once as if each were alone: no more than there are cores to run them."""
    return max(1, min(jobs, cells, cores()))


def _time(jobs: int, seconds: float, cells: int) -> str:
    """An estimate: stages in the store may have had other threads than these cells will have."""
    threads = threads_of(jobs)
    each = f"{threads} thread{'s' if threads > 1 else ''} of {cores()} core{'s' if cores() > 1 else ''}"
    return (
        f"About {clock(seconds / at_once(jobs, cells))} with jobs={jobs} ({clock(seconds)} of work, by the "
        f"medians of what the store has seen). It is an estimate: a cell has {each}, and takes longer than a stage "
        "in the store that had more."
    )
