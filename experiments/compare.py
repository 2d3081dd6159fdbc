"""Teachers, and ways to find the mistaken step, on one frozen set of errors whose mistakes are known.

    python experiments/compare.py table=identifiers      the paper's four rows
    python experiments/compare.py table=teachers         one teacher beside another
    python experiments/compare.py table=identifiers per_task=10 tasks=furniture,vqa teacher.batch_size=8

Tables are described in experiments/comparisons/NAME.yaml.  errors=FILE keeps the set there, or takes it from there;
students=true adds the student's own validation errors, placed by Pocket's grammar.  Any other key=value is an option of
run.py.  A whole table goes to experiments/results/NAME.json and .md, a part of one, or one with other options, to
outputs/comparisons; results=FOLDER says where else.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from edt.build import Builder
from edt.cli import say_errors
from edt.diagnosis.contest import Judge, agreements
from edt.diagnosis.frozen import PlacedError, digest_of, placed, planted, read_errors, write_errors
from edt.errors import EdtError
from edt.experiment import compose
from edt.loop import collect_errors
from edt.process import prepare_script
from edt.protocols import Priced, Teacher
from edt.store.folders import Store
from edt.store.stages import Stages, noting
from edt.tables.contest import grids_of, notes_of, to_markdown
from edt.tables.grids import present
from edt.tables.references import read_published
from edt.teachers.meter import Meter
from edt.types import Gap

HERE = Path(__file__).parent
log = logging.getLogger("edt")
FOLDER, REFERENCES = HERE / "comparisons", HERE / "references.yaml"


@dataclass
class TeacherRow:
    """One teacher of a comparison."""

    overrides: list[str] = field(default_factory=list)
    """Options of run.py that choose it."""
    identifiers: list[str] | None = None
    """What it is asked with; null: as the table has it."""


@dataclass
class Comparison:
    """What is compared, on what."""

    title: str
    tasks: list[str]
    """Of Pocket, without their prefix."""
    per_task: int
    teachers: dict[str, TeacherRow]
    identifiers: list[str]
    analyst: str
    seed: int = 0
    reference: str = ""
    """A published table of one column to show beside it."""


@dataclass
class Request:
    """What a user asked for."""

    table: str = ""
    errors: Path | None = None
    students: bool = False
    results: Path | None = None
    config_dir: Path | None = None
    comparisons: Path = FOLDER
    """Where tables are described."""
    changes: dict[str, Any] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, arguments: Sequence[str]) -> Request:
        found = cls()
        for argument in arguments:
            key, sign, value = argument.partition("=")
            if not sign:
                raise EdtError(f"cannot read the option {argument!r}; write key=value")
            if key in ("errors", "results", "config_dir", "comparisons"):
                setattr(found, key, Path(value))
            elif key == "table":
                found.table = value
            elif key == "students":
                if value not in ("true", "false"):
                    raise EdtError(f"students must be true or false, not {value!r}")
                found.students = value == "true"
            elif key in ("tasks", "per_task", "seed", "identifiers"):
                found.changes[key] = value.split(",") if key in ("tasks", "identifiers") else value
            else:
                found.overrides.append(argument)
        return found

    @property
    def place(self) -> Path:
        """Published is only the whole table as it is described."""
        part = self.changes or self.overrides or self.students or self.errors or self.comparisons != FOLDER
        return self.results or (Path("outputs/comparisons") if part else HERE / "results")


def read_comparison(name: str, changes: Mapping[str, Any], *, folder: Path = FOLDER) -> Comparison:
    """A description, with what the user changed of it; EdtError where it is unsound."""
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise EdtError(f"there is no comparison {name!r}; choose one of: {known}")
    try:
        whole = OmegaConf.merge(OmegaConf.structured(Comparison), OmegaConf.load(path), dict(changes))
        found = OmegaConf.to_object(whole)
    except (OmegaConfBaseException, ValueError) as error:
        raise EdtError(f"{path}: {' '.join(str(error).split())}") from None
    assert isinstance(found, Comparison)
    if found.per_task < 1:
        raise EdtError(f"per_task is {found.per_task}; it must be 1 or more")
    return found


def errors_of(comparison: Comparison, request: Request, builder: Builder) -> list[PlacedError]:
    """The frozen set: out of its file where there is one, which is written otherwise."""
    if request.errors and request.errors.exists():
        return read_errors(request.errors)
    errors: list[PlacedError] = []
    for name in comparison.tasks:
        config = compose([f"task=pocket_{name}", *request.overrides], config_dir=request.config_dir)
        task = builder.part("task", config.task)
        errors += planted(name, [*task.validation, *task.test], comparison.per_task, seed=comparison.seed)
        if request.students:
            parts, told = builder.parts(config), noting(config.store.root, "compare")
            stages = Stages(parts=parts, store=Store(config.store.root), seed=config.seed, told=told)
            errors += placed(name, collect_errors(task, stages.predict("validation", None)))
    if request.errors:
        write_errors(errors, request.errors)
    return errors


class Contest:
    """Every teacher with every identifier on the same errors."""

    def __init__(self, comparison: Comparison, request: Request) -> None:
        self._comparison, self._request, self._builder = comparison, request, Builder()
        self._errors = errors_of(comparison, request, self._builder)
        supporting = self._builder.part("supporting", self._config([], "random_step").supporting)
        self._judge = Judge(self._errors, supporting.samples)
        self.rows: list[dict[str, Any]] = []
        self.namings: list[dict[str, Any]] = []
        self._steps: dict[str, dict[str, list[int | None]]] = {}
        self._true_gaps: dict[str, list[Gap]] = {}

    def _config(self, overrides: Sequence[str], identifier: str) -> Any:
        chosen = [f"identifier={identifier}", f"analyst={self._comparison.analyst}", *overrides]
        return compose([*chosen, *self._request.overrides], config_dir=self._request.config_dir)

    def ask(self, name: str, row: TeacherRow) -> None:
        """Everything that one teacher is asked."""
        identifiers = self._comparison.identifiers if row.identifiers is None else row.identifiers
        config = self._config(row.overrides, identifiers[0])
        teacher: Teacher = self._builder.part("teacher", config.teacher)
        source = str(teacher.fingerprint().get("source", "local"))
        teacher.prepare()
        if teacher.can.completion and not isinstance(teacher, Priced):
            teacher.complete(["?"], max_tokens=1)  # loads the model, for which no row should pay
        meter = Meter(teacher)
        analyst = self._builder.part("analyst", config.analyst, {"teacher": meter})
        gaps = self._judge.name(analyst, self._judge.steps)
        naming = self._judge.naming(gaps, meter.bill())
        log.info("%s · skills: %d of %d found", name, naming.found.count, naming.found.n)
        self.namings.append({"teacher": name, "naming": asdict(naming)})
        self._true_gaps[name] = gaps
        named = {(n, gap.step): gap for n, gap in enumerate(gaps)}
        for identifier in identifiers:
            self._place(name, source, teacher, analyst, identifier, row, named)

    def _place(
        self,
        name: str,
        source: str,
        teacher: Teacher,
        analyst: Any,
        identifier: str,
        row: TeacherRow,
        named: dict[tuple[int, int | None], Gap],
    ) -> None:
        meter = Meter(teacher)
        about: dict[str, Any] = {"teacher": name, "identifier": identifier}
        try:
            node = self._config(row.overrides, identifier).identifier
            part = self._builder.part("identifier", node, {"teacher": meter})
        except EdtError as error:
            self.rows.append({**about, "source": source, "placing": None, "refused": str(error)})
            return
        mistakes = self._judge.place(part)
        bill = meter.bill()
        steps = [mistake.step for mistake in mistakes]
        fresh = [None if (n, step) in named else step for n, step in enumerate(steps)]
        for n, (step, gap) in enumerate(zip(steps, self._judge.name(analyst, fresh), strict=True)):
            named.setdefault((n, step), gap)
        placing = self._judge.placing(mistakes, [named[n, step] for n, step in enumerate(steps)], bill)
        log.info(
            "%s · %s: %d of %d exact, %.0f s", name, identifier, placing.exact.count, placing.exact.n, bill.seconds
        )
        said = source if bill.calls else "none asked"
        self.rows.append({**about, "source": said, "placing": asdict(placing), "refused": ""})
        self._steps.setdefault(identifier, {})[name] = steps

    def data(self) -> dict[str, Any]:
        """All figures, as plain data."""
        errors = self._errors
        compared = {name: of for name, of in self._steps.items() if len(of) > 1}
        return {
            "comparison": self._request.table,
            "title": self._comparison.title,
            "errors": {
                "n": len(errors),
                "digest": digest_of(errors),
                "by_step": {str(step): n for step, n in sorted(Counter(e.step for e in errors).items())},
                "by_task": dict(Counter(e.task for e in errors)),
                "by_origin": dict(Counter(e.origin for e in errors)),
            },
            "rows": self.rows,
            "namings": self.namings,
            "agreements": {
                name: [asdict(pair) for pair in agreements(of, self._true_gaps)] for name, of in compared.items()
            },
            "paper": _paper(self._comparison.reference),
        }


def _paper(name: str) -> dict[str, Any] | None:
    if not name:
        return None
    published = read_published(REFERENCES, name)
    scores = {row.method: row.scores[0] for row in published.rows}
    return {"paper": published.paper, "source": published.source, "scores": scores}


def main() -> None:
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return
    request = Request.read(arguments)
    comparison = read_comparison(request.table, request.changes, folder=request.comparisons)
    contest = Contest(comparison, request)
    for name, row in comparison.teachers.items():
        contest.ask(name, row)
    data = contest.data()
    present(grids_of(data), notes_of(data), to_markdown(data), data, request.place / data["comparison"])


if __name__ == "__main__":
    prepare_script()
    sys.exit(say_errors(main))
