"""A target task over a dataset on disk: its splits, its words, and how a reply is read and judged.

What differs between datasets is a `Source`; this is what they share. Light to
build: data are read when a split is asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from edt.errors import EdtError
from edt.images.hashes import ImageHashes
from edt.images.inside import ImageFault, ImageFolder
from edt.protocols import Fingerprint
from edt.tasks.items import Item
from edt.tasks.metrics import Grade, metric_named
from edt.tasks.options import choose, letter_of
from edt.tasks.reply import normalise, read_answer, read_steps
from edt.tasks.splits import Pools, Splits, draw
from edt.tasks.styles import STYLES, Style, pose
from edt.types import Outcome, Prediction, Sample

OURS = "ours"
VERSION = 1
"""Raised when the same data would come to other questions or other judgements."""
log = logging.getLogger("edt")


class Source(Protocol):
    """Where a task's questions come from."""

    root: Path
    """Of their pictures."""

    def pools(self) -> Pools: ...

    def fingerprint(self) -> Mapping[str, Any]:
        """Checksums of what is read, and the options of reading."""
        ...


class TargetTask:
    """Settings:

    kind: whose prompts and rules another evaluator's style follows: mmbench, scienceqa or none.
    metric, bar: a key of METRICS, and the least grade that counts as right; None: the metric's own.
    eval_style: ours, lmms_eval or vlmevalkit, for the test split alone: errors are collected on validation, from
        replies with steps, which the other evaluators' prompts do not ask for.
    num_validation, num_test, seed: how many questions are drawn, None for all, and by which seed.
    """

    def __init__(
        self,
        name: str,
        description: str,
        source: Source,
        *,
        metric: str,
        kind: str = "",
        source_tasks: Sequence[str] = (),
        eval_style: str = OURS,
        bar: float | None = None,
        num_validation: int | None = None,
        num_test: int | None = None,
        seed: int = 0,
    ) -> None:
        for option, number in (("num_validation", num_validation), ("num_test", num_test)):
            if number is not None and number < 1:
                raise EdtError(f"task.{option} must be above 0, or null for all, not {number}")
        if bar is not None and not 0 < bar <= 1:
            raise EdtError(f"task.bar must be above 0 and at most 1, or null for the metric's own, not {bar}")
        self.name, self.description, self.source_tasks = name, description, tuple(source_tasks)
        self.root = source.root
        self._source, self._style = source, _style(eval_style, kind, name)
        self._metric_name, self._metric = metric, metric_named(metric)
        self._bar = self._metric.bar if bar is None else bar
        self._eval_style, self._numbers, self._seed = eval_style, (num_validation, num_test), seed

    @cached_property
    def validation(self) -> Sequence[Sample]:
        return self._checked([pose(item, None) for item in self._splits.validation])

    @cached_property
    def test(self) -> Sequence[Sample]:
        return self._checked([pose(item, self._style) for item in self._splits.test])

    def read(self, sample: Sample, reply: str) -> Prediction:
        """Take a reply apart and judge it; unparsed where no answer can be read, or none of the options."""
        if self._style is not None and sample.direct:
            return self._prediction(sample, reply, (), self._by_letter(self._style, sample, reply))
        steps = read_steps(reply)
        return self._prediction(sample, reply, steps, _answer(sample, reply, steps))

    def fingerprint(self) -> Fingerprint:
        validation, test = self._numbers
        return {
            "version": VERSION,
            "task": self.name,
            "description": self.description,
            "data": self._source.fingerprint(),
            "numbers": {"validation": validation, "test": test, "seed": self._seed},
            "metric": [self._metric_name, self._bar],
            "eval_style": self._eval_style,
        }

    @cached_property
    def _splits(self) -> Splits:
        validation, test = self._numbers
        splits = draw(
            self._source.pools(),
            num_validation=validation,
            num_test=test,
            seed=self._seed,
            contents=self._contents,
        )
        if splits.shared:
            log.info("%s: %d questions left out, for the other split has their picture", self.name, splits.shared)
        return splits

    def _contents(self, items: Sequence[Item]) -> Sequence[str]:
        folder = ImageFolder(self.root)
        try:
            return ImageHashes().content([folder.path_of(item.image) for item in items])
        except ImageFault as fault:
            names = (item.image for item in items)
            bad = next(name for name in names if _fault(folder, name))
            raise EdtError(f"{self.name}: the picture {bad!r} {fault}, under {self.root}") from None

    def _checked(self, samples: list[Sample]) -> list[Sample]:
        if self._metric_name == "option" and (lacking := next((s for s in samples if not s.options), None)):
            raise EdtError(f"{self.name}: question {lacking.id!r} has no options, and task.metric=option needs some")
        return samples

    @cached_property
    def _grades(self) -> dict[str, Grade]:
        """By split: CIDEr counts words in the references of one."""
        return {split: self._metric.make(getattr(self, split)) for split in ("validation", "test")}

    @cached_property
    def _test_ids(self) -> frozenset[str]:
        return frozenset(sample.id for sample in self.test)

    def _by_letter(self, style: Style, sample: Sample, reply: str) -> str | None:
        letter = style.letter(reply, sample.options)
        letters = [letter_of(index) for index in range(len(sample.options))]
        return sample.options[letters.index(letter)] if letter in letters else letter

    def _prediction(self, sample: Sample, reply: str, steps: tuple[str, ...], answer: str | None) -> Prediction:
        grade = 0.0
        if answer is not None:
            grade = self._grades["test" if sample.id in self._test_ids else "validation"](sample, answer)
        right = Outcome.RIGHT if grade >= self._bar else Outcome.WRONG
        return Prediction(
            sample_id=sample.id,
            text=reply,
            steps=steps,
            answer=answer,
            outcome=Outcome.UNPARSED if answer is None else right,
            grade=grade if self._metric.graded else None,
            group=sample.group,
        )


def _style(eval_style: str, kind: str, name: str) -> Style | None:
    if eval_style == OURS:
        return None
    if (eval_style, kind) not in STYLES:
        known = sorted({style for style, of in STYLES if of == kind})
        raise EdtError(f"task.eval_style={eval_style!r} does not know {name}; choose of {', '.join([OURS, *known])}")
    return STYLES[eval_style, kind]


def _answer(sample: Sample, reply: str, steps: Sequence[str]) -> str | None:
    """What stands behind `Answer:`; of a reply of one line without steps, the reply."""
    answer = read_answer(reply)
    if answer is None and not steps and len(reply.strip().splitlines()) == 1:
        answer = normalise(reply) or None
    if answer is None or not sample.options:
        return answer
    chosen = choose(answer, sample.options)
    return None if chosen is None else sample.options[chosen]


def _fault(folder: ImageFolder, name: str) -> bool:
    try:
        folder.path_of(name)
    except ImageFault:
        return True
    return False
