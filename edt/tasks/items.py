"""A question as its dataset has it, before anybody's words are put around it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One question about one picture."""

    id: str
    image: str
    """Relative to the root of the dataset."""
    question: str
    answer: str
    """One of `options` where there are any."""
    hint: str = ""
    options: tuple[str, ...] = ()
    inside: bool = False
    """Whether the options stand in the question already."""
    answers: tuple[str, ...] = ()
    """All that people answered, where there is more than one."""
    group: str = ""
    """Of a question that is asked in several ways; else empty."""
    turn: int = 0
    """Which of those ways: 0 is as it was written."""

    @property
    def question_id(self) -> str:
        return self.group or self.id
