"""The nouns of the paper: what flows from an error to the sample that mends it.

Every type is frozen, keyword-only and plain: text, numbers, tuples and other
types of this module, so that each one goes to a line of JSON and back without
loss (`to_json`, `from_json`).  Images are paths; nothing here holds a tensor,
and nothing here knows a model, a file format or a configuration.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

OMITTED = "omitted at its default"


def _late(default: Any) -> Any:
    """A field that came later: written only where it is set, so that what was written before keeps its hash."""
    return field(default=default, metadata={OMITTED: True})


class Outcome(enum.StrEnum):
    """What became of an answer. Unparsed counts as wrong in a score, and is shown beside it."""

    RIGHT = "right"
    WRONG = "wrong"
    UNPARSED = "unparsed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """What a generated sample knows about itself. Measures the method, never feeds it.

    `facts` maps a slot to its value for the thing that the question is about;
    `slots` and `skills` name, a step of the gold rationale each, the fact it
    states and the skill (by its short id) that it needs.
    """

    object_id: str
    facts: Mapping[str, str]
    slots: tuple[str, ...]
    skills: tuple[str, ...]
    rules_out: tuple[str, ...] = _late(())
    """Skills that ruling a wrong option out needs, by their short ids."""

    @property
    def needs(self) -> tuple[str, ...]:
        """All skills, in the order of the sample's required ones."""
        return (*self.skills, *self.rules_out)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One question about one picture, of a target task or of a supporting dataset."""

    id: str
    image: str
    """Path of the picture, relative to the root of the dataset that it belongs to."""
    question: str
    """What is asked, options included where the form shows them."""
    options: tuple[str, ...] = ()
    """Candidate answers; empty for a free answer."""
    answer: str
    """The gold answer, one of `options` where there are any."""
    rationale: tuple[str, ...] = ()
    """Gold reasoning steps, where the dataset has them."""
    required_skills: tuple[str, ...] = ()
    """Skills that answering needs, in words: what selection searches in."""
    source_task: str = ""
    """The task type of the dataset that this sample comes from."""
    truth: Truth | None = None
    answers: tuple[str, ...] = _late(())
    """All answers that people gave, where there are several; `answer` is the one to learn."""
    group: str = _late("")
    """Samples of one group ask one question in several ways, and count only together: circular evaluation."""
    direct: bool = _late(False)
    """Whether the question asks for the bare answer, in another evaluator's words: nothing is to be added to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """A student's reply to one sample, taken apart."""

    sample_id: str
    text: str
    """The reply as it was written."""
    steps: tuple[str, ...]
    """Reasoning steps in order, without their labels."""
    answer: str | None
    """None where no answer could be found in the reply."""
    outcome: Outcome
    grade: float | None = _late(None)
    """How good the answer is, in [0, 1], by a metric that grades; None where it is right or wrong and no more."""
    group: str = _late("")
    """Of the sample."""

    @property
    def is_error(self) -> bool:
        """An error sample of the paper: a parsed answer that is wrong."""
        return self.outcome is Outcome.WRONG


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorSample:
    """A sample that the student got wrong, with how it did so."""

    sample: Sample
    prediction: Prediction


@dataclass(frozen=True, kw_only=True, slots=True)
class PrefixWeights:
    """A teacher's probabilities over the candidate answers after the first `steps` steps."""

    steps: int
    """How many steps were shown, 0 to T."""
    probabilities: Mapping[str, float]
    """Sums to 1 over the candidate answers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """The step that an identifier blames for an error, with its evidence."""

    sample_id: str
    step: int | None
    """1-based index of the mistaken step; None where the identifier abstained."""
    reason: str
    """Why this step, or why none, in words for a reader."""
    evidence: tuple[PrefixWeights, ...] = ()
    failed: bool = False
    """Whether it abstained because what the teacher replied cannot be read."""

    @property
    def abstained(self) -> bool:
        return self.step is None


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A missing skill of the student, found behind one error."""

    sample_id: str
    step: int | None
    step_text: str
    """The mistaken step as the student wrote it; empty where the identifier abstained."""
    skill: str | None
    """The missing skill in words; None where there is none to name, see `state`."""
    state: str
    """`named`, `abstained` (no mistake was placed) or `failed` (the reply did not parse)."""
    reply: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pick:
    """One supporting sample chosen for tuning, and why."""

    sample_id: str
    round: int
    targeted: bool
    """True where a query found it; False where it fills a budget at random."""
    error_id: str | None = None
    """The error (validation sample) whose missing skill found it."""
    query: str | None = None
    """The text that was searched for: the missing skill, or a baseline's own query."""
    rank: int | None = None
    """1-based rank in that query's ranking."""
    score: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """Trained weights that a student can wear: a folder, and the hash of what is in it."""

    path: str
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """Accuracy over one split. `score` is a share in [0, 1]; unparsed counts as wrong."""

    score: float
    n: int
    """Questions; those of a group are one."""
    right: int
    unparsed: int
    low: float
    """Lower and upper bound of the 95% Wilson interval."""
    high: float
    grade: float | None = _late(None)
    """Mean of the grades, unparsed as 0, where answers are graded; `score` is then the share that clears the bar."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundRecord:
    """What one round of the loop did, as counts and references."""

    index: int
    validation: Score
    """Of the student that the round started from."""
    errors: int
    abstained: int
    failed: int
    gaps: tuple[Gap, ...]
    mistakes: tuple[Mistake, ...]
    picks: tuple[Pick, ...]
    adapter: Adapter | None
    predictions: tuple[Prediction, ...] = ()
    """On validation, of the student that the round started from."""
    test: Score | None = field(default=None, metadata={OMITTED: True})
    """Of the same student on the test split, where it was asked for; the loop never reads it."""
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class GapChange:
    """How the gaps of one round fared; numbers are of distinct missing skills."""

    round: int
    closed: int
    """Every error behind it is answered right after the round's tuning."""
    persists: int
    new: int
    """Of all, those that no round before had."""
    likeness: float | None
    """Of the missing skills' distribution to that of the round before, in [0, 1]; None where one of them had none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a run shows about itself at its end, in plain words with its evidence."""

    name: str
    state: str
    """`shown`, `absent`, or `unknown` where it could not be looked at; never taken for one another."""
    evidence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A whole run: rounds, then the validation and test splits by the final student."""

    method: str
    task: str
    seed: int
    rounds: tuple[RoundRecord, ...]
    validation: Score
    test: Score | None
    """None where the run was told to leave the test split alone."""
    predictions: Mapping[str, tuple[Prediction, ...]]
    """By split, of the final student."""
    adapter: Adapter | None
    seconds: Mapping[str, float] = field(default_factory=dict)
    stopped: str = ""
    """Why it ended before its last round; empty where it did not."""
    changes: tuple[GapChange, ...] = ()
    """Of gaps, a round each; none where the method looks at no gap."""
    findings: tuple[Finding, ...] = ()

    @property
    def picks(self) -> list[Pick]:
        """Of all rounds, in their order."""
        return [pick for record in self.rounds for pick in record.picks]


def to_json(value: Any) -> Any:
    """Plain JSON data of a value of this module, or of a container of them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = {f.name: (f, getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {name: to_json(of) for name, (f, of) in named.items() if OMITTED not in f.metadata or of != f.default}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value


def from_json(kind: type[T], data: Any) -> T:
    """A value of `kind` from what `to_json` made of it.

    Raises TypeError, naming the type and the field, where the data do not fit.
    """
    return typing.cast(T, _read(kind, data, kind.__name__))


def _read(kind: Any, data: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        if data is None:
            return None
        inner = next(arg for arg in typing.get_args(kind) if arg is not type(None))
        return _read(inner, data, where)
    if origin is tuple:
        return tuple(_read(typing.get_args(kind)[0], item, where) for item in _expect(data, list, where))
    if origin is not None and issubclass(origin, Mapping):
        value_kind = typing.get_args(kind)[1]
        return {key: _read(value_kind, item, f"{where}.{key}") for key, item in _expect(data, dict, where).items()}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(data)
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, _expect(data, dict, where), where)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    return _expect(data, kind, where)


def _read_dataclass(kind: Any, data: Mapping[str, Any], where: str) -> Any:
    hints = _hints(kind)
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise TypeError(f"{where} has no field {', '.join(unknown)}; it has {', '.join(hints)}")
    missing = [
        f.name
        for f in dataclasses.fields(kind)
        if f.name not in data and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise TypeError(f"{where} lacks {', '.join(missing)}")
    return kind(**{name: _read(hints[name], item, f"{where}.{name}") for name, item in data.items()})


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _expect(data: Any, kind: Any, where: str) -> Any:
    if kind is Any or (isinstance(data, kind) and not (kind is int and isinstance(data, bool))):
        return data
    raise TypeError(f"{where} should be {getattr(kind, '__name__', kind)}, not {type(data).__name__}: {data!r:.80}")


def by_id(samples: Iterable[Sample]) -> dict[str, Sample]:
    """Samples by their id; raises ValueError where an id comes twice."""
    table: dict[str, Sample] = {}
    for sample in samples:
        if sample.id in table:
            raise ValueError(f"sample id {sample.id!r} comes twice; ids must be unique in a dataset")
        table[sample.id] = sample
    return table


def picked_of(samples: Iterable[Sample], picks: Iterable[Pick]) -> dict[str, Sample]:
    """The samples that were picked, by their id; no others are held, as a dataset may be far larger than memory."""
    wanted = {pick.sample_id for pick in picks}
    return by_id(sample for sample in samples if sample.id in wanted)
