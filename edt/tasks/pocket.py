"""Target tasks of the embedded benchmark."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from edt.errors import EdtError
from edt.paths import pocket_root
from edt.pocket.samples import read_samples
from edt.protocols import Fingerprint
from edt.tasks.reply import match_option, normalise, read_answer, read_steps
from edt.types import Outcome, Prediction, Sample

DESCRIPTIONS = {
    "mmbench": "Answer multiple-choice questions about a picture: name what it shows, state one fact of it, "
    "or say what a scene holds.",
    "appliance": "Name the machine of the house that a picture shows, choosing from a list of household machines.",
    "furniture": "Name the piece of furniture that a picture shows, choosing from a list of kinds of furniture.",
    "living_thing": "Name the kind of living thing that a picture shows, an animal or a plant, choosing from a list.",
    "vqa": "Look at a picture of several things and say what is left or right, how many things there are, "
    "which colour the ground has and which thing is larger in life.",
    "caption": "Match a picture with the one of several captions that fits: of furniture, a living thing or a machine, "
    "or of two things together.",
    "scienceqa": "After a short lecture on living things, machines or vehicles, say which property belongs to "
    "what the picture shows.",
}


class PocketTask:
    """One target task of Pocket.

    `task` is a key of DESCRIPTIONS. `num_validation` and `num_test` take the
    first so many samples of a split; None takes all.
    """

    source_tasks: Sequence[str] = ()
    """None: Pocket's splits are of different objects, and no source asks in a target's form."""

    def __init__(self, task: str, *, num_validation: int | None = None, num_test: int | None = None) -> None:
        if task not in DESCRIPTIONS:
            raise EdtError(f"Pocket has no task {task!r}; it has {', '.join(sorted(DESCRIPTIONS))}")
        for name, number in (("num_validation", num_validation), ("num_test", num_test)):
            if number is not None and number < 1:
                raise EdtError(f"task.{name} must be above 0, or null for all, not {number}")
        self.name = f"pocket_{task}"
        self.description = DESCRIPTIONS[task]
        self.root: Path = pocket_root() / "data"
        self._task = task
        self._numbers = {"validation": num_validation, "test": num_test}

    @cached_property
    def validation(self) -> Sequence[Sample]:
        return self._split("validation")

    @cached_property
    def test(self) -> Sequence[Sample]:
        return self._split("test")

    def read(self, sample: Sample, reply: str) -> Prediction:
        """Right where the answer is the gold one; wrong with any other, offered or not; unparsed without one."""
        answer = read_answer(reply)
        if answer is not None and sample.options:
            answer = match_option(answer, sample.options) or answer
        return Prediction(
            sample_id=sample.id,
            text=reply,
            steps=read_steps(reply),
            answer=answer,
            outcome=_judge(answer, sample.answer),
        )

    def fingerprint(self) -> Fingerprint:
        return {
            "task": self._task,
            "description": self.description,
            "numbers": self._numbers,
            "data": {split: _digest(self._file(split)) for split in self._numbers},
        }

    def _split(self, split: str) -> Sequence[Sample]:
        return read_samples(self._file(split))[: self._numbers[split]]

    def _file(self, split: str) -> Path:
        return self.root / f"{self._task}.{split}.jsonl"


def _judge(answer: str | None, gold: str) -> Outcome:
    if answer is None:
        return Outcome.UNPARSED
    return Outcome.RIGHT if normalise(answer) == normalise(gold) else Outcome.WRONG


def _digest(file: Path) -> str:
    if not file.exists():
        raise EdtError(f"Pocket's file {file} is not there; make it with `python -m edt.pocket.setup`")
    return hashlib.sha256(file.read_bytes()).hexdigest()
