"""Replies as models write them, for tests of what is read out of them."""

from __future__ import annotations

import random

OPTIONS = ("a red chair", "a blue table", "the lamp", "nothing of these")
FORMS = (
    "{letter}", "{letter}.", "({letter})", "({letter}).", "{letter})", "{letter}:", ":{letter}", ": {letter}.",
    "{letter}. {text}", "({letter}) {text}", "{letter}: {text}.", "{small}", "{small}.", "{small}. {text}", "{text}",
    "{text}.", "It is {text}.", "The answer is {letter}", "The answer is {letter}.", "the correct answer is ({letter})",
    "Answer: {letter}", "Answer: {letter}. {text}", "**{letter}**", "I choose {letter} because of its colour.",
    "I pick option {letter}", "A man sits there, so {letter}", "Not {other} but {letter}", "{other} or {letter}",
    "{letter} and {other} are both there", "Option {letter} is right, not {other}.",
    "Step 1: I see it.\nAnswer: {letter}",
    "Step 1: It has legs. Step 2: {other} cannot be. The best option is {letter}.",
    "{letter}\n", " {letter} ", "{letter},",
    "\"{letter}\"", "'{letter}'.", "{letter}!", "The picture shows a dog. {letter}",
    "My answer is {letter}, of course, A is not",
    "Sorry, I can't help with images of people yet.", "Cannot determine the answer", "", "   ", "Z", "It is E.", "E",
    "I do not know", "{text} or {othertext}", "答案是{letter}", "정답은 {letter}", "{letter} {letter}", "ABCD", "CAB",
    "{letter} is what one would say after a long look at all of the picture and of its parts",
    "one would say after a long look at all of the picture that it is {letter}", "{letter}{other}", "[{letter}]",
    "{letter};", "#{letter}", "{{{letter}}}", "({letter}", "{letter}).", ":{letter}).",
    "the choice is {other}. No, {letter}",
)  # fmt: skip


def varied(seed: int = 0) -> list[str]:
    """More than three hundred replies, each form with several letters and, now and then, in a longer text."""
    dice, replies = random.Random(seed), []
    for form in FORMS:
        for letter in "ABCDE":
            other = dice.choice([one for one in "ABCD" if one != letter])
            index = min("ABCDE".index(letter), 3)
            reply = form.format(
                letter=letter,
                small=letter.lower(),
                other=other,
                text=OPTIONS[index],
                othertext=OPTIONS["ABCD".index(other)],
            )
            replies.append(reply)
            if dice.random() < 0.3:
                replies.append(f"{dice.choice(['So', 'A', 'Hence:', 'I think'])} {reply}")
    return replies
