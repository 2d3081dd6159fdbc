"""The seams: what a part must offer to take its place in the loop. Nothing else is here.

A part is light to build: it may read its configuration, but loads models and
data on first use, so that a run whose stages are all in the store loads none.
`fingerprint` says, as plain JSON data, everything that a part's results depend
on (settings, checksums of weights and data, prompt texts; never a secret, never
a path of the machine); the store hashes it into the keys of stages.

A part whose work takes long imports may name them in `loads`, a tuple of
modules: a sweep imports them once, for all of its cells. A selector that
searches the samples' required skills says so by `searches_skills = True`: a
dataset that names none is then refused before a run. One that makes something
of every supporting sample, once for all tasks, says `makes_features = True`: a
sweep then lets no second cell wait for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from edt.types import Adapter, ErrorSample, Gap, Mistake, Pick, Prediction, Sample, Score

Fingerprint = Mapping[str, Any]


@runtime_checkable
class Part(Protocol):
    """What every part has in common."""

    def fingerprint(self) -> Fingerprint: ...


class Task(Part, Protocol):
    """A target task: two splits, its own words, and how an answer is read and scored."""

    name: str
    description: str
    """One sentence on what the task asks for: the query of the task-description baseline."""
    root: Path
    """What the image paths of its samples are relative to."""
    source_tasks: Sequence[str]
    """Source tasks of a supporting dataset that this one was made from: none of their samples may tune for it."""

    @property
    def validation(self) -> Sequence[Sample]: ...

    @property
    def test(self) -> Sequence[Sample]: ...

    def read(self, sample: Sample, reply: str) -> Prediction:
        """Take a student's reply apart and judge it."""
        ...


class Supporting(Part, Protocol):
    """A supporting dataset, leakage-guarded against a task by whoever builds it."""

    name: str
    root: Path

    @property
    def samples(self) -> Sequence[Sample]: ...


class Student(Part, Protocol):
    """A large multimodal model that answers with steps and wears adapters."""

    name: str

    def answer(self, samples: Sequence[Sample], root: Path) -> list[str]:
        """One reply a sample, in order; greedy, batched, with a progress bar."""
        ...

    def wearing(self, adapter: Adapter | None) -> Student:
        """The same student with other trained weights; None takes them off."""
        ...


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a teacher can do, as it declares it."""

    logprobs: bool
    completion: bool
    images: bool = False
    schema: bool = False
    """Whether it is asked for JSON by schema."""
    batch: bool = False
    """Whether many prompts at once are ahead of one at a time."""
    at_once: int = 1
    """Calls that it has under way at a time: many more are to be handed in together, so that none of them waits."""
    sources: tuple[str, ...] = ()
    """Where its probabilities may come from: `logprobs`, `local`, `sampling`, `verbalised`."""

    @property
    def weighs(self) -> bool:
        """Whether it has probabilities at all, from whatever source."""
        return self.logprobs or bool(self.sources)


@dataclass(frozen=True, kw_only=True)
class Rationale:
    """A text with a growing middle, to be weighed after every prefix of its steps.

    The text after k steps is `head + steps[0] + … + steps[k-1] + probe + option`.
    """

    head: str
    steps: tuple[str, ...]
    probe: str
    options: tuple[str, ...]


class Teacher(Part, Protocol):
    """A language model that completes text and weighs options. It never sees a picture."""

    name: str
    can: Capabilities

    def prepare(self) -> None:
        """Called before a run: raises EdtError now for what would fail later, such as a model that is not there."""
        ...

    def complete(self, prompts: Sequence[str], *, max_tokens: int, lines: bool = False) -> list[str]:
        """The greedy continuation of each prompt, up to a line break or `max_tokens`.

        With `lines` it goes on over line breaks, where the teacher writes more than a line.
        """
        ...

    def weigh(self, rationales: Sequence[Rationale]) -> list[list[list[float]]]:
        """For each rationale, prefix (0 to T steps) and option: a probability; options sum to 1."""
        ...


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What calls to a teacher cost, or would cost at most. `usd` is in dollars."""

    calls: int
    tokens_in: int
    tokens_out: int
    usd: float


@runtime_checkable
class Priced(Protocol):
    """A teacher whose calls cost money. One that is not priced costs nothing but time."""

    def cost(self, prompts: Sequence[str], *, max_tokens: int) -> Cost:
        """At most what completing these prompts would cost now; answers that it holds already cost nothing."""
        ...

    def cost_to_weigh(self, rationales: Sequence[Rationale]) -> Cost:
        """The same of weighing: every call that the source of its probabilities takes, repairs included."""
        ...

    def expected(self, prompts: Sequence[str], *, max_tokens: int) -> Cost | None:
        """About what completing these prompts would cost now, going by earlier calls; None where too few are known."""
        ...

    def spent(self) -> Cost:
        """What calls of this teacher's model have cost in all, retries included: look at differences."""
        ...

    def asked(self) -> Cost:
        """Questions that this object was asked, and the tokens of their replies, bought now or held already.

        Questions of one request that are the same count once. Dollars are not in it: see `spent`.
        """
        ...


@runtime_checkable
class Paced(Protocol):
    """A teacher that can tell how long it takes."""

    def pace(self, prompts: Sequence[str], *, max_tokens: int) -> float | None:
        """Seconds of a call, from earlier ones or tried on some of `prompts`; None where nothing is known.

        Costs no money, and keeps no reply.
        """
        ...


class Identifier(Part, Protocol):
    """Mistake identification: which step of an error went wrong."""

    def identify(self, errors: Sequence[ErrorSample]) -> list[Mistake]: ...


class Analyst(Part, Protocol):
    """Skill analysis: which skill would mend the mistaken step."""

    def analyse(self, errors: Sequence[ErrorSample], mistakes: Sequence[Mistake]) -> list[Gap]: ...


class Selector(Part, Protocol):
    """Targeted selection, or a baseline in its place."""

    reads: frozenset[str]
    """Which of `gaps`, `errors` (no more of the gaps than whose they are) and `task` its picks depend on.

    One that reads none of them shares its training between tasks.
    """

    def select(
        self,
        gaps: Sequence[Gap],
        supporting: Supporting,
        task: Task,
        *,
        budget: int,
        exclude: frozenset[str],
        round: int,
        seed: int,
    ) -> list[Pick]:
        """Exactly `budget` picks (fewer only where the dataset has no more), none in `exclude`."""
        ...


class Tuner(Part, Protocol):
    """Fits an adapter for a student on samples."""

    def tune(self, student: Student, samples: Sequence[Sample], root: Path, *, folder: Path, seed: int) -> Adapter:
        """Train and leave the adapter in `folder`; resumes there where it was killed."""
        ...


class Tracker(Protocol):
    """Where the story of a run is told. Never changes a result, never ends a run."""

    def start(self, config: Mapping[str, Any], folder: Path) -> None: ...

    def log(self, event: str, record: Mapping[str, Any]) -> None: ...

    def finish(self, status: str) -> None: ...


def fingerprint_of(part: Part) -> dict[str, Any]:
    """A part's class and what it says of itself."""
    return {"part": f"{type(part).__module__}.{type(part).__qualname__}", **part.fingerprint()}


__all__ = [
    "Analyst",
    "Capabilities",
    "Cost",
    "Fingerprint",
    "Identifier",
    "Paced",
    "Part",
    "Priced",
    "Rationale",
    "Score",
    "Selector",
    "Student",
    "Supporting",
    "Task",
    "Teacher",
    "Tracker",
    "Tuner",
    "fingerprint_of",
]
