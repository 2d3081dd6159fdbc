"""Whether a dataset names the skills that a selector searches: where it names none, all picks would be random.

Knows the two parts' words for it; reads no more of a dataset than it takes to see one skill.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from edt.errors import EdtError
from edt.protocols import Selector, Supporting
from edt.supporting.annotations import COMMAND


@runtime_checkable
class SaysSkills(Protocol):
    """A dataset that need not be read to know."""

    def names_skills(self) -> bool:
        """Whether any of its samples names a required skill."""
        ...


def check_skills(selector: Selector, supporting: Supporting) -> None:
    """EdtError where the selector searches required skills and the dataset names none at all."""
    if not getattr(selector, "searches_skills", False) or names_skills(supporting):
        return
    choice = supporting.name.partition(" ")[0]
    raise EdtError(
        f"the supporting dataset {supporting.name!r} names no required skill, and {type(selector).__name__} searches "
        f"nothing else; have a teacher name them (`{COMMAND} supporting={choice} teacher=… output=FILE`) and take them "
        "with supporting.annotations=FILE"
    )


def names_skills(supporting: Supporting) -> bool:
    """Whether any sample names a required skill; samples are read only where the dataset does not say."""
    if isinstance(supporting, SaysSkills):
        return supporting.names_skills()
    return any(sample.required_skills for sample in supporting.samples)
