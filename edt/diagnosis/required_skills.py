"""What a teacher is asked to name the skills that a sample needs, and how its replies are read.

Where a sample has a gold rationale, each of its steps is asked about in the
words of skill analysis, so that missing and required skills speak one language;
where it has none, one question asks for all.  Knows prompts and replies; calls
no teacher, and shows no picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edt.diagnosis import in_context
from edt.diagnosis.in_context import parse_skill, read_examples, skill_prompt
from edt.diagnosis.templates import digest, load
from edt.errors import EdtError
from edt.types import Sample

FIELDS = ("examples", "question", "gold")
WAYS = ("auto", "steps", "sample")


class SkillQuestions:
    """`by` is "steps" (a prompt a gold step), "sample" (one for all), or "auto": steps where there are any.

    `examples` stand before every prompt: a path, a file beside the prompts, or None.
    """

    def __init__(
        self,
        *,
        by: str = "auto",
        examples: str | None = None,
        prompt: str = "required_skills",
        step_prompt: str = "in_context",
    ) -> None:
        if by not in WAYS:
            raise EdtError(f"by is {by!r}; choose one of {', '.join(WAYS)}")
        self._by = by
        self._examples = read_examples(examples) if examples else ""
        self._whole, self._step = load(prompt, FIELDS), load(step_prompt, in_context.FIELDS)

    def fingerprint(self) -> dict[str, Any]:
        return {
            "by": self._by,
            "examples": digest(self._examples),
            "prompt": digest(self._whole),
            "step_prompt": digest(self._step),
        }

    def prompts(self, sample: Sample) -> list[str]:
        """One a gold step, or a single one; EdtError where steps are asked for and there are none."""
        if not self._by_steps(sample):
            question = sample.question.strip()
            return [self._whole.format(examples=self._examples, question=question, gold=sample.answer)]
        return [
            skill_prompt(sample, sample.rationale, number, self._step, examples=self._examples)
            for number in range(1, len(sample.rationale) + 1)
        ]

    def read(self, sample: Sample, replies: Sequence[str]) -> tuple[tuple[str, ...], int]:
        """The distinct skills that the replies to `prompts` name, and how many replies could not be read."""
        by_steps = self._by_steps(sample)
        found = [_one(parse_skill(reply)) if by_steps else parse_skills(reply) for reply in replies]
        return tuple(dict.fromkeys(skill for skills in found for skill in skills)), sum(not skills for skills in found)

    def _by_steps(self, sample: Sample) -> bool:
        if self._by == "steps" and not sample.rationale:
            raise EdtError(f"sample {sample.id!r} has no gold steps to ask about; take by=auto or by=sample")
        return bool(sample.rationale) and self._by != "sample"


def parse_skills(reply: str) -> tuple[str, ...]:
    """Skills between semicolons, each read as `parse_skill` reads one; none where any is anything else."""
    pieces = [piece for piece in reply.split(";") if piece.strip()]
    skills = [parse_skill(piece) for piece in pieces]
    return tuple(skill for skill in skills if skill) if all(skills) else ()


def _one(skill: str | None) -> tuple[str, ...]:
    return () if skill is None else (skill,)
