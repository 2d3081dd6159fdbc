"""The stages of the loop, each looked up before it is done. Knows what every stage's result depends on.

Keys are made from the *content* of what a stage reads: two methods that pick
the same samples share one training, and a changed part that comes to the same
result changes nothing after it. Knows neither the order of the loop nor any
model; parts do the work.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from edt.clock import model_seconds
from edt.errors import EdtError
from edt.process import release_memory
from edt.protocols import Analyst, Identifier, Part, Selector, Student, Supporting, Task, Teacher, Tuner, fingerprint_of
from edt.purpose import working_for
from edt.store.folders import Store, Stored
from edt.store.keys import digest, stage_key
from edt.types import Adapter, ErrorSample, Gap, Mistake, Pick, Prediction, from_json, picked_of, to_json

NOTES = "stages.jsonl"
"""In a run's folder: a `StageNote` a line."""
VERSIONS = {"predict": 1, "identify": 1, "analyse": 1, "select": 1, "tune": 1, "evaluate": 1}
"""Raise a number when the code of its stage changes what comes out."""

RESULT = "result.jsonl"
T = TypeVar("T", Prediction, Mistake, Gap, Pick, Adapter)
log = logging.getLogger("edt")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a method is made of. `teacher` is None where no part asked for one."""

    task: Task
    supporting: Supporting
    student: Student
    identifier: Identifier
    analyst: Analyst
    selector: Selector
    tuner: Tuner
    teacher: Teacher | None = None


@dataclass(frozen=True, kw_only=True)
class StageNote:
    """One stage as this run met it."""

    stage: str
    round: int
    key: str
    seconds: float
    """What making the result cost, now or when it was made."""
    seconds_in_model: float
    """Of this run: inside model code (`edt.clock`); 0 where the result was there."""
    reused: bool
    folder: str


def append_note(path: Path, note: StageNote) -> None:
    """A line a stage, on disk as soon as the stage is done: `python -m edt.store gc` reads what is in use there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(to_json(note)) + "\n")


def noting(store: Path | str, user: str) -> Callable[[StageNote], None]:
    """What tells a store of the stages that `user`, which is no run and has no folder, needs to find again."""
    return partial(append_note, Path(store) / "used" / user / NOTES)


@dataclass
class Stages:
    """The stages of one run over a store, and a note on each one passed."""

    parts: Parts
    store: Store
    seed: int
    round: int = 0
    """The round that the stages belong to; 0 after the last one."""
    notes: list[StageNote] = field(default_factory=list)
    told: Callable[[StageNote], None] = lambda note: None
    """Told of each note at once, so that a killed run has said what it made."""
    say: Callable[..., None] = log.info
    _prints: dict[int, dict[str, Any]] = field(default_factory=dict)

    def predict(self, split: str, adapter: Adapter | None) -> tuple[Prediction, ...]:
        """The student's replies to a split of the task; on the test split the stage is called `evaluate`."""
        task, student = self.parts.task, self.parts.student
        samples = task.validation if split == "validation" else task.test

        def make() -> Iterable[Prediction]:
            worn = self._wearing(adapter)
            replies = worn.answer(samples, task.root)
            return [task.read(sample, reply) for sample, reply in zip(samples, replies, strict=True)]

        return self._lines(
            "predict" if split == "validation" else "evaluate",
            Prediction,
            make,
            inputs={"split": split, "adapter": adapter.key if adapter else None},
            parts=[task, student],
            what=f"{len(samples)} {split} samples",
        )

    def identify(self, errors: Sequence[ErrorSample]) -> tuple[Mistake, ...]:
        """The mistaken step of each error, in their order."""
        identifier = self.parts.identifier

        def make() -> Iterable[Mistake]:
            return identifier.identify(errors)

        return self._lines(
            "identify",
            Mistake,
            make,
            inputs={"errors": digest(to_json(errors))},
            parts=[self.parts.task, identifier],
            what=f"{len(errors)} errors",
        )

    def analyse(self, errors: Sequence[ErrorSample], mistakes: Sequence[Mistake]) -> tuple[Gap, ...]:
        """The missing skill behind each error, in their order."""
        analyst = self.parts.analyst

        def make() -> Iterable[Gap]:
            return analyst.analyse(errors, mistakes)

        return self._lines(
            "analyse",
            Gap,
            make,
            inputs={"errors": digest(to_json(errors)), "mistakes": digest(to_json(mistakes))},
            parts=[self.parts.task, analyst],
            what=f"{len(errors)} errors",
        )

    def select(self, gaps: Sequence[Gap], *, budget: int, exclude: frozenset[str]) -> tuple[Pick, ...]:
        """The supporting samples that this round tunes on; raises EdtError where a selector breaks its contract."""
        parts = self.parts

        def make() -> Iterable[Pick]:
            picks = parts.selector.select(
                gaps, parts.supporting, parts.task, budget=budget, exclude=exclude, round=self.round, seed=self.seed
            )
            _check_picks(picks, budget=budget, exclude=exclude, selector=parts.selector)
            return picks

        inputs = {"gaps": digest(to_json(gaps)), "budget": budget, "exclude": sorted(exclude), "round": self.round}
        return self._lines(
            "select",
            Pick,
            make,
            inputs=inputs,
            parts=[parts.task, parts.supporting, parts.selector],
            seed=self.seed,
            what=f"{budget} of {len(parts.supporting.samples)} supporting samples",
        )

    def tune(self, start: Adapter | None, picks: Sequence[Pick]) -> Adapter | None:
        """The adapter after tuning on the picked samples, from `start` on; `start` itself where nothing was picked."""
        if not picks:
            return start
        parts = self.parts

        def make(folder: Path) -> None:
            table = picked_of(parts.supporting.samples, picks)
            samples = [table[pick.sample_id] for pick in picks]
            worn = self._wearing(start)
            adapter = parts.tuner.tune(worn, samples, parts.supporting.root, folder=folder / "adapter", seed=self.seed)
            inside = Adapter(path=str(Path(adapter.path).relative_to(folder)), key=adapter.key)
            _write_lines(folder, [inside])

        stored = self._fetch(
            "tune",
            make,
            inputs={"samples": [pick.sample_id for pick in picks], "start": start.key if start else None},
            parts=[parts.supporting, parts.student, parts.tuner],
            seed=self.seed,
            what=f"{len(picks)} samples",
            resumable=True,
        )
        (inside,) = _read_lines(stored.folder, Adapter)
        return Adapter(path=str(stored.folder / inside.path), key=inside.key)

    def _print_of(self, part: Part) -> dict[str, Any]:
        """Asked once a run: checksums of weights take their time."""
        if id(part) not in self._prints:
            self._prints[id(part)] = fingerprint_of(part)
        return self._prints[id(part)]

    def _note(self, note: StageNote) -> None:
        self.notes.append(note)
        self.told(note)

    def _wearing(self, adapter: Adapter | None) -> Student:
        return self.parts.student.wearing(adapter)

    def _lines(self, stage: str, kind: type[T], make: Callable[[], Iterable[T]], **facts: Any) -> tuple[T, ...]:
        stored = self._fetch(stage, lambda folder: _write_lines(folder, make()), **facts)
        return _read_lines(stored.folder, kind)

    def _fetch(
        self,
        stage: str,
        make: Callable[[Path], None],
        *,
        inputs: Mapping[str, Any],
        parts: Sequence[Part],
        what: str,
        seed: int | None = None,
        resumable: bool = False,
    ) -> Stored:
        prints = {str(number): self._print_of(part) for number, part in enumerate(parts)}
        key = stage_key(stage, VERSIONS[stage], inputs=inputs, parts=prints, seed=seed)
        inside = sum(model_seconds().values())
        where = f"round {self.round}" if self.round else "at the end"
        self.say("%s · %s: %s", where, stage, what)
        about = {"version": VERSIONS[stage], "inputs": inputs, "parts": prints, "seed": seed}
        with working_for(key):
            stored = self.store.fetch(stage, key, make, about=about, resumable=resumable)
        if stored.reused:
            self.say("%s · %s: was in the store (%s)", where, stage, key[:8])
        else:
            release_memory()
        self._note(
            StageNote(
                stage=stage,
                round=self.round,
                key=key,
                seconds=stored.seconds,
                seconds_in_model=sum(model_seconds().values()) - inside,
                reused=stored.reused,
                folder=str(stored.folder),
            )
        )
        return stored


def _check_picks(picks: Sequence[Pick], *, budget: int, exclude: frozenset[str], selector: Selector) -> None:
    ids = [pick.sample_id for pick in picks]
    name = type(selector).__name__
    if len(ids) > budget:
        raise EdtError(f"selector {name} made {len(ids)} picks where the budget is {budget}")
    if len(set(ids)) < len(ids) or exclude & set(ids):
        raise EdtError(f"selector {name} picked a sample twice; no sample may be picked twice over the rounds")


def _write_lines(folder: Path, values: Iterable[Any]) -> None:
    lines = [json.dumps(to_json(value), ensure_ascii=False) + "\n" for value in values]
    (folder / RESULT).write_text("".join(lines), encoding="utf-8")


def _read_lines(folder: Path, kind: type[T]) -> tuple[T, ...]:
    with (folder / RESULT).open(encoding="utf-8") as lines:
        return tuple(from_json(kind, json.loads(line)) for line in lines)
