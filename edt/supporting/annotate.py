"""Names the skills that the samples of a supporting dataset need, by a teacher, once and for all.

    python -m edt.supporting.annotate supporting=pocket teacher=pocket action=plan   # what it will take; asks nobody
    python -m edt.supporting.annotate supporting=pocket teacher=pocket output=skills.jsonl
    python -m edt.supporting.annotate supporting=pocket teacher=pocket per_task=20 output=cheap.jsonl
    python run.py supporting.annotations=skills.jsonl                                # selection searches in them

per_task=M asks about M samples of each source task and lends their skills to the most alike of the rest; lent ones are
marked so in the file.  by=steps|sample|auto, examples=, prompt=, step_prompt=, max_tokens= say how the teacher is
asked (one that has not learnt the question wants examples=required_skill_examples.txt), batch= how many samples are
kept at a time; any other key=value chooses or sets the dataset or the teacher.
Given again, the same command goes on where it stopped; what a teacher was paid for is not asked again.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edt.cli import say_errors
from edt.diagnosis.required_skills import SkillQuestions
from edt.errors import EdtError
from edt.process import prepare_script
from edt.protocols import Priced, Teacher, fingerprint_of
from edt.store.keys import digest
from edt.supporting.annotations import Annotation, AnnotationFile, content_of
from edt.teachers.meter import cost_of, words_of
from edt.types import Sample

log = logging.getLogger("edt")


@dataclass
class Request:
    """What a user asked for."""

    output: Path = Path("outputs/required_skills.jsonl")
    action: str = "run"
    per_task: int | None = None
    batch: int = 32
    max_tokens: int = 32
    config_dir: Path | None = None
    questions: dict[str, str] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, arguments: Sequence[str]) -> Request:
        """`key=value`s; raises EdtError for one that is neither ours nor of the dataset or the teacher."""
        found = cls()
        for argument in arguments:
            key, sign, value = argument.partition("=")
            if not sign:
                raise EdtError(f"cannot read the option {argument!r}; write key=value")
            if key in ("by", "examples", "prompt", "step_prompt"):
                found.questions[key] = value
            elif key in ("per_task", "batch", "max_tokens"):
                setattr(found, key, _number(key, value))
            elif key in ("output", "config_dir"):
                setattr(found, key, Path(value))
            elif key == "action":
                found.action = value
            elif key.lstrip("+").partition(".")[0] in ("supporting", "teacher", "task"):
                found.overrides.append(argument)
            else:
                raise EdtError(f"there is no option {key!r} here; `python -m edt.supporting.annotate --help` has all")
        if found.action not in ("run", "plan"):
            raise EdtError(f"action must be run or plan, not {found.action!r}")
        return found


def _number(key: str, value: str) -> int:
    if not (value.isdecimal() and 0 < int(value) < 2**31):
        raise EdtError(f"{key} must be a whole number above 0, not {value!r}")
    return int(value)


class Annotator:
    """Asks a teacher about samples, a batch at a time, and keeps each batch as soon as it is done."""

    def __init__(
        self, teacher: Teacher, questions: SkillQuestions, samples: Sequence[Sample], *, per_task: int | None = None
    ) -> None:
        if not teacher.can.completion:
            raise EdtError(f"the teacher {teacher.name!r} writes no text, so it names no skills; choose another")
        self._teacher, self._questions = teacher, questions
        self.asked = list(samples) if per_task is None else chosen(samples, per_task)
        ids = {sample.id for sample in self.asked}
        self.lent_to = [sample for sample in samples if sample.id not in ids]
        self._per_task = per_task

    def header(self, max_tokens: int) -> dict[str, Any]:
        """What every line of the file depends on."""
        return {
            "required_skills": 1,
            "teacher": fingerprint_of(self._teacher),
            "questions": self._questions.fingerprint(),
            "max_tokens": max_tokens,
            "per_task": self._per_task,
        }

    def pending(self, known: Mapping[str, Annotation]) -> list[str]:
        """Distinct prompts that are still to be answered."""
        held = self._replies(known)
        left = (prompt for sample in self.asked if sample.id not in known for prompt in self._questions.prompts(sample))
        return [prompt for prompt in dict.fromkeys(left) if prompt not in held]

    def annotate(self, file: AnnotationFile, *, batch: int, max_tokens: int) -> Iterator[int]:
        """Ask for what the file lacks; after each batch yields how many prompts were put to the teacher."""
        _check_contents([*self.asked, *self.lent_to], file.known)
        held = self._replies(file.known)
        for start in range(0, len(self.asked), batch):
            samples = [sample for sample in self.asked[start : start + batch] if sample.id not in file.known]
            of_sample = [self._questions.prompts(sample) for sample in samples]
            new = [p for p in dict.fromkeys(p for prompts in of_sample for p in prompts) if p not in held]
            if new:
                held |= dict(zip(new, self._teacher.complete(new, max_tokens=max_tokens), strict=True))
            if samples:
                pairs = zip(samples, of_sample, strict=True)
                file.add([self._annotation(sample, [held[p] for p in prompts]) for sample, prompts in pairs])
                yield len(new)
        file.add(lend(self.asked, [sample for sample in self.lent_to if sample.id not in file.known], file.known))

    def _annotation(self, sample: Sample, replies: Sequence[str]) -> Annotation:
        skills, failed = self._questions.read(sample, replies)
        return Annotation(
            sample_id=sample.id, content=content_of(sample), skills=skills, replies=tuple(replies), failed=failed
        )

    def _replies(self, known: Mapping[str, Annotation]) -> dict[str, str]:
        """What was answered already, by prompt: another sample may ask the same."""
        held: dict[str, str] = {}
        for sample in self.asked:
            if sample.id in known and (replies := known[sample.id].replies):
                held |= dict(zip(self._questions.prompts(sample), replies, strict=True))
        return held


def chosen(samples: Sequence[Sample], per_task: int) -> list[Sample]:
    """`per_task` samples of each source task (fewer where it has no more), as if drawn: by the hash of their ids."""
    by_task: dict[str, list[Sample]] = {}
    for sample in samples:
        by_task.setdefault(sample.source_task, []).append(sample)
    return [sample for of in by_task.values() for sample in sorted(of, key=lambda sample: digest(sample.id))[:per_task]]


def lend(asked: Sequence[Sample], others: Sequence[Sample], known: Mapping[str, Annotation]) -> list[Annotation]:
    """To each of `others` the skills of the sample of its source task that shares most words with it."""
    lenders: dict[str, list[tuple[frozenset[str], Annotation]]] = {}
    for sample in asked:
        if known[sample.id].skills:
            lenders.setdefault(sample.source_task, []).append((_words(sample), known[sample.id]))
    lent = []
    for sample in others:
        own, near = _words(sample), lenders.get(sample.source_task, [])
        lender = max(near, key=lambda pair: (len(own & pair[0]) / len(own | pair[0]), pair[1].sample_id), default=None)
        lent.append(
            Annotation(
                sample_id=sample.id,
                content=content_of(sample),
                skills=lender[1].skills if lender else (),
                lent_by=lender[1].sample_id if lender else None,
            )
        )
    return lent


def _words(sample: Sample) -> frozenset[str]:
    return frozenset(f"{sample.question} {sample.answer}".lower().split())


def _check_contents(samples: Sequence[Sample], known: Mapping[str, Annotation]) -> None:
    for sample in samples:
        if sample.id in known and known[sample.id].content != content_of(sample):
            raise EdtError(f"sample {sample.id!r} has changed since it was annotated; name another file with output=")


def show_plan(annotator: Annotator, teacher: Teacher, known: Mapping[str, Annotation], max_tokens: int) -> int:
    """Print what is done and what the rest will take; returns how many prompts are left."""
    left = annotator.pending(known)
    cost = cost_of(teacher, left, max_tokens=max_tokens)
    done = sum(sample.id in known for sample in annotator.asked)
    lent = f", whose skills are lent to {len(annotator.lent_to)} others" if annotator.lent_to else ""
    print(f"teacher {teacher.name}: {done} of {len(annotator.asked)} samples are annotated{lent}")
    print(
        f"still to ask: {words_of(cost, teacher)}; hours are told after the first batch",
        flush=True,
    )
    return len(left)


def show_end(file: AnnotationFile, samples: Sequence[Sample], teacher: Teacher, path: Path) -> None:
    """Print every state's count, and what was paid."""
    found = [file.known[sample.id] for sample in samples]
    lent = sum(annotation.lent_by is not None for annotation in found)
    failed = sum(annotation.failed for annotation in found)
    bare = sum(not annotation.skills for annotation in found)
    print(
        f"{len(found)} samples: {len(found) - lent - bare} annotated, {lent} lent, {bare} without a skill; "
        f"{failed} of {sum(len(annotation.replies) for annotation in found)} replies could not be read"
    )
    if isinstance(teacher, Priced):
        print(f"spent: {teacher.spent().usd:.4f} dollars in {teacher.spent().calls} calls")
    print(f"file: {path}; take it with supporting.annotations={path}")


def main() -> None:
    if any(argument in ("-h", "--help") for argument in sys.argv[1:]):
        print(__doc__)
        return
    from filelock import FileLock

    from edt.build import Builder
    from edt.experiment import compose

    request = Request.read(sys.argv[1:])
    config, builder = compose(request.overrides, config_dir=request.config_dir), Builder()
    questions = SkillQuestions(**request.questions)
    teacher = builder.part("teacher", config.teacher)
    samples = builder.part("supporting", config.supporting).samples
    annotator = Annotator(teacher, questions, samples, per_task=request.per_task)
    request.output.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{request.output}.lock"):
        if request.action == "plan" and not request.output.exists():
            show_plan(annotator, teacher, {}, request.max_tokens)
            return
        file = AnnotationFile(request.output, annotator.header(request.max_tokens))
        left = show_plan(annotator, teacher, file.known, request.max_tokens)
        if request.action == "run":
            teacher.prepare()
            _run(annotator, file, left, request)
            show_end(file, samples, teacher, request.output)


def _run(annotator: Annotator, file: AnnotationFile, left: int, request: Request) -> None:
    start, asked, told = time.monotonic(), 0, -1e9
    for number in annotator.annotate(file, batch=request.batch, max_tokens=request.max_tokens):
        asked += number
        now = time.monotonic()
        if asked and now - told > 30:  # seconds between two lines
            hours = (now - start) / asked * (left - asked) / 3600
            log.info("%d of %d calls done, about %.2f hours left", asked, left, hours)
            told = now


if __name__ == "__main__":
    prepare_script()
    sys.exit(say_errors(main))
