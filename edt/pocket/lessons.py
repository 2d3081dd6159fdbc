"""What the pocket teacher is taught: rows that branch, with the tokens to be said after each prompt.

Lessons out of samples' text, in exactly the words of answer switch, of skill
analysis, of the question about each step and of the pseudo rationale.  Knows
prompts and tokens; knows no optimiser and no picture.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from edt.diagnosis import answer_switch, in_context, per_step, pseudo_rationale
from edt.diagnosis.templates import around_steps, step_lines
from edt.diagnosis.templates import load as load_prompt
from edt.errors import EdtError
from edt.pocket.skills import wordings
from edt.teachers.tree import ROOT, Ids, Read, Tree
from edt.types import Sample

if TYPE_CHECKING:
    import torch

    from edt.teachers.engine import Vocabulary

Wrong = tuple[Sequence[str], str, int]
"""Steps with a mistake, the answer that they imply, and the 1-based index of the first wrong one."""

Corrupt = Callable[[Sample, random.Random], "Wrong | None"]

PRIORS = (0.5, 0.7)
NUM_WRONG = {"weighing": 3, "naming": 1, "judging": 3}
"""How many corruptions of a rationale share a row with the right one."""
TIMETABLE = (
    "weighing",
    "naming",
    "weighing",
    "naming",
    "judging",
    "weighing",
    "naming",
    "weighing",
    "naming",
    "writing",
)
"""The lessons in turn: those that the default method asks for come most."""
POOL = 16
"""Batches drawn at a time, to be sorted by length."""


class Lesson:
    """Prompts of one sample as a row that branches, and the tokens that the teacher must learn to say after them."""

    def __init__(self, pairs: Iterable[tuple[Ids, Ids]]) -> None:
        self.tree = Tree()
        self.reads: list[Read] = []
        for prompt, reply in dict.fromkeys((tuple(prompt), tuple(reply)) for prompt, reply in pairs):
            self.reads += self.tree.read(reply, self.tree.grow(prompt, ROOT))


class School:
    """Lessons out of samples, each fixed by the seed and its number."""

    def __init__(self, samples: Sequence[Sample], corrupt: Corrupt, vocabulary: Vocabulary, *, seed: int) -> None:
        if not samples:
            raise EdtError("no sample has a rationale and a skill for each of its steps; give the supporting data")
        self._samples, self._corrupt, self._words, self._seed = samples, corrupt, vocabulary, seed
        self._switch = load_prompt("answer_switch", answer_switch.FIELDS)
        self._skill = load_prompt("in_context", in_context.FIELDS)
        self._verdict = load_prompt("per_step", per_step.FIELDS)
        self._reasons = load_prompt("pseudo_rationale", pseudo_rationale.FIELDS)

    def batches(self, size: int, *, first_pool: int = 0) -> Iterator[tuple[int, list[Lesson]]]:
        """(pool, batch of like length), without end; weighing and naming lessons mixed."""
        pool = first_pool
        while True:
            start = pool * POOL * size
            lessons = sorted((self.lesson(n) for n in range(start, start + POOL * size)), key=lambda x: len(x.tree.ids))
            batches = [lessons[n : n + size] for n in range(0, len(lessons), size)]
            random.Random(f"{self._seed}/pool/{pool}").shuffle(batches)
            for batch in batches:
                yield pool, batch
            pool += 1

    def lesson(self, number: int) -> Lesson:
        rng = random.Random(f"{self._seed}/{number}")
        sample = rng.choice(self._samples)
        teach = {
            "weighing": self._weighing,
            "naming": self._naming,
            "judging": self._judging,
            "writing": self._writing,
        }
        return Lesson(teach[TIMETABLE[number % len(TIMETABLE)]](sample, rng))

    def _weighing(self, sample: Sample, rng: random.Random) -> Iterator[tuple[Ids, Ids]]:
        """Gold while the prefix is right, the implied answer from the first wrong step on."""
        prior = round(rng.uniform(*PRIORS), 2)
        for steps, implied, first in self._rationales(sample, "weighing", rng):
            answers = [sample.answer if count < first else implied for count in range(len(steps) + 1)]
            rationale = answer_switch.rationale_of(
                sample, steps, answers, favoured=sample.answer, prior=prior, prompt=self._switch
            )
            text = self._words.opening(rationale.head)
            probe = self._words.ids(rationale.probe)
            for step, option in zip(("", *rationale.steps), rationale.options, strict=True):
                text = [*text, *self._words.ids(step)]
                yield [*text, *probe], self._closed(option)

    def _naming(self, sample: Sample, rng: random.Random) -> Iterator[tuple[Ids, Ids]]:
        """The skill of every step, were it the one that is blamed: identifiers blame right ones too."""
        for steps, _, _ in self._rationales(sample, "naming", rng):
            for step, skill in enumerate(plain_skills(sample)[: len(steps)], start=1):
                prompt = in_context.skill_prompt(sample, steps, step, self._skill)
                yield self._words.opening(prompt), self._closed(skill)

    def _judging(self, sample: Sample, rng: random.Random) -> Iterator[tuple[Ids, Ids]]:
        """Right while the prefix is right, wrong at the first wrong step; what comes after that is not asked."""
        head, probe = around_steps(self._verdict)
        opening = self._words.opening(head.format(question=sample.question.strip(), gold=sample.answer))
        right, wrong = per_step.VERDICTS
        for steps, _, first in self._rationales(sample, "judging", rng):
            text = opening
            for number, step in enumerate(step_lines(steps)[:first], start=1):
                text = [*text, *self._words.ids(step)]
                yield [*text, *self._words.ids(probe)], self._closed(f" {wrong if number == first else right}")

    def _writing(self, sample: Sample, rng: random.Random) -> Iterator[tuple[Ids, Ids]]:
        """The steps that lead to the gold answer, on one line."""
        prompt = self._reasons.format(question=sample.question.strip(), gold=sample.answer)
        yield self._words.opening(prompt), self._closed(" ".join(sample.rationale))

    def _rationales(self, sample: Sample, lesson: str, rng: random.Random) -> list[Wrong]:
        drawn = [self._corrupt(sample, rng) for _ in range(NUM_WRONG[lesson])]
        return [(sample.rationale, sample.answer, len(sample.rationale) + 1), *(wrong for wrong in drawn if wrong)]

    def _closed(self, text: str) -> tuple[int, ...]:
        return (*self._words.ids(text), self._words.end)


def plain_skills(sample: Sample) -> Sequence[str]:
    """The skill of every step in its plainest wording, so that the teacher has one name for a thing.

    The sample's own wording where it knows no other.
    """
    return [wordings(skill)[0] for skill in sample.truth.skills] if sample.truth else sample.required_skills


def loss_of(model: Any, batch: Sequence[Lesson], pad: int) -> torch.Tensor:
    """Mean cross-entropy of the read tokens; logits are made for these only. `model` is the bare causal LM."""
    import torch
    from torch.nn.functional import cross_entropy

    width = max(len(lesson.tree.ids) for lesson in batch)

    def padded(rows: Iterable[list[int]], filler: int) -> torch.Tensor:
        return torch.tensor([row + [filler] * (width - len(row)) for row in rows])

    hidden = model.model(
        input_ids=padded((lesson.tree.ids for lesson in batch), pad),
        position_ids=padded((lesson.tree.positions for lesson in batch), 0),
        attention_mask=torch.stack([lesson.tree.mask(size=width) for lesson in batch])[:, None],
        use_cache=False,
    ).last_hidden_state
    reads = [(row, read) for row, lesson in enumerate(batch) for read in lesson.reads]
    places = torch.tensor([row for row, _ in reads]), torch.tensor([read.index for _, read in reads])
    return cross_entropy(model.lm_head(hidden[places]), torch.tensor([read.token for _, read in reads]))
