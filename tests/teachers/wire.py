"""What endpoints put on the wire, and a teacher that talks to one that `respx` plays."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from edt.teachers.api import ApiTeacher
from edt.teachers.callbook import CallBook
from edt.teachers.calls import Phrasing
from edt.teachers.endpoint import Endpoint
from edt.teachers.office import Office, Terms
from edt.teachers.prices import Price

URL = "http://teacher.test/v1"
CHAT = f"{URL}/chat/completions"
KEY = "sk-test-0123456789-never-to-be-written"
MODEL = "some-model"
USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
PRICE = Price(input=1.0, output=2.0, as_of="2026-01-01")
COST = 120e-6
"""Dollars of a call with that usage at that price."""


def body(
    text: str, *, finish: str = "stop", first: Mapping[str, float] | None = None, usage: Any = USAGE
) -> dict[str, Any]:
    """A chat completion; `first` are probabilities of first tokens."""
    choice: dict[str, Any] = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    if first is not None:
        rows = [{"token": token, "logprob": math.log(share)} for token, share in first.items()]
        choice["logprobs"] = {"content": [{"token": text, "logprob": -0.1, "top_logprobs": rows}]}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice], "usage": usage}


def ok(text: str, **more: Any) -> httpx.Response:
    return httpx.Response(200, json=body(text, **more))


def asked(request: httpx.Request) -> dict[str, Any]:
    """The body of a request."""
    return json.loads(request.content)


def prompt_of(request: httpx.Request) -> str:
    return asked(request)["messages"][-1]["content"]


def book_at(folder: Path) -> CallBook:
    return CallBook(folder / "calls.sqlite")


def office(folder: Path, *, timeout: float = 5.0, **terms: Any) -> Office:
    """At `URL`, over a client that respx plays for; it does not wait between attempts."""
    endpoint = Endpoint(URL, key_from="TEACHER_KEY", timeout=timeout, http=httpx.Client())
    return Office(MODEL, endpoint, book_at(folder), PRICE, Terms(**{"pause": 0.001, "concurrency": 4, **terms}))


def teacher(folder: Path, *, schema: str = "openai", source: str = "logprobs", **terms: Any) -> ApiTeacher:
    return ApiTeacher(office(folder, **terms), Phrasing(model=MODEL, schema=schema), source=source, samples=4)
