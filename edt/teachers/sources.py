"""Where probabilities over answers come from, for a teacher that is only reached by chat.

`logprobs` reads them off the first token of a letter, `sampling` counts letters
over several replies, `verbalised` asks for numbers.  (`local`, the log-
probabilities of whole answers, takes a model in memory.)  Each weighs what it is
given or says that it cannot; nothing here makes a probability up.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase as LETTERS
from typing import Any, Protocol

from edt.diagnosis.templates import digest, load, one_line
from edt.errors import EdtError
from edt.teachers.calls import Call, Choice, Desk, Phrasing, Reply
from edt.teachers.forms import Form, ask_forms, calls_at_most
from edt.teachers.probe import LOGPROBS

SOURCES = ("logprobs", "local", "sampling", "verbalised")
BY_CHAT = ("logprobs", "sampling", "verbalised")
FIELDS = ("text", "options")
GRID = tuple(n / 20 for n in range(21))
"""Probabilities that a schema leaves to choose from: what is bound by one (llama.cpp's server knows no least and
greatest number) writes none that `read` would turn down."""
_LETTER = re.compile(r"\W*([A-Z])\s*(?:$|[).:,\]*])")


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which of `options` goes on from `text`?"""

    text: str
    options: tuple[str, ...]


class Source(Protocol):
    """One way to weigh."""

    def fingerprint(self) -> Mapping[str, Any]: ...

    def calls(self, questions: Sequence[Question], phrasing: Phrasing) -> list[Call]:
        """All that weighing takes, at most: a call the more where a reply may have to be repaired."""
        ...

    def weigh(self, questions: Sequence[Question], desk: Desk, phrasing: Phrasing) -> list[list[float] | None]:
        """For each question probabilities that sum to 1, or None where the replies tell of none."""
        ...


def check_source(source: str, sources: Sequence[str], teacher: str) -> str:
    """`source` itself where it is among those that a teacher delivers; an EdtError that names them otherwise."""
    if source not in SOURCES:
        raise EdtError(f"teacher.source is {source!r}; choose one of {', '.join(SOURCES)}")
    if source not in sources:
        raise EdtError(f"teacher {teacher!r} cannot deliver source={source}; it can deliver {', '.join(sources)}")
    return source


def source_of(name: str, *, samples: int) -> Source:
    """The way called `name`, one of `BY_CHAT`."""
    if name == "sampling":
        return Sampling(samples)
    return Logprobs() if name == "logprobs" else Verbalised()


class Logprobs:
    """One reply of one token a question: its alternatives that are letters, made to sum to 1.

    A letter that is not among the alternatives gets the most that it can have:
    as much as the least of them, and no more than its share of what is left.
    """

    def fingerprint(self) -> Mapping[str, Any]:
        return {"source": "logprobs", "prompt": digest(load("weigh_letter", FIELDS))}

    def calls(self, questions: Sequence[Question], phrasing: Phrasing) -> list[Call]:
        return [phrasing.call(_prompt("weigh_letter", q), max_tokens=1, **LOGPROBS) for q in questions]

    def weigh(self, questions: Sequence[Question], desk: Desk, phrasing: Phrasing) -> list[list[float] | None]:
        replies = desk.ask(self.calls(questions, phrasing), "teacher weighs")
        return [_shares(reply.choice.first or {}, len(q.options)) for q, reply in zip(questions, replies, strict=True)]


def _shares(first: Mapping[str, float], num_options: int) -> list[float] | None:
    listed: Counter[str] = Counter()
    for token, log in first.items():
        if (letter := token.strip().strip("().:*")) and letter in LETTERS[:num_options]:
            listed[letter] += math.exp(log)  # pyright: ignore[reportArgumentType]  a Counter of shares
    if not listed:
        return None
    unlisted = num_options - len(listed)
    all_shares = [math.exp(log) for log in first.values()]
    rest = min(min(all_shares), max(0.0, 1 - sum(all_shares)) / unlisted) if unlisted else 0.0
    return _normalised([listed.get(letter, rest) for letter in LETTERS[:num_options]])


class Sampling:
    """How often each letter is given over `samples` replies at temperature 1; what names none is left out."""

    def __init__(self, samples: int) -> None:
        if samples < 2:
            raise EdtError(f"teacher.samples is {samples}; frequencies take 2 or more")
        self._samples = samples

    def fingerprint(self) -> Mapping[str, Any]:
        return {"source": "sampling", "samples": self._samples, "prompt": digest(load("weigh_letter", FIELDS))}

    def calls(self, questions: Sequence[Question], phrasing: Phrasing) -> list[Call]:
        # A call a sample: endpoints that ignore `n` answer once, and the seed alone tells the calls apart.
        return [
            phrasing.call(_prompt("weigh_letter", q), max_tokens=8, temperature=1.0, seed=number)
            for q in questions
            for number in range(self._samples)
        ]

    def weigh(self, questions: Sequence[Question], desk: Desk, phrasing: Phrasing) -> list[list[float] | None]:
        replies = desk.ask(self.calls(questions, phrasing), "teacher samples")
        rows = [replies[n : n + self._samples] for n in range(0, len(replies), self._samples)]
        return [_frequencies(row, q.options) for row, q in zip(rows, questions, strict=True)]


def _frequencies(replies: Sequence[Reply], options: Sequence[str]) -> list[float] | None:
    counts = Counter(read_letter(reply.choice, options) for reply in replies)
    return _normalised([float(counts[place]) for place in range(len(options))])


def read_letter(choice: Choice, options: Sequence[str]) -> int | None:
    """The place of the option that a reply names, by its letter or in full; None where it names none.

    A letter counts even in a reply that was cut off, but only with its end in sight ("A", "A.", "(A)").
    """
    if choice.finish == "content_filter":
        return None
    text = choice.text.strip()
    if (found := _LETTER.match(text)) and found[1] in LETTERS[: len(options)]:
        return LETTERS.index(found[1])
    said = one_line(text).strip("\"'.").casefold()
    return next((n for n, option in enumerate(options) if one_line(option).casefold() == said), None)


class Verbalised:
    """Numbers that the teacher writes, made to sum to 1."""

    def fingerprint(self) -> Mapping[str, Any]:
        prompts = digest(load("weigh_numbers", FIELDS) + load("repair", ("error",)))
        return {"source": "verbalised", "prompt": prompts, "numbers": len(GRID)}

    def calls(self, questions: Sequence[Question], phrasing: Phrasing) -> list[Call]:
        return calls_at_most(phrasing, _forms(questions), max_tokens=_room(questions))

    def weigh(self, questions: Sequence[Question], desk: Desk, phrasing: Phrasing) -> list[list[float] | None]:
        return ask_forms(desk, phrasing, _forms(questions), max_tokens=_room(questions), what="teacher estimates")


def _forms(questions: Sequence[Question]) -> list[tuple[str, Form[list[float] | None]]]:
    return [(_prompt("weigh_numbers", q), _numbers(len(q.options))) for q in questions]


def _room(questions: Sequence[Question]) -> int:
    """Tokens for a number an option."""
    return 32 + 16 * max((len(q.options) for q in questions), default=0)


def _numbers(num_options: int) -> Form[list[float] | None]:
    letters = list(LETTERS[:num_options])
    properties = {letter: {"type": "number", "enum": list(GRID)} for letter in letters}

    def read(found: Mapping[str, Any]) -> list[float]:
        if set(found) != set(letters):
            raise ValueError(f"it must have the names {', '.join(letters)}, and no other")
        values = [found[letter] for letter in letters]
        if any(type(value) not in (int, float) or not 0 <= value <= 1 for value in values):
            raise ValueError("every value must be a number from 0 to 1")
        if (shares := _normalised([float(value) for value in values])) is None:
            raise ValueError("one value at least must be above 0")
        return shares

    schema = {"type": "object", "properties": properties, "required": letters, "additionalProperties": False}
    return Form(schema=schema, read=read)


def _prompt(name: str, question: Question) -> str:
    if len(question.options) > len(LETTERS):
        raise EdtError(f"{len(question.options)} options are more than there are letters; weigh {len(LETTERS)} at most")
    rows = zip(LETTERS, question.options, strict=False)
    options = "\n".join(f"{letter}. {one_line(option)}" for letter, option in rows)
    return load(name, FIELDS).format(text=question.text.strip(), options=options)


def _normalised(shares: Sequence[float]) -> list[float] | None:
    whole = sum(shares)
    return [share / whole for share in shares] if whole > 0 else None
