"""From an error to the samples that were to mend it, and back: the links of a finished run.

Knows what a run's folder holds and how its parts refer to each other; draws
nothing and computes no score.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from edt.build import Builder, takes
from edt.cli import hint
from edt.errors import EdtError
from edt.protocols import Supporting, Task
from edt.selection.words import words_of
from edt.tables.gaps import predictions_after
from edt.types import Gap, Pick, Report, RoundRecord, Sample, by_id, from_json, picked_of


@dataclass(frozen=True, kw_only=True)
class ErrorLink:
    """An error of one round: what was asked and answered, and what the diagnosis made of it."""

    id: str
    picture: str
    question: str
    gold: str
    answer: str | None
    steps: tuple[str, ...]
    blamed: int | None
    """1-based index of the mistaken step; None where the identifier abstained."""
    reason: str
    state: str
    """Of the skill: `named`, `abstained` or `failed`."""
    skill: str | None
    after: str
    """The outcome of the same question after the round's tuning."""


@dataclass(frozen=True, kw_only=True)
class PickLink:
    """A supporting sample that was picked."""

    id: str
    picture: str
    question: str
    answer: str
    source_task: str
    required_skills: tuple[str, ...]
    shared_words: tuple[str, ...]
    """Words of the query that its required skills hold, or its question, where an error searched by its own."""
    targeted: bool
    error_id: str | None
    """The error whose turn it was; others may lack the same skill."""
    rank: int | None
    score: float | None


@dataclass(frozen=True, kw_only=True)
class Chain:
    """One query of one round, with the errors that asked it and the picks that it found."""

    round: int
    query: str | None
    """The missing skill, an error's own question, or a baseline's query; None where nothing was searched for."""
    errors: tuple[ErrorLink, ...]
    picks: tuple[PickLink, ...]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run with the datasets that its ids refer to; of the supporting one only what was picked is held."""

    report: Report
    task: Task
    supporting: Supporting

    @cached_property
    def targets(self) -> Mapping[str, Sample]:
        return by_id(self.task.validation)

    @cached_property
    def library(self) -> Mapping[str, Sample]:
        """The picked samples by id."""
        return picked_of(self.supporting.samples, self.report.picks)


def read_run(folder: Path) -> Run:
    """The run that left `folder`; raises EdtError where there is none, or one that has not come to its end."""
    import yaml

    try:
        report = from_json(Report, json.loads((folder / "report.json").read_text("utf-8")))
        config: Any = yaml.safe_load((folder / "config.yaml").read_text("utf-8"))
        task, supporting = config["task"], config["supporting"]
        _check_whole(report)
        if not isinstance(task, dict) or not isinstance(supporting, dict):
            raise TypeError("config.yaml names no task or no supporting dataset")
    except FileNotFoundError as error:
        raise EdtError(f"{error.filename} is not there; name the folder of a finished run, as `files:` says") from None
    except (OSError, ValueError, TypeError, KeyError, RecursionError, yaml.YAMLError) as error:
        raise EdtError(f"{folder} cannot be read as a run's folder ({error}); run it again, or name another") from None
    builder = Builder()
    target: Task = builder.part("task", task)
    handed = {"target": target} if takes("supporting", supporting, "target") else {}
    return Run(report=report, task=target, supporting=builder.part("supporting", supporting, handed))


def _check_whole(report: Report) -> None:
    """Raises ValueError where what one part of a report refers to is not in the others, as after an edit by hand."""
    for number, record in enumerate(report.rounds):
        parts = (record.mistakes, record.predictions, predictions_after(report, number))
        whole = set.intersection(*({one.sample_id for one in part} for part in parts))
        for gap in record.gaps:
            if gap.sample_id not in whole:
                raise ValueError(f"round {record.index} of report.json does not say all of the error {gap.sample_id!r}")
        for pick in record.picks:
            if pick.targeted and (pick.rank is None or pick.score is None):
                raise ValueError(f"round {record.index} of report.json has no rank or score of {pick.sample_id!r}")


def by_error(run: Run, error_id: str) -> list[Chain]:
    """A chain for every round in which this validation sample was an error; EdtError where it never was."""
    chains = [
        _chain(run, number, _asked_by(run, record)[error_id], [gap])
        for number, record in enumerate(run.report.rounds)
        for gap in record.gaps
        if gap.sample_id == error_id
    ]
    if not chains:
        known = _unique(gap.sample_id for record in run.report.rounds for gap in record.gaps)
        right = "it was answered right or not readably in every round" if error_id in run.targets else None
        raise EdtError(f"{error_id!r} is no error of this run; {right or _hint(error_id, known)}")
    return chains


def by_skill(run: Run, text: str) -> list[Chain]:
    """A chain for every round and query that is `text`, or else that holds all its words; EdtError without any."""
    queries = _unique(query for record in run.report.rounds for query in _queries(record))
    wanted = set(words_of(text, stop_words=False))
    found = [query for query in queries if query == text] or [
        query for query in queries if wanted and wanted <= set(words_of(query, stop_words=False))
    ]
    if not found:
        raise EdtError(f"no missing skill of this run reads {text!r}; {_hint(text, queries)}")
    return [
        _chain(run, number, query, _behind(run, record, query))
        for number, record in enumerate(run.report.rounds)
        for query in found
        if query in _queries(record)
    ]


def by_sample(run: Run, sample_id: str) -> list[Chain]:
    """The chain that led to this supporting sample, with no other pick in it; EdtError where it was not picked."""
    for number, record in enumerate(run.report.rounds):
        for pick in record.picks:
            if pick.sample_id == sample_id:
                return [_chain(run, number, pick.query, _behind(run, record, pick.query), picks=[pick])]
    picked = sum(len(record.picks) for record in run.report.rounds)
    if sample_id in run.targets:
        raise EdtError(f"{sample_id!r} is a validation sample of the task; ask for --error {sample_id}")
    samples = run.supporting.samples
    there = any(sample.id == sample_id for sample in samples)
    here = f"it is one of {len(samples)} to choose from" if there else None
    raise EdtError(
        f"{sample_id!r} is none of the {picked} samples that this run picked; "
        + (here or _hint(sample_id, [pick.sample_id for pick in run.report.picks]))
    )


def _asked_by(run: Run, record: RoundRecord) -> Mapping[str, str | None]:
    """What was searched for because of each error of a round, by its id; None where nothing was.

    It is the missing skill; where none was named, what the picks in the error's
    turn were found by, and where another error had the turn, the question of both.
    """
    own = {pick.error_id: pick.query for pick in record.picks if pick.error_id is not None}
    shared = set(own.values())

    def asked(gap: Gap) -> str | None:
        if query := gap.skill or own.get(gap.sample_id):
            return query
        question = run.targets[gap.sample_id].question if gap.sample_id in run.targets else None
        return question if question in shared else None

    return {gap.sample_id: asked(gap) for gap in record.gaps}


def _behind(run: Run, record: RoundRecord, query: str | None) -> list[Gap]:
    """The gaps of the errors that asked `query`."""
    asked = _asked_by(run, record)
    return [gap for gap in record.gaps if query is not None and asked[gap.sample_id] == query]


def _chain(run: Run, number: int, query: str | None, gaps: Sequence[Gap], picks: Sequence[Pick] | None = None) -> Chain:
    """`gaps` in the 0-based round `number`, and the picks of their query, those of the gaps' own errors first."""
    record = run.report.rounds[number]
    if picks is None:
        own = {gap.sample_id for gap in gaps}
        found = [pick for pick in record.picks if pick.targeted and query is not None and pick.query == query]
        picks = sorted(found, key=lambda pick: (pick.error_id not in own, pick.rank or 0))
    by_question = any(gap.skill is None for gap in gaps)
    return Chain(
        round=record.index,
        query=query,
        errors=tuple(_errors(run, number, gaps)),
        picks=tuple(_pick(run, pick, by_question=by_question) for pick in picks),
    )


def _errors(run: Run, number: int, gaps: Sequence[Gap]) -> Iterator[ErrorLink]:
    record = run.report.rounds[number]
    before = {prediction.sample_id: prediction for prediction in record.predictions}
    after = {prediction.sample_id: prediction for prediction in predictions_after(run.report, number)}
    mistakes = {mistake.sample_id: mistake for mistake in record.mistakes}
    for gap in gaps:
        sample = _known(run.targets, gap.sample_id, "task", run.task.name)
        yield ErrorLink(
            id=gap.sample_id,
            picture=str(run.task.root / sample.image),
            question=sample.question,
            gold=sample.answer,
            answer=before[gap.sample_id].answer,
            steps=before[gap.sample_id].steps,
            blamed=gap.step,
            reason=mistakes[gap.sample_id].reason,
            state=gap.state,
            skill=gap.skill,
            after=after[gap.sample_id].outcome.value,
        )


def _pick(run: Run, pick: Pick, *, by_question: bool) -> PickLink:
    sample = _known(run.library, pick.sample_id, "supporting", run.supporting.name)
    document = sample.question if by_question else " ".join(sample.required_skills)
    words = set(words_of(document, stop_words=True))
    asked = dict.fromkeys(words_of(pick.query or "", stop_words=True))
    return PickLink(
        id=pick.sample_id,
        picture=str(run.supporting.root / sample.image),
        question=sample.question,
        answer=sample.answer,
        source_task=sample.source_task,
        required_skills=sample.required_skills,
        shared_words=tuple(word for word in asked if word in words),
        targeted=pick.targeted,
        error_id=pick.error_id,
        rank=pick.rank,
        score=pick.score,
    )


def _queries(record: RoundRecord) -> list[str]:
    """What was missing in a round or searched for."""
    asked = (pick.query for pick in record.picks if pick.targeted)
    return _unique(query for query in (*(gap.skill for gap in record.gaps), *asked) if query)


def _known(samples: Mapping[str, Sample], sample_id: str, group: str, name: str) -> Sample:
    if sample_id not in samples:
        raise EdtError(f"the {group} {name!r} has no sample {sample_id!r} any more; set up the data that the run had")
    return samples[sample_id]


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _hint(name: str, known: Sequence[str]) -> str:
    return hint(name, [*known[:5], *(["…"] if len(known) > 5 else [])]) if known else "it made none"
