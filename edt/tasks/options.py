"""Options and their letters: written under a question, found inside one, and read out of an answer.

Knows words and letters. Where an answer can be read in two ways it is not read:
nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

from edt.tasks.reply import normalise

_INLINE = re.compile(r"\(([a-z])\)[ \t]*(.*?)(?=[ \t,;]*\([a-z]\)|[ \t]*(?:\n|$))", re.IGNORECASE)
_LETTER = re.compile(r"(?:option |choice )?[(\[]?([a-z])[)\]]?[.:]?", re.IGNORECASE)
_LETTER_AND_TEXT = re.compile(r"[(\[]?([a-z])(?:[)\]][.:]?|[.:])\s*(\S.*)", re.IGNORECASE | re.DOTALL)
_ARTICLE = re.compile(r"^(?:a|an|the) ")


def letter_of(index: int) -> str:
    return ascii_uppercase[index]


def lettered(options: Sequence[str]) -> list[str]:
    """A line an option, `A. …` and so on."""
    return [f"{letter_of(index)}. {option}" for index, option in enumerate(options)]


def options_inside(question: str) -> tuple[str, ...]:
    """The options that stand in a question as `(a) …`, in order; none where the letters are no alphabet from (a) on."""
    found = [(letter.lower(), text.strip(" ,;")) for letter, text in _INLINE.findall(question)]
    letters = "".join(letter for letter, _ in found)
    if len(found) < 2 or letters != ascii_uppercase[: len(found)].lower() or not all(text for _, text in found):
        return ()
    return tuple(text for _, text in found)


def choose(answer: str, options: Sequence[str]) -> int | None:
    """Which option an answer names, by its letter, its words or both; None where it names none, or two."""
    if (place := _place(answer, options)) is not None:
        return place
    if found := _LETTER.fullmatch(answer.strip()):
        return _index(found[1], options)
    if found := _LETTER_AND_TEXT.fullmatch(answer.strip()):
        by_letter, by_words = _index(found[1], options), _place(found[2], options)
        return by_letter if by_words in (None, by_letter) else None
    return None


def _place(words: str, options: Sequence[str]) -> int | None:
    """The one option of these very words, with or without an article."""
    for reading in (normalise, _without_article):
        places = [index for index, option in enumerate(options) if reading(option) == reading(words)]
        if places:
            return places[0] if len(places) == 1 else None
    return None


def _without_article(text: str) -> str:
    return _ARTICLE.sub("", normalise(text))


def _index(letter: str, options: Sequence[str]) -> int | None:
    index = ord(letter.lower()) - ord("a")
    return index if index < len(options) else None
