"""What can this endpoint do? Asked with one call before anything depends on it, and answered by what came back.

An endpoint that ignores what it does not know answers with 200 all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edt.teachers.calls import Abilities, Call, Phrasing, Reply
from edt.teachers.faults import SERVER_ERROR, Fault, Rejected, Transient
from edt.teachers.forms import read_object, response_format

TOP = 20
"""Alternatives of a token that are asked for: the most that OpenAI gives."""
LOGPROBS: Mapping[str, Any] = {"logprobs": True, "top_logprobs": TOP}
QUESTION = "Say hello to a friend, in one short sentence."
"""No answer to it is a JSON object, unless something makes it one."""
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"friendly": {"type": "boolean"}},
    "required": ["friendly"],
    "additionalProperties": False,
}


def try_out(ask: Callable[[Call], Reply], phrasing: Phrasing) -> Abilities:
    """With one call; where the endpoint has an error for that, with one for each thing that it was asked for.

    Raises the Fault of an endpoint that answers nothing at all.
    """

    def reply_to(**extra: Any) -> Reply | None:
        try:
            return ask(phrasing.call(QUESTION, max_tokens=32, **extra))
        except Fault as fault:
            if extra and _is_answer(fault):
                return None
            raise

    form = response_format(phrasing.schema, SCHEMA)
    if whole := reply_to(**LOGPROBS, **form):
        return Abilities(logprobs=_gives_logprobs(whole), schema=_schema(whole, bool(form)))
    reply_to()
    alone = reply_to(**LOGPROBS)
    schema = _schema(reply_to(**form), True) if form else "unasked"
    return Abilities(logprobs=alone is not None and _gives_logprobs(alone), schema=schema)


def _is_answer(fault: Fault) -> bool:
    """Whether the endpoint turned down this very request, rather than being away."""
    return isinstance(fault, Rejected) or (isinstance(fault, Transient) and fault.status == SERVER_ERROR)


def _gives_logprobs(reply: Reply) -> bool:
    """Of several tokens: one alone is the one that was chosen, which tells nothing of others."""
    return all(choice.first is not None and len(choice.first) > 1 for choice in reply.choices)


def _schema(reply: Reply | None, asked: bool) -> str:
    if not asked:
        return "unasked"
    if reply is None:
        return "refused"
    try:
        found = read_object(reply.choice.text)
    except ValueError:
        return "ignored"
    return "honoured" if found.keys() == {"friendly"} and type(found["friendly"]) is bool else "ignored"
