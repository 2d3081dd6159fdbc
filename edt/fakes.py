"""Small stand-ins for the heavy parts, for tests of the harness: no model, no picture, milliseconds.

A fake student knows a skill once it was tuned on `ENOUGH` samples of it, so the
whole loop can be followed by hand.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from edt.clock import model_time
from edt.errors import EdtError
from edt.protocols import Capabilities, Rationale, Student
from edt.store.keys import digest
from edt.types import Adapter, ErrorSample, Gap, Mistake, Outcome, Prediction, Sample

SKILLS = (
    "tell wood from metal",
    "count the legs of furniture",
    "read the colour of a seat",
    "judge how tall an object stands",
    "recognise a drawer handle",
    "find the lamp in a room",
)
ENOUGH = 4
T = TypeVar("T")
COLOURS = ("red", "green", "blue", "grey")


def _sample(name: str, number: int, image: str) -> Sample:
    skill = SKILLS[number % len(SKILLS)]
    return Sample(
        id=f"{name}-{number}",
        image=image,
        question=f"Case {number}: which colour? Options: {', '.join(COLOURS)}.",
        options=COLOURS,
        answer=COLOURS[number % 4],
        rationale=(f"It takes to {skill}.",),
        required_skills=(skill,),
        source_task=f"about {skill.split()[-1]}",
    )


class FakeTask:
    """Colour questions, each of which needs one skill."""

    description = "say which colour an object has"
    source_tasks: Sequence[str] = ()

    def __init__(self, *, task: str = "fake", size: int = 24, root: str = ".", image: str = "picture.png") -> None:
        if size < 1:
            raise EdtError(f"task.size must be above 0, not {size}")
        self.name, self.root, self._size, self._image = task, Path(root), size, image

    def fingerprint(self) -> dict[str, Any]:
        return {"task": self.name, "size": self._size, "image": self._image}

    @property
    def validation(self) -> Sequence[Sample]:
        return [_sample(f"{self.name}-validation", number, self._image) for number in range(self._size)]

    @property
    def test(self) -> Sequence[Sample]:
        return [_sample(f"{self.name}-test", number, self._image) for number in range(self._size)]

    def read(self, sample: Sample, reply: str) -> Prediction:
        *lines, last = reply.splitlines()
        answer = last.removeprefix("Answer: ") if last.startswith("Answer: ") else None
        right = Outcome.RIGHT if answer == sample.answer else Outcome.WRONG
        return Prediction(
            sample_id=sample.id,
            text=reply,
            steps=tuple(line.partition(": ")[2] for line in lines),
            answer=answer,
            outcome=right if answer else Outcome.UNPARSED,
        )


class FakeSupporting:
    """Colour questions on other objects."""

    name = "fake"

    def __init__(self, *, size: int = 120, root: str = ".") -> None:
        self._size, self.root = size, Path(root)

    def fingerprint(self) -> dict[str, Any]:
        return {"size": self._size}

    @property
    def samples(self) -> Sequence[Sample]:
        return [_sample("supporting", number, "picture.png") for number in range(self._size)]


class FakeStudent:
    """Answers right where it has the skill; every `unparsed`-th reply has no answer. Sleeps `delay` s a sample."""

    name = "fake"

    def __init__(self, *, delay: float = 0.0, unparsed: int = 11) -> None:
        self._delay, self._unparsed = delay, unparsed
        self.skills: Mapping[str, int] = {SKILLS[0]: ENOUGH}

    def fingerprint(self) -> dict[str, Any]:
        return {"unparsed": self._unparsed}

    def answer(self, samples: Sequence[Sample], root: Path) -> list[str]:
        replies = []
        for number, sample in enumerate(samples):
            with model_time("answer"):
                time.sleep(self._delay)
            (skill,) = sample.required_skills
            knows = self.skills.get(skill, 0) >= ENOUGH
            wrong = next(option for option in sample.options if option != sample.answer)
            said = "Hm." if (number + 1) % self._unparsed == 0 else f"Answer: {sample.answer if knows else wrong}"
            replies.append(f"Step 1: I look.\nStep 2: I try to {skill}.\n{said}")
        return replies

    def wearing(self, adapter: Adapter | None) -> FakeStudent:
        student = FakeStudent(delay=self._delay, unparsed=self._unparsed)
        if adapter is not None:
            student.skills = json.loads((Path(adapter.path) / "skills.json").read_text())
        return student


class CorruptedStudent:
    """Gives every sample with planted truth a rationale that is wrong from some step on. It cannot be tuned."""

    name = "corrupted"

    def fingerprint(self) -> dict[str, Any]:
        return {}

    def answer(self, samples: Sequence[Sample], root: Path) -> list[str]:
        from edt.pocket.corrupt import corrupt
        from edt.students.format import format_reply

        wrong = (corrupt(sample, random.Random(sample.id)) for sample in samples)
        return [format_reply(*w[:2]) if w else "" for w in wrong]

    def wearing(self, adapter: Adapter | None) -> CorruptedStudent:
        return self


class LedgerTeacher:
    """Makes its answers up from the question's hash, and writes each call into `ledger` once it is done.

    It stands for a paid teacher: a line is a call that was paid for, and what
    is there is not asked again, unless it `forgets`.
    """

    name = "ledger"
    can = Capabilities(logprobs=True, completion=True)

    def __init__(self, *, ledger: str, delay: float = 0.0, forgets: bool = False) -> None:
        self._ledger, self._delay, self._forgets = Path(ledger), delay, forgets

    def prepare(self) -> None: ...

    def fingerprint(self) -> dict[str, Any]:
        return {}

    def complete(self, prompts: Sequence[str], *, max_tokens: int, lines: bool = False) -> list[str]:
        return [self._call(prompt, lambda key: f"tell {key[:6]} from {key[6:9]}") for prompt in prompts]

    def weigh(self, rationales: Sequence[Rationale]) -> list[list[list[float]]]:
        return [self._call(repr(rationale), lambda key, r=rationale: _weights(r, key)) for rationale in rationales]

    def _call(self, asked: str, make: Callable[[str], T]) -> T:
        key = digest(asked)
        held = set() if self._forgets else self._held()
        if key not in held:
            with model_time("teacher"):
                time.sleep(self._delay)
            with self._ledger.open("a") as stream:
                print(json.dumps({"key": key, "asked": asked}), file=stream, flush=True)
        return make(key)

    def _held(self) -> set[str]:
        lines = self._ledger.read_text().splitlines() if self._ledger.exists() else []
        return {json.loads(line)["key"] for line in lines}


def _weights(rationale: Rationale, key: str) -> list[list[float]]:
    draw = random.Random(key)
    rows = [[draw.random() for _ in rationale.options] for _ in range(len(rationale.steps) + 1)]
    return [[weight / sum(row) for weight in row] for row in rows]


class FakeTuner:
    """Counts the skills of what it is given; goes on from the samples that a killed run had counted.

    With `fatal_seed` the process of that seed ends in the middle: `end` is kill,
    exit, leave (exit with code 0) or error. A file at `spared_by` lets it live.
    """

    def __init__(
        self,
        *,
        delay: float = 0.0,
        epochs: int = 1,
        fatal_seed: int | None = None,
        end: str = "kill",
        spared_by: str | None = None,
    ) -> None:
        self._delay, self._epochs = delay, epochs
        self._fatal_seed, self._end, self._spared_by = fatal_seed, end, spared_by

    def fingerprint(self) -> dict[str, Any]:
        return {"epochs": self._epochs}

    def tune(self, student: Student, samples: Sequence[Sample], root: Path, *, folder: Path, seed: int) -> Adapter:
        folder.mkdir(parents=True, exist_ok=True)
        seen = folder / "seen.txt"
        done = seen.read_text().splitlines() if seen.exists() else []
        with seen.open("a") as stream:
            for sample in samples[len(done) :]:
                time.sleep(self._delay)
                print(sample.id, file=stream, flush=True)
        if seed == self._fatal_seed and not (self._spared_by and Path(self._spared_by).exists()):
            self._die()
        assert isinstance(student, FakeStudent)
        counts = Counter(student.skills) + Counter(skill for sample in samples for skill in sample.required_skills)
        (folder / "skills.json").write_text(json.dumps(counts))
        return Adapter(path=str(folder), key=digest([dict(counts), seed]))

    def _die(self) -> None:
        if self._end == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._end == "exit":
            os._exit(7)
        if self._end == "leave":
            os._exit(0)
        raise EdtError("tuner.fatal_seed asks for a failure; leave it out")


class FakeIdentifier:
    """Blames the second step; abstains from every fifth error."""

    def fingerprint(self) -> dict[str, Any]:
        return {}

    def identify(self, errors: Sequence[ErrorSample]) -> list[Mistake]:
        return [
            Mistake(sample_id=error.sample.id, step=None if number % 5 == 4 else 2, reason="it is the second")
            for number, error in enumerate(errors)
        ]


class FakeAnalyst:
    """Reads the missing skill off the sample."""

    def fingerprint(self) -> dict[str, Any]:
        return {}

    def analyse(self, errors: Sequence[ErrorSample], mistakes: Sequence[Mistake]) -> list[Gap]:
        return [
            Gap(
                sample_id=error.sample.id,
                step=mistake.step,
                step_text="" if mistake.step is None else error.prediction.steps[mistake.step - 1],
                skill=None if mistake.step is None else error.sample.required_skills[0],
                state="abstained" if mistake.step is None else "named",
            )
            for error, mistake in zip(errors, mistakes, strict=True)
        ]
