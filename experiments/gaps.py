"""A table's scores split by planted gap: is what is missing learnt, or is what was known lost?

    python experiments/gaps.py table=main                        on the split that the table shows
    python experiments/gaps.py table=main split=validation seeds=0,1

Reads the answers in the table's cells.csv and the planted truth of Pocket's questions; runs nothing.  What the table
shows goes to experiments/results/TABLE/gaps.md and gaps.json, another split or some seeds to outputs/tables/TABLE.
results=FOLDER says where else TABLE/cells.csv is and the files go, experiments=FOLDER where tables are described.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edt.cli import say_errors
from edt.errors import EdtError
from edt.pocket.census import facts_of
from edt.pocket.makers import is_gap
from edt.pocket.targets import TASKS
from edt.process import prepare_script
from edt.store.keys import digest
from edt.sweep.command import READERS
from edt.sweep.record import CELLS
from edt.sweep.spec import EXPERIMENTS, TableSpec, read_table, table_names
from edt.tables.cells import Cell, read_cells
from edt.tables.escape import markdown as md
from edt.tables.grids import Grid, present
from edt.tables.markdown import blocks, percent, table
from edt.tables.page import named
from edt.tables.planted import ABOUT, GAP, OTHER, Change, Part, Planted, split_by_gap
from edt.tables.seeds import DRAWS
from edt.tasks.pocket import PocketTask

KEYS = ("table", "split", "seeds", "results", "experiments")
PREFIX = "pocket_"
TITLES = {GAP: "On questions about planted gaps", OTHER: "On all other questions"}
NONE = "–"


@dataclass
class Request:
    """What a user asked for."""

    table: str = ""
    split: str | None = None
    """Null: the one that the table shows."""
    seeds: list[int] | None = None
    results: Path | None = None
    """The folder of the tables' folders; null: `results` among the tables."""
    experiments: Path = EXPERIMENTS

    @classmethod
    def read(cls, arguments: Sequence[str]) -> Request:
        found: dict[str, Any] = {}
        for argument in arguments:
            key, sign, value = argument.partition("=")
            if not sign or key not in KEYS:
                raise EdtError(f"cannot read the option {argument!r}; write key=value, with one of {', '.join(KEYS)}")
            found[key] = READERS[key](key, value)
        request = cls(**found)
        if not request.table:
            raise EdtError(f"name a table, as in table=main; known are {', '.join(table_names(request.experiments))}")
        return request

    @property
    def cells(self) -> Path:
        """The file that everything is made from."""
        return (self.results or self.experiments / "results") / self.table / CELLS

    def place(self, shown: str) -> Path:
        """The folder of what is made: beside the table only where it is on the `shown` split, with all its seeds."""
        part = self.seeds is not None or self.split not in (None, shown)
        return Path("outputs/tables") / self.table if part and self.results is None else self.cells.parent


@dataclass(frozen=True, kw_only=True)
class Scores:
    """A table's scores split by planted gap."""

    table: str
    title: str
    split: str
    baseline: str
    runs: int
    """That were asked for, of Pocket's tasks."""
    measured: int
    seeds: tuple[int, ...]
    """Of those that are measured."""
    questions: dict[str, tuple[int, int]]
    """By task: how many are about planted gaps, and how many there are."""
    left_out: tuple[str, ...]
    """Tasks that are not Pocket's."""
    parts: tuple[Part, ...]


def scores_of(request: Request, spec: TableSpec) -> Scores:
    """Raises EdtError where the table has no task of Pocket, nothing measured, or answers to other questions."""
    if not any(map(_pocket_name, spec.tasks)):
        raise EdtError(
            f"table {request.table!r} has no task of Pocket, where gaps are planted, but {', '.join(spec.tasks)}; "
            "name another table"
        )
    split = request.split or spec.split
    cells = [cell for cell in read_cells(request.cells) if cell.split == split and _pocket_name(cell.task)]
    ours = _with_seeds(cells, request)
    measured = [cell for cell in ours if cell.state == "measured"]
    if not measured:
        of = f" with seeds {', '.join(map(str, request.seeds))}" if request.seeds else ""
        raise EdtError(
            f"{request.cells} has no measured run on the {split} split of a task of Pocket{of}; "
            f"run `python sweep.py table={request.table}` first, or name another split"
        )
    planted = planted_in(measured)
    return Scores(
        table=request.table,
        title=spec.title,
        split=split,
        baseline=spec.baseline,
        runs=len(ours),
        measured=len(measured),
        seeds=tuple(sorted({cell.seed for cell in measured})),
        questions={cell.task: (sum(planted[cell.questions]), len(planted[cell.questions])) for cell in measured},
        left_out=tuple(task for task in spec.tasks if not _pocket_name(task)),
        parts=tuple(split_by_gap(measured, planted, baseline=spec.baseline)),
    )


def _pocket_name(task: str) -> str:
    """Of a task in Pocket; empty where it is not one of Pocket's."""
    name = task.removeprefix(PREFIX)
    return name if name in TASKS and task != name else ""


def _with_seeds(cells: Sequence[Cell], request: Request) -> Sequence[Cell]:
    """Those of the seeds that were asked for; untuned students answer with every seed alike, and stay."""
    if request.seeds is None:
        return cells
    known = sorted({cell.seed for cell in cells})
    for seed in request.seeds:
        if seed not in known:
            raise EdtError(f"table {request.table!r} has no seed {seed}; choose of: {', '.join(map(str, known))}")
    return [cell for cell in cells if cell.seed in request.seeds or not cell.scale]


def planted_in(cells: Iterable[Cell]) -> Planted:
    """Of the cells' questions which are about a planted gap; EdtError where the present data have other questions."""
    found: dict[str, tuple[bool, ...]] = {}
    for cell in cells:
        if cell.questions not in found:
            found[cell.questions] = _planted(cell)
    return found


def _planted(cell: Cell) -> tuple[bool, ...]:
    """A run may have been asked the first so many of a split."""
    task = PocketTask(_pocket_name(cell.task))
    samples = sorted((task.validation if cell.split == "validation" else task.test)[: cell.n], key=lambda s: s.id)
    present = digest([sample.id for sample in samples])[:12]
    if present != cell.questions:
        raise EdtError(
            f"the {cell.n} {cell.split} questions of {cell.run or cell.task} are {cell.questions or 'not known'}, and "
            f"those in {task.root} are {present}, so nobody knows which were about planted gaps; "
            f"run `python sweep.py table={cell.table}` on the present data"
        )
    return tuple(is_gap(facts_of(sample)) for sample in samples)


def data_of(scores: Scores) -> dict[str, Any]:
    """As plain data; shares with six digits after the point."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(of) for name, of in value.items()}
        if isinstance(value, list | tuple):
            return [plain(of) for of in value]
        return round(value, 6) if isinstance(value, float) else value

    return plain(asdict(scores))


def grids_of(scores: Scores) -> list[Grid]:
    """Scores on each kind of questions that there are, and which runs they are of."""
    baseline = named(scores.baseline)
    heads = ("method", "samples", "accuracy %", f"minus {baseline} (95%)", "minus pre-trained (95%)", "learnt", "lost")
    rows = {about: tuple(_row(part) for part in scores.parts if part.about == about) for about in ABOUT}
    grids = [Grid(title=TITLES[about], heads=heads, rows=of, words=2) for about, of in rows.items() if of]
    return [*grids, _coverage(scores.parts, baseline)]


def _row(part: Part) -> tuple[str, ...]:
    tuned = part.to_untuned
    shares = (NONE, NONE) if tuned is None else (_points(tuned.learnt), _points(tuned.lost))
    return *_name(part), _points(part.score), _interval(part.to_baseline), _interval(tuned), *shares


def _coverage(parts: Sequence[Part], baseline: str) -> Grid:
    """The runs of a method are the same for both kinds, but where a task has questions of one kind only."""
    most: dict[tuple[str, str], Part] = {}
    for part in sorted(parts, key=lambda part: -part.runs):
        most.setdefault((part.method, part.scale), part)
    rows = [most[place] for place in dict.fromkeys((part.method, part.scale) for part in parts)]
    return Grid(
        title="Measured runs (their seeds), and how many have a counterpart",
        heads=("method", "samples", "runs", f"beside {baseline}", "beside pre-trained"),
        rows=tuple((*_name(part), *map(_runs, (part, part.to_baseline, part.to_untuned))) for part in rows),
        words=2,
    )


def _name(part: Part) -> tuple[str, str]:
    return named(part.method), part.scale or "none"


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _interval(change: Change | None) -> str:
    if change is None:
        return NONE
    return f"{100 * change.mean:+.1f} ({100 * change.low:+.1f} to {100 * change.high:+.1f})"


def _runs(of: Part | Change | None) -> str:
    return NONE if of is None else f"{of.runs} ({', '.join(map(str, of.seeds))})"


def notes_of(scores: Scores) -> list[str]:
    """What a reader must know to read them."""
    counts = ", ".join(f"{task} {gaps} of {n}" for task, (gaps, n) in sorted(scores.questions.items()))
    shares = [gaps / n for gaps, n in scores.questions.values()]
    left_out = f" Not of Pocket, and left out: {', '.join(scores.left_out)}." if scores.left_out else ""
    return [
        f"Planted gaps are kinds of things and topics that Pocket's student was kept from before it was tuned. Of the "
        f"{scores.split} questions {percent(min(shares))} to {percent(max(shares))}% are about one: {counts}.",
        f"Coverage: {scores.measured} of {scores.runs} runs measured, with seeds "
        f"{', '.join(map(str, scores.seeds))}.{left_out} Accuracy is the mean over tasks of the means over seeds that "
        "are measured, so that rows may be over different runs; a difference is over the same on both sides.",
        f"Differences, in points, are paired by task, seed and question, with 95% intervals by bootstrap over seeds "
        f"and questions ({DRAWS:,} draws), in the mean over as many tasks as any seed has on both sides, and with all "
        "seeds that these tasks share. One seed shows nothing of how much seeds vary: its interval is over questions "
        "only.",
        "Pre-trained is the same student before tuning, whose answers hang on no seed and stand beside those of every "
        "seed. Learnt: of 100 questions those that it had not right and the tuned student has; lost: the other way "
        "round. The difference is learnt less lost.",
    ]


def to_markdown(scores: Scores) -> str:
    """All of it as a page."""
    parts = [f"# {md(scores.title)} by planted gap, {scores.split} split"]
    for grid in grids_of(scores):
        rows = [[*map(md, row)] for row in grid.rows]
        parts += [f"## {grid.title}", table([*map(md, grid.heads)], rows, words=grid.words)]
    return blocks(*parts, "## Notes", "\n".join(f"- {md(note)}" for note in notes_of(scores))) + "\n"


def main() -> None:
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return
    request = Request.read(arguments)
    spec = read_table(request.table, folder=request.experiments)
    scores = scores_of(request, spec)
    place = request.place(spec.split) / "gaps"
    present(grids_of(scores), notes_of(scores), to_markdown(scores), data_of(scores), place)


if __name__ == "__main__":
    prepare_script()
    sys.exit(say_errors(main))
