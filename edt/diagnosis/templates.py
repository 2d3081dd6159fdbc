"""Prompt texts: read from `prompts/`, filled in, and known by their hash.

Knows how a prompt file is laid out and how a step is written in one; knows no
teacher and judges no reply.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from edt.errors import EdtError

FOLDER = Path(__file__).parent / "prompts"


def one_line(text: str) -> str:
    """`text` with every run of white space as one space, so that it cannot break a prompt's lines."""
    return " ".join(text.split())


def step_line(number: int, text: str) -> str:
    """Step `number` (1-based) as a line of a prompt, line break included."""
    return f"Step {number}: {one_line(text)}\n"


def step_lines(steps: Sequence[str]) -> list[str]:
    """All steps as lines, numbered from 1."""
    return [step_line(number, text) for number, text in enumerate(steps, start=1)]


def digest(text: str) -> str:
    """What a fingerprint says of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@lru_cache
def load(name: str, fields: tuple[str, ...]) -> str:
    """The prompt `name`, a file of `prompts/` without its ending or a path to one's own, less its last line break.

    It must hold each of `fields` in braces exactly once, and no other;
    EdtError says what is missing, and which files there are.
    """
    path = FOLDER / f"{name}.txt"
    if not path.is_file():
        path = Path(name).expanduser()
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.txt")))
        raise EdtError(f"there is no prompt {name!r} in {FOLDER.name}/; it has {known}; or give the path of a file")
    text = path.read_text(encoding="utf-8").removesuffix("\n")
    found = sorted(field for _, field, _, _ in string.Formatter().parse(text) if field is not None)
    if found != sorted(fields):
        raise EdtError(f"prompt {path.name} holds the fields {found}; it must hold each of {sorted(fields)} once")
    return text


def around_steps(text: str) -> tuple[str, str]:
    """What stands before and after the `{steps}` of a prompt, which must be a line of its own; raises EdtError."""
    head, mark, probe = text.partition("{steps}\n")
    if not mark or not head.endswith("\n"):
        raise EdtError(f"{{steps}} must stand on a line of its own in the prompt that begins {text[:40]!r}")
    return head, probe
