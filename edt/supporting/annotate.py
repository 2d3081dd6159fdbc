"""Names the skills that the samples of a supporting dataset need, by a teacher, once and for all.

    python -m edt.supporting.annotate supporting=pocket teacher=pocket action=plan   # what it will take; pays nobody
    python -m edt.supporting.annotate supporting=pocket teacher=pocket output=skills.jsonl
    python -m edt.supporting.annotate supporting=pocket teacher=pocket per_task=20 output=cheap.jsonl
    python run.py supporting.annotations=skills.jsonl                                # selection searches in them

per_task=M asks about M samples of each source task and lends their skills to the most alike of the rest; lent ones are
marked so in the file.  by=steps|sample|auto, examples=, prompt=, step_prompt=, max_tokens= say how the teacher is
asked (one that has not learnt the question wants examples=required_skill_examples.txt); batch= how many samples are
kept at a time (else 32, or 16 for each call that the teacher has under way at once); seconds_a_call= how long one takes
(else as the call book has it, as a model in memory does when it is tried, or 1).
Any other key=value chooses or sets the dataset or the teacher.
Given again, the same command goes on where it stopped; what a teacher was paid for is not asked again.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from array import array
from bisect import insort
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from edt.cli import say_errors
from edt.diagnosis.required_skills import SkillQuestions
from edt.errors import EdtError
from edt.process import prepare_script
from edt.protocols import Cost, Paced, Priced, Teacher, fingerprint_of
from edt.store.keys import digest
from edt.supporting.annotations import Annotation, AnnotationFile, content_of
from edt.teachers.ahead import total
from edt.teachers.meter import cost_of, words_of, words_on_expected
from edt.types import Sample

AT_ONCE = 1000
"""Samples or prompts that are looked at together where none is asked about."""
GUESSED = 1.0
"""Seconds of a call that nothing is known of."""
log = logging.getLogger("edt")


@dataclass
class Request:
    """What a user asked for."""

    output: Path = Path("outputs/required_skills.jsonl")
    action: str = "run"
    per_task: int | None = None
    batch: int | None = None
    """None: `batch_of` the teacher."""
    max_tokens: int = 32
    seconds_a_call: float | None = None
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
            elif key == "seconds_a_call":
                found.seconds_a_call = _seconds(key, value)
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


def _seconds(key: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise EdtError(f"{key} must be a number of seconds above 0, not {value!r}")
    return seconds


@dataclass(frozen=True, eq=False)
class Group:
    """Places of samples: a teacher is `asked` about some, whose skills are lent to others. None is in both."""

    asked: Sequence[int]
    lent_to: Sequence[int] = ()


class Annotator:
    """Asks a teacher about samples, a batch at a time, and keeps each batch as soon as it is done.

    Samples are looked at one by one where they lie, and what is in the file stays there: memory holds a hash and a
    reply a prompt. Lines come in one order, whatever the batch: source task by source task, its lent skills last.
    """

    def __init__(
        self, teacher: Teacher, questions: SkillQuestions, samples: Sequence[Sample], *, per_task: int | None = None
    ) -> None:
        if not teacher.can.completion:
            raise EdtError(f"the teacher {teacher.name!r} writes no text, so it names no skills; choose another")
        self._teacher, self._questions, self._samples, self._per_task = teacher, questions, samples, per_task
        self._groups = [Group(range(len(samples)))] if per_task is None else grouped(samples, per_task)
        self.num_asked = sum(len(group.asked) for group in self._groups)
        self.num_lent_to = len(samples) - self.num_asked
        self._held: dict[bytes, str] | None = None

    def header(self, max_tokens: int) -> dict[str, Any]:
        """What every line of the file depends on."""
        return {
            "required_skills": 1,
            "teacher": fingerprint_of(self._teacher),
            "questions": self._questions.fingerprint(),
            "max_tokens": max_tokens,
            "per_task": self._per_task,
        }

    def pending(self, known: Mapping[str, Annotation]) -> Iterator[list[str]]:
        """Distinct prompts that are still to be answered, `AT_ONCE` at most at a time."""
        seen = set(self._replies(known))
        piece: list[str] = []
        for sample in self._asked():
            for prompt in () if sample.id in known else self._questions.prompts(sample):
                if (mark := _mark(prompt)) not in seen:
                    seen.add(mark)
                    piece.append(prompt)
            if len(piece) >= AT_ONCE:
                yield piece
                piece = []
        if piece:
            yield piece

    def done(self, known: Mapping[str, Annotation]) -> int:
        """How many of the samples that are asked about are annotated."""
        return sum(sample.id in known for sample in self._asked()) if known else 0

    def annotate(self, file: AnnotationFile, *, batch: int, max_tokens: int) -> Iterator[int]:
        """Ask for what the file lacks; after each batch yields how many prompts were put to the teacher."""
        held = self._replies(file.known)
        order = ((group, place) for group in self._groups for place in group.asked)
        while piece := list(islice(order, batch)):
            samples = [(group, self._samples[place]) for group, place in piece]
            of_sample = {s.id: self._questions.prompts(s) for _, s in samples if s.id not in file.known}
            marks = {_mark(prompt): prompt for prompts in of_sample.values() for prompt in prompts}
            new = {mark: prompt for mark, prompt in marks.items() if mark not in held}
            if new:
                replies = self._teacher.complete(list(new.values()), max_tokens=max_tokens)
                held |= dict(zip(new, replies, strict=True))
            for group, members in groupby(samples, key=lambda pair: pair[0]):
                lacking = [sample for _, sample in members if sample.id in of_sample]
                file.add(self._annotation(s, [held[_mark(p)] for p in of_sample[s.id]]) for s in lacking)
                if group is not piece[-1][0] or piece[-1][1] == group.asked[-1]:  # all of it is there now
                    self._lend(group, file)
            if of_sample:
                yield len(new)

    def _lend(self, group: Group, file: AnnotationFile) -> None:
        """Write what is lent within one source task."""
        asked = [self._samples[place] for place in group.asked] if group.lent_to else []
        rest = (sample for place in group.lent_to if (sample := self._samples[place]).id not in file.known)
        while others := list(islice(rest, AT_ONCE)):
            file.add(lend(asked, others, file.known))

    def _asked(self) -> Iterator[Sample]:
        return (self._samples[place] for group in self._groups for place in group.asked)

    def _annotation(self, sample: Sample, replies: Sequence[str]) -> Annotation:
        skills, failed = self._questions.read(sample, replies)
        return Annotation(
            sample_id=sample.id, content=content_of(sample), skills=skills, replies=tuple(replies), failed=failed
        )

    def _replies(self, known: Mapping[str, Annotation]) -> dict[bytes, str]:
        """What was answered already, by prompt: another sample may ask the same. EdtError where a sample has changed
        since; looked for once."""
        if self._held is None:
            self._held = {}
            for sample in self._samples if known else ():
                if sample.id not in known:
                    continue
                annotation = known[sample.id]
                if annotation.content != content_of(sample):
                    raise EdtError(
                        f"sample {sample.id!r} has changed since it was annotated; name another file with output="
                    )
                if annotation.replies:
                    marks = map(_mark, self._questions.prompts(sample))
                    self._held |= dict(zip(marks, annotation.replies, strict=True))
        return self._held


def _mark(prompt: str) -> bytes:
    return blake2b(prompt.encode(), digest_size=16).digest()


def grouped(samples: Sequence[Sample], per_task: int) -> list[Group]:
    """A group a source task, `per_task` samples of which are asked about (fewer where it has no more), as if drawn: by
    the hash of their ids."""
    places: dict[str, array[int]] = {}
    first: dict[str, list[tuple[str, int]]] = {}
    for place, sample in enumerate(samples):
        places.setdefault(sample.source_task, array("q")).append(place)
        least = first.setdefault(sample.source_task, [])
        insort(least, (digest(sample.id), place))
        del least[per_task:]
    groups = []
    for task, of in places.items():
        asked = [place for _, place in first[task]]
        drawn = set(asked)
        groups.append(Group(asked, array("q", (place for place in of if place not in drawn))))
    return groups


def chosen(samples: Sequence[Sample], per_task: int) -> list[Sample]:
    """The samples that are asked about, in the order of their groups."""
    return [samples[place] for group in grouped(samples, per_task) for place in group.asked]


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


def batch_of(teacher: Teacher) -> int:
    """Samples that are kept at a time: so many that the calls under way seldom wait for the last of a batch."""
    return max(32, 16 * teacher.can.at_once)


def pace_of(teacher: Teacher, prompts: Sequence[str], request: Request) -> tuple[float, str]:
    """Seconds a call, and where they come from."""
    if request.seconds_a_call is not None:
        return request.seconds_a_call, "as given"
    try:
        found = teacher.pace(prompts, max_tokens=request.max_tokens) if isinstance(teacher, Paced) else None
    except EdtError:  # a model that is not here yet; a plan can do without
        found = None
    return (GUESSED, "a guess: see seconds_a_call=") if found is None else (found, "measured")


def show_plan(annotator: Annotator, teacher: Teacher, known: Mapping[str, Annotation], request: Request) -> int:
    """Print what is done and what the rest will take; returns how many prompts are left."""
    left, costs, some = 0, list[Cost](), list[str]()
    expected: list[Cost | None] = []
    for piece in annotator.pending(known):
        left, some = left + len(piece), some or piece
        costs.append(cost_of(teacher, piece, max_tokens=request.max_tokens))
        if isinstance(teacher, Priced):
            expected.append(teacher.expected(piece, max_tokens=request.max_tokens))
    cost, likely = total(costs), [one for one in expected if one is not None]
    done = annotator.done(known)
    lent = f", whose skills are lent to {annotator.num_lent_to} others" if annotator.num_lent_to else ""
    print(f"teacher {teacher.name}: {done} of {annotator.num_asked} samples are annotated{lent}")
    seconds, source = pace_of(teacher, some, request) if cost.calls else (0.0, "")
    how = f" ({seconds:.3g} s a call, {source}; {teacher.can.at_once} at a time)" if cost.calls else ""
    print(
        f"still to ask: {words_of(cost, teacher)}, "
        f"about {cost.calls * seconds / teacher.can.at_once / 3600:.2f} hours{how}",
        flush=True,
    )
    if cost.calls and likely and len(likely) == len(expected):
        print(
            f"expected, by earlier calls with as much room for a reply: {words_on_expected(total(likely))}", flush=True
        )
    return left


def show_end(file: AnnotationFile, samples: Sequence[Sample], teacher: Teacher, path: Path) -> None:
    """Print every state's count, and what was paid."""
    counts = Counter[str]()
    for sample in samples:
        found = file.known[sample.id]
        state = "bare" if not found.skills else "annotated" if found.lent_by is None else "lent"
        counts.update({state: 1, "failed": found.failed, "replies": len(found.replies)})
    print(
        f"{len(samples)} samples: {counts['annotated']} annotated, {counts['lent']} lent, {counts['bare']} without a "
        f"skill; {counts['failed']} of {counts['replies']} replies could not be read"
    )
    if isinstance(teacher, Priced):
        spent = teacher.spent()
        print(f"spent: {spent.usd:.4f} dollars in {spent.calls} calls")
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
            show_plan(annotator, teacher, {}, request)
            return
        file = AnnotationFile(request.output, annotator.header(request.max_tokens))
        left = show_plan(annotator, teacher, file.known, request)
        if request.action == "run":  # not prepared: that looks for probabilities too, and only text is asked for here
            _run(annotator, file, left, request.batch or batch_of(teacher), request)
            show_end(file, samples, teacher, request.output)


def _run(annotator: Annotator, file: AnnotationFile, left: int, batch: int, request: Request) -> None:
    start, asked, told = time.monotonic(), 0, -1e9
    for number in annotator.annotate(file, batch=batch, max_tokens=request.max_tokens):
        asked += number
        now = time.monotonic()
        if asked and now - told > 30:  # seconds between two lines
            hours = (now - start) / asked * (left - asked) / 3600
            log.info("%d of %d calls done, about %.2f hours left", asked, left, hours)
            told = now


if __name__ == "__main__":
    prepare_script()
    sys.exit(say_errors(main))
