"""Words of a text, as selection counts them. Knows stop words and stems; neither documents nor scores."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

_STOP_WORDS = """
a an and are as at be been by can do does each for from has have how if in into is it its of on or over than
that the their them there these they this to was what when where which who whose why with
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
_WORD = re.compile(r"\w+")


def raw_words(text: str) -> list[str]:
    """Lower-case words in order, all of them as they stand."""
    return _WORD.findall(text.lower())


def words_of(text: str, *, stop_words: bool, stem: bool = False) -> list[str]:
    """Lower-case words in order; without `STOP_WORDS` where `stop_words` is True, as stems where `stem` is."""
    words = (normal_form(raw, stop_words=stop_words, stem=stem) for raw in raw_words(text))
    return [word for word in words if word is not None]


def normal_form(raw: str, *, stop_words: bool, stem: bool) -> str | None:
    """What a word of `raw_words` is counted as; None where it is left out."""
    if stop_words and raw in STOP_WORDS:
        return None
    return _stemmer()(raw) if stem else raw


@cache
def _stemmer() -> Callable[[str], str]:
    """Snowball's English stemmer, in plain Python, so each word is asked for once."""
    import snowballstemmer

    return cache(snowballstemmer.stemmer("english").stemWord)
