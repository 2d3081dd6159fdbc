"""Replies with a form: JSON by schema where an endpoint takes one, and a strict reader with one repair in any case.

Knows dialects and JSON; not what a reply is about.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from edt.diagnosis.templates import load
from edt.teachers.calls import CUT, Call, Choice, Desk, Phrasing, Reply

DIALECTS = ("none", "openai", "llama_cpp")
"""How a schema is handed over: not at all, as OpenAI and vLLM take it, as llama.cpp's Python server does."""
ERROR = 128
"""Characters that what is wrong with a reply is said in, at most."""
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Form(Generic[T]):
    """What a reply must be like."""

    schema: Mapping[str, Any]
    read: Callable[[Mapping[str, Any]], T]
    """A value out of a JSON object; raises ValueError, in words that a model can mend it by, where it does not fit."""


def response_format(dialect: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The field of a request that asks for a reply of this schema; none where the dialect has none."""
    if dialect == "openai":
        form = {"name": "reply", "strict": True, "schema": schema}  # only then is OpenAI bound by it
        return {"response_format": {"type": "json_schema", "json_schema": form}}
    if dialect == "llama_cpp":
        return {"response_format": {"type": "json_object", "schema": schema}}
    return {}


def read_object(text: str) -> dict[str, Any]:
    """The one JSON object that `text` is; raises ValueError for anything before or after it, a name twice, or NaN."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            raise ValueError("a name stands in it twice")
        return table

    def never(constant: str) -> Any:
        raise ValueError(f"{constant} is no JSON")

    try:
        found = json.loads(text, object_pairs_hook=once, parse_constant=never)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not one JSON object ({error})") from error
    if not isinstance(found, dict):
        raise ValueError("it is JSON, but not an object")
    return found


def ask_forms(
    desk: Desk, phrasing: Phrasing, asked: Sequence[tuple[str, Form[T]]], *, max_tokens: int, what: str
) -> list[T | None]:
    """A value a (prompt, form); None where neither the first reply nor its one repair could be read.

    A reply that was cut off is not fed back: half an object would be taken for the beginning of the next.
    """
    calls = _first(phrasing, asked, max_tokens)
    values: list[T | None] = [None] * len(asked)
    repairs: dict[int, Call] = {}
    for place, (reply, (prompt, form)) in enumerate(zip(desk.ask(calls, what), asked, strict=True)):
        try:
            values[place] = _read(reply, form)
        except ValueError as error:
            if reply.choice.finish != CUT:
                repairs[place] = _repair(phrasing, prompt, reply, str(error), form, max_tokens)
    again = desk.ask(list(repairs.values()), f"{what} again") if repairs else []
    for place, reply in zip(repairs, again, strict=True):
        try:
            values[place] = _read(reply, asked[place][1])
        except ValueError:
            values[place] = None
    return values


def calls_at_most(phrasing: Phrasing, asked: Sequence[tuple[str, Form[T]]], *, max_tokens: int) -> list[Call]:
    """What `ask_forms` hands in where no reply can be read: every question, and its repair after the longest reply.

    A letter stands for a token there: a reply has no more of them than it may be long.
    """
    longest = Choice(text="x" * max_tokens, finish="stop")
    reply = Reply(choices=(longest,), model=phrasing.model, prompt_tokens=None, completion_tokens=None)
    repairs = [_repair(phrasing, prompt, reply, "x" * ERROR, form, max_tokens) for prompt, form in asked]
    return [*_first(phrasing, asked, max_tokens), *repairs]


def _first(phrasing: Phrasing, asked: Sequence[tuple[str, Form[T]]], max_tokens: int) -> list[Call]:
    return [
        phrasing.call(prompt, max_tokens=max_tokens, **response_format(phrasing.schema, form.schema))
        for prompt, form in asked
    ]


def _read(reply: Reply, form: Form[T]) -> T:
    if reply.choice.finish == CUT:
        raise ValueError("it was cut off")
    return form.read(read_object(reply.choice.text))


def _repair(phrasing: Phrasing, prompt: str, reply: Reply, error: str, form: Form[Any], max_tokens: int) -> Call:
    conversation = [
        {"role": "user", "content": prompt},
        {"role": "assistant", "content": reply.choice.text},
        {"role": "user", "content": load("repair", ("error",)).format(error=error)},
    ]
    return phrasing.call(conversation, max_tokens=max_tokens, **response_format(phrasing.schema, form.schema))
