"""VQA accuracy: an answer is as good as the number of people who gave it (Antol et al., 2015; VQA v2's scoring).

With ten answers it is the mean, over every nine of them, of min(1, those that
agree / 3). Answers are compared without case, punctuation and articles, with
small numbers as digits, and contractions with or without their apostrophe.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import fsum

ENOUGH = 3
"""So many people who agree make an answer fully right."""
_TO_TEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {"none": "0", **{word: str(number) for number, word in enumerate(_TO_TEN)}}
_ARTICLES = {"a", "an", "the"}
_THOUSANDS = re.compile(r"(?<=\d),(?=\d)")
_POINT = re.compile(r"(?<!\d)\.|\.(?!\d)")
_APOSTROPHE = re.compile(r"['’`]")
_PUNCTUATION = re.compile(r"[^\w\s.:$%]|_")


def plain(answer: str) -> str:
    """What answers are compared by."""
    text = _APOSTROPHE.sub("", _POINT.sub("", _THOUSANDS.sub("", answer.lower())))
    words = [_NUMBERS.get(word, word) for word in _PUNCTUATION.sub(" ", text).split()]
    return " ".join(word for word in words if word not in _ARTICLES)


def vqa_accuracy(answer: str, answers: Sequence[str]) -> float:
    """In [0, 1]; of fewer than four people all the others have to agree. Raises ValueError without answers."""
    if not answers:
        raise ValueError("VQA accuracy needs at least one answer to compare with")
    same = [plain(answer) == plain(other) for other in answers]
    if len(same) == 1:
        return float(same[0])
    enough = min(ENOUGH, len(same) - 1)
    return fsum(min(1.0, (sum(same) - one) / enough) for one in same) / len(same)
