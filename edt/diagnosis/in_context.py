"""Skill analysis: a teacher names the one missing skill behind a mistaken step.

Knows the prompt and how its reply is read; an unreadable reply is a state of
the gap, never a guess.  The teacher sees no picture.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edt.diagnosis.gaps import abstained
from edt.diagnosis.templates import FOLDER, digest, load, step_lines
from edt.errors import EdtError
from edt.protocols import Teacher, fingerprint_of
from edt.types import ErrorSample, Gap, Mistake, Sample

FIELDS = ("examples", "question", "gold", "steps", "number")
MAX_WORDS = 30
_LABEL = re.compile(r"(?:missing )?skill\s*:\s*", re.IGNORECASE)
_OTHER_LABEL = re.compile(r"(?:step \d+|answer)\s*:", re.IGNORECASE)


class InContext:
    """Asks for the missing skill, after the examples of a file where one is given.

    `examples` is a path, or the name of a file beside the prompts; None shows none.
    """

    def __init__(
        self,
        teacher: Teacher,
        *,
        examples: str | None = None,
        max_tokens: int = 32,
        prompt: str = "in_context",
    ) -> None:
        if not teacher.can.completion:
            raise EdtError(
                f"analyst in_context needs a teacher that writes text, which {teacher.name!r} does not; "
                "choose another teacher, or another analyst"
            )
        if max_tokens < 1:
            raise EdtError(f"analyst.max_tokens is {max_tokens}; it must be 1 or more")
        self._teacher, self._max_tokens = teacher, max_tokens
        self._prompt = load(prompt, FIELDS)
        self._examples = read_examples(examples) if examples else ""

    def fingerprint(self) -> dict[str, Any]:
        return {
            "teacher": fingerprint_of(self._teacher),
            "prompt": digest(self._prompt),
            "examples": digest(self._examples),
            "max_tokens": self._max_tokens,
        }

    def analyse(self, errors: Sequence[ErrorSample], mistakes: Sequence[Mistake]) -> list[Gap]:
        """One gap an error, in order: `named`, `abstained` where no mistake was placed, or `failed`."""
        pairs = list(zip(errors, mistakes, strict=True))
        prompts = [
            skill_prompt(error.sample, error.prediction.steps, mistake.step, self._prompt, examples=self._examples)
            for error, mistake in pairs
            if mistake.step is not None
        ]
        replies = iter(self._teacher.complete(prompts, max_tokens=self._max_tokens) if prompts else [])
        return [
            abstained(mistake) if mistake.step is None else _gap(error, mistake.step, next(replies))
            for error, mistake in pairs
        ]


def skill_prompt(sample: Sample, steps: Sequence[str], step: int, prompt: str, *, examples: str = "") -> str:
    """The question for the skill behind step `step` (1-based), with the steps up to it."""
    return prompt.format(
        examples=examples,
        question=sample.question.strip(),
        gold=sample.answer,
        steps="".join(step_lines(steps[:step])).removesuffix("\n"),
        number=step,
    )


def parse_skill(reply: str) -> str | None:
    """The skill of a reply: one line, bare or after "Skill:"; None where it is anything else.

    Quotes and a closing full stop are dropped.  Refused are several lines, more
    than `MAX_WORDS` words, text without a letter, a step or an answer instead
    of a skill, and "none" and its like.
    """
    lines = [line.strip() for line in reply.strip().splitlines()]
    if len(lines) != 1:
        return None
    label = _LABEL.match(lines[0])
    skill = lines[0][label.end() :] if label else lines[0]
    skill = skill.strip().strip("\"'“”‘’").rstrip(".").strip()
    if not re.search(r"[^\W\d_]", skill) or len(skill.split()) > MAX_WORDS or _OTHER_LABEL.match(skill):
        return None
    return None if skill.casefold() in {"none", "unknown", "n/a", "no skill"} else skill


def _gap(error: ErrorSample, step: int, reply: str) -> Gap:
    skill = parse_skill(reply)
    return Gap(
        sample_id=error.sample.id,
        step=step,
        step_text=error.prediction.steps[step - 1],
        skill=skill,
        state="named" if skill else "failed",
        reply=reply,
    )


def read_examples(name: str) -> str:
    """Worked examples out of a file: a path, or a name beside the prompts; EdtError where there is none."""
    path = FOLDER / name if (FOLDER / name).is_file() else Path(name).expanduser()
    if not path.is_file():
        known = ", ".join(sorted(file.name for file in FOLDER.glob("*examples*.txt")))
        raise EdtError(f"examples is {name!r}, which is no file; give a path, one of {known}, or null")
    return path.read_text(encoding="utf-8")
