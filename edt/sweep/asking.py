"""What the teachers of a table are asked at most, before anything of it is run. Asks nobody, and loads no model.

Every question is taken to be answered wrong, with as many steps as a reply has
room for. Parts say themselves what they ask about such an error: they are given
one that is as long as any, and a teacher that only counts (`edt.teachers.ahead`).
Beside that bound stands what finished stages asked, where the store and the call
book hold any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edt.build import Builder, needs
from edt.config import Config
from edt.errors import EdtError
from edt.protocols import Cost, Priced, Teacher, fingerprint_of
from edt.store.keys import canonical
from edt.sweep.expecting import Past
from edt.sweep.plan import Plan
from edt.teachers.ahead import Reckoner, times, total
from edt.teachers.meter import CHARACTERS_A_TOKEN, words_of, words_on_expected
from edt.teachers.prices import price_of
from edt.types import ErrorSample, Mistake, Outcome, Prediction, Sample

PARTS = {"identify": "identifier", "analyse": "analyst"}
"""Stages that may ask a teacher, and whose part does."""
QUESTION, OPTIONS, OPTION = 1200, 5, 40
"""Characters, options and characters an option of a question that is not looked at."""
ROOM = 256
"""Tokens of a reply of a student that does not say how long one may be."""
STEP = 6
"""Tokens of the shortest step: `Step 1:`, a word and a line break."""


@dataclass
class Asked:
    """What one teacher is asked at most, over all stages that are to be made."""

    name: str
    options: Mapping[str, Any]
    teacher: Teacher | None = None
    """None where it cannot be built here."""
    stages: Counter[str] = field(default_factory=Counter)
    """How many ask it, by kind."""
    costs: list[Cost] = field(default_factory=list)
    expected: list[Cost] = field(default_factory=list)
    """Of those stages that finished ones are like."""
    unknown: list[str] = field(default_factory=list)
    """Why a stage's calls are not known, each reason once a stage."""


def words_on_asking(plan: Plan) -> list[str]:
    """What is known and what is not of each teacher, and a line on what that rests on."""
    found = asked_of(plan)
    if not found:
        return ["No teacher is to be asked: 0 dollars."]
    lines = [line for asked in found for line in _words(asked)]
    if not any(asked.costs for asked in found):
        return lines
    return [
        *lines,
        f"That is with every validation question answered wrong, with as many steps as a reply has room for ({STEP} "
        f"tokens each at least), nothing held already and no call repeated; a question that is not looked at has "
        f"{QUESTION:,} characters and {OPTIONS} options of {OPTION}, and a priced teacher counts a byte as a token in.",
    ]


def asked_of(plan: Plan) -> list[Asked]:
    """What every teacher is asked at most by the stages that no finished cell has made."""
    cells = {stage.name: cell for cell in plan.cells for stage in cell.stages}
    found: dict[str, Asked] = {}
    reckoned = _Reckoned()
    for stage in plan.stages(missing=True):
        cell = cells[stage.name]
        if not _asks(cell.config, stage.kind):
            continue
        options = cell.config.teacher
        asked = found.setdefault(canonical(options), Asked(name=cell.teacher, options=options))
        asked.stages[stage.kind] += 1
        try:
            asked.teacher = reckoned.teacher(options)
            asked.costs.append(reckoned.stage(cell.config, stage.kind))
            if expected := reckoned.expected(cell.config, stage.kind):
                asked.expected.append(expected)
        except (EdtError, OSError) as error:
            asked.unknown.append(str(error))
    return list(found.values())


def _asks(config: Config, kind: str) -> bool:
    return kind in PARTS and needs(PARTS[kind], getattr(config, PARTS[kind]), "teacher")


def _words(asked: Asked) -> list[str]:
    stages = ", ".join(f"{number} {kind}" for kind, number in asked.stages.items())
    lines = [f"not known of {asked.unknown.count(why)} stages: {why}" for why in dict.fromkeys(asked.unknown)]
    if asked.teacher is not None and asked.costs:
        cost = total(asked.costs)
        dated = f" by {_prices(asked.options)}" if cost.usd else ""
        lines = [f"at most {words_of(cost, asked.teacher)}{dated}{_limit(asked)}", *_expected(asked), *lines]
    return [f"Teacher {asked.name} ({stages} stages): {line}" for line in lines]


def _expected(asked: Asked) -> list[str]:
    if not asked.expected:
        return []
    rest = asked.stages.total() - len(asked.expected)
    left_out = f", without {rest} that are like none that is finished" if rest else ""
    words = words_on_expected(total(asked.expected))
    return [f"expected, by the mean of finished stages that asked: {words}, for {len(asked.expected)} stages{left_out}"]


def _prices(options: Mapping[str, Any]) -> str:
    if options.get("usd_per_million") is not None:
        return "teacher.usd_per_million"
    return f"the price of {price_of(options['model']).as_of}"


def _limit(asked: Asked) -> str:
    """What stops a run earlier, for a teacher that has a price."""
    if not isinstance(asked.teacher, Priced):
        return ""
    limit = asked.options.get("max_usd")
    bound = "" if limit is None else f"; a run ends before its call book could pass teacher.max_usd={limit:g}"
    return f"{bound}; spent so far: `python -m edt.teachers.bundle ledger`"


class _Reckoned:
    """Costs of stages, each kind of question reckoned once."""

    def __init__(self) -> None:
        self._builder = Builder()
        self._known: dict[str, Cost] = {}
        self._errors: dict[str, tuple[int, ErrorSample]] = {}
        self._past: dict[str, Past] = {}

    def teacher(self, options: Mapping[str, Any]) -> Teacher:
        return self._builder.part("teacher", options)

    def stage(self, config: Config, kind: str) -> Cost:
        """At most; raises EdtError where a part cannot be built here, or the questions cannot be counted."""
        options = getattr(config, PARTS[kind])
        room = config.student.get("max_new_tokens")
        key = canonical([kind, options, config.teacher, config.task, room])
        if key not in self._known:
            number, error = self._error(config.task, room if type(room) is int else ROOM)
            reckoner = Reckoner(self.teacher(config.teacher))
            part = Builder().part(PARTS[kind], options, {"teacher": reckoner})
            if kind == "identify":
                part.identify([error])
            else:
                part.analyse([error], [Mistake(sample_id="", step=len(error.prediction.steps), reason="")])
            self._known[key] = times(reckoner.cost, number)
        return self._known[key]

    def expected(self, config: Config, kind: str) -> Cost | None:
        """By finished stages; None where the teacher keeps no book, or none of them is like this one."""
        options, calls = config.teacher, config.teacher.get("calls")
        if not calls or not (book := Path(calls).expanduser()).is_file():
            return None
        root = Path(config.store.root)
        name = canonical([options, str(root)])
        if name not in self._past:
            priced = isinstance(self.teacher(options), Priced)
            price = price_of(options["model"], options.get("usd_per_million")) if priced else None
            self._past[name] = Past(root, book, price)
        try:
            part = self._builder.part(PARTS[kind], getattr(config, PARTS[kind]), {"teacher": self.teacher(options)})
            prints = fingerprint_of(part), fingerprint_of(self._builder.part("task", config.task))
        except (EdtError, OSError):  # its data are not on this machine, which a bound can do without
            return None
        return self._past[name].mean(kind, *prints)

    def _error(self, task: Mapping[str, Any], room: int) -> tuple[int, ErrorSample]:
        """How many errors there are at most, and one that is as long as any."""
        key = canonical([task, room])
        if key not in self._errors:
            number, sample = self._questions(task)
            steps = max(1, room // STEP)
            wrong = next((option for option in sample.options if option != sample.answer), "y" * len(sample.answer))
            prediction = Prediction(
                sample_id=sample.id,
                text="",
                steps=("x" * (room * CHARACTERS_A_TOKEN // steps),) * steps,
                answer=wrong,
                outcome=Outcome.WRONG,
            )
            self._errors[key] = number, ErrorSample(sample=sample, prediction=prediction)
        return self._errors[key]

    def _questions(self, task: Mapping[str, Any]) -> tuple[int, Sample]:
        """The number that is configured; else they are looked at, as where all of a small dataset are taken."""
        number = task.get("num_validation")
        if type(number) is int:
            options = tuple(f"{place}".ljust(OPTION, "x") for place in range(OPTIONS))
            return number, Sample(id="", image="", question="x" * QUESTION, options=options, answer=options[0])
        samples: Sequence[Sample] = self._builder.part("task", task).validation
        return len(samples), _longest(samples)


def _longest(samples: Sequence[Sample]) -> Sample:
    """A question as long as any, with the most options and the longest answer; its answer is its own."""
    question = max((sample.question for sample in samples), key=_size, default="")
    options = max((sample.options for sample in samples), key=lambda of: (len(of), sum(map(_size, of))), default=())
    answer = max((sample.answer for sample in samples), key=_size, default="")
    return Sample(id="", image="", question=question, options=options, answer=options[0] if options else answer)


def _size(text: str) -> int:
    return len(text.encode())
