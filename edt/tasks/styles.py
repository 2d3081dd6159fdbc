"""How a question is put and its reply read: in our words, or as another evaluator does both.

`ours` leaves room for reasoning steps and reads what stands behind `Answer:`.
`lmms_eval` and `vlmevalkit` follow lmms-eval 0.7.3 (`mmbench_en_dev_static`,
`scienceqa_img`) and VLMEvalKit (`MMBench_DEV_EN`, `ScienceQA_TEST`, with exact
matching) in their prompts and in which letter they take a reply for, so that a
score can be held against theirs. They know questions with options, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Protocol

from edt.tasks.items import Item
from edt.tasks.options import letter_of, lettered
from edt.types import Sample

DIRECTLY = "\nAnswer with the option's letter from the given choices directly."


class Style(Protocol):
    """An evaluator's way with questions that have options."""

    def prompt(self, item: Item) -> str: ...

    def letter(self, reply: str, options: Sequence[str]) -> str | None:
        """The capital letter that a reply is taken for, be there such an option or not; None for none."""
        ...


def our_words(item: Item) -> str:
    """The hint, the question and the options, a line each, where they do not stand in the question."""
    parts = [item.hint, item.question, *(() if item.inside else lettered(item.options))]
    return "\n".join(part for part in parts if part)


def pose(item: Item, style: Style | None) -> Sample:
    """The sample that is asked; `style` None is ours."""
    return Sample(
        id=item.id,
        image=item.image,
        question=our_words(item) if style is None else style.prompt(item),
        options=item.options,
        answer=item.answer,
        answers=item.answers,
        group=item.group,
        direct=style is not None,
    )


class LmmsMmbench:
    """lmms-eval's MMBench with its static rules: its first matcher, and its robust one where that finds nothing."""

    def prompt(self, item: Item) -> str:
        head = f"{item.hint} {item.question}" if item.hint else item.question
        return "\n".join([f"{head} There are several options:", *lettered(item.options), DIRECTLY])

    def letter(self, reply: str, options: Sequence[str]) -> str | None:
        named = {letter_of(index): option for index, option in enumerate(options)}
        return first_matcher(reply.strip(), named) or best_candidate(reply.strip(), sorted(named)) or None


class LmmsScienceqa:
    """lmms-eval's ScienceQA: only a bare letter, or one with a full stop right behind it, is an answer."""

    def prompt(self, item: Item) -> str:
        context = f"Context: {item.hint}\n" if item.hint else ""
        return f"{context}{item.question}\n" + "\n".join(lettered(item.options)) + DIRECTLY

    def letter(self, reply: str, options: Sequence[str]) -> str | None:
        said = reply.strip()
        if len(said) == 1 and said.isalpha():
            return said.upper()
        return said[0] if len(said) >= 2 and said[0].isupper() and said[1] == "." else None


class Vlmevalkit:
    """VLMEvalKit's multiple choice with exact matching: no judge, so what it cannot resolve counts as wrong."""

    def prompt(self, item: Item) -> str:
        hint = [f"Hint: {item.hint}"] if item.hint else []
        lines = [*hint, f"Question: {item.question}", "Options:", *lettered(item.options)]
        return "\n".join([*lines, "Please select the correct answer from the options above. \n"])

    def letter(self, reply: str, options: Sequence[str]) -> str | None:
        named = {letter_of(index): option for index, option in enumerate(options)}
        if any(refusal in reply for refusal in _REFUSALS):
            return None
        words = reply.translate(_PUNCTUATION).split()
        said = [letter for letter in named if letter in words]
        if len(said) == 1 and words.index(said[0]) >= len(words) - LAST:
            return said[0]
        if not said and "Z" in words:
            return None
        if len(reply) > 2 * sum(len(option) for option in options):
            return None
        return _only_option_inside(reply, named)


LAST = 4
"""VLMEvalKit takes a letter only among so many words at the end of a reply."""
_PUNCTUATION = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
STYLES: Mapping[tuple[str, str], Style] = {
    ("lmms_eval", "mmbench"): LmmsMmbench(),
    ("lmms_eval", "scienceqa"): LmmsScienceqa(),
    ("vlmevalkit", "mmbench"): Vlmevalkit(),
    ("vlmevalkit", "scienceqa"): Vlmevalkit(),
}
"""By `eval_style` and kind of task."""

_AFFIXES = (
    *(("", suffix) for suffix in (".", ",", ":", ")", ").")),
    *(("(", suffix) for suffix in (")", ").")),
    *((":", suffix) for suffix in ("", ",", ".", ")", ").")),
)


def first_matcher(reply: str, options: Mapping[str, str]) -> str | None:
    """lmms-eval's first rule: the one letter of A to E that is a word, bare or in one of twelve dressings; else the
    one option whose text the reply holds. "A" in a reply of more than three words may be an article."""
    words, letters = reply.split(), ascii_uppercase[:5]
    bare = [letter for letter in letters if letter in words]
    if len(bare) == 1 and not ("A" in words and len(words) > 3):
        return bare[0]
    for before, after in _AFFIXES:
        dressed = [letter for letter in letters if f"{before}{letter}{after}" in words]
        if len(dressed) == 1:
            return dressed[0]
    return _only_option_inside(reply, options)


def _only_option_inside(reply: str, options: Mapping[str, str]) -> str | None:
    inside = [letter for letter, option in options.items() if option.lower() in reply.lower()]
    return inside[0] if len(inside) == 1 else None


_PHRASES = (
    *(f"{the}{kind} is" for kind in ("answer", "correct answer", "best answer") for the in ("the ", "")),
    *(
        f"{the}{kind} is"
        for kind in ("correct option", "best option", "choice", "correct choice")
        for the in ("the ", "")
    ),
    *("i choose", "i select", "i pick", "my answer is", "my choice is"),
    *("옵션", "정답은", "답은", "답:", "答案是", "答案为", "选", "答えは"),
)
_FORMS = (("({})", 6), ("{}.", 5), ("{}:", 4), ("{})", 3), ("{} ", 2))
"""How a letter may be written, and how much that weighs."""
_START, _END, _PHRASE = 10, 9, 7


def best_candidate(reply: str, letters: Sequence[str]) -> str | None:
    """lmms-eval's robust rule: of all places where a letter could be meant the one of most weight, then the last."""
    said = reply.strip()
    for mark in ",.!?;:'\"":
        said = said.strip(mark)
    padded = f" {said} "
    found = [
        (weight, padded.rfind(form.format(letter)), letter)
        for form, weight in _FORMS
        for letter in letters
        if form.format(letter) in padded
    ]
    for phrase in _PHRASES:
        if (start := padded.lower().find(phrase)) >= 0:
            places = [(padded.find(letter, start + len(phrase)), letter) for letter in letters]
            found += [(_PHRASE, place, letter) for place, letter in places if place >= 0]
    bare = said.strip()
    for letter in letters:
        if bare.startswith(letter) and not bare[1:2].isalpha():
            found.append((_START, 0, letter))
        if bare.endswith(letter) and not bare[-2:-1].isalpha():
            found.append((_END, len(padded) - 1, letter))
    if not found:
        found = [(0, padded.rfind(letter), letter) for letter in letters if letter in padded]
    return max(found, key=lambda candidate: candidate[:2])[2] if found else None
