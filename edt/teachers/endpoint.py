"""One chat request to an OpenAI-compatible endpoint: sent, and read without belief. Knows HTTP; no cache, no retry.

The key is read from the environment when it is first needed, and taken out of
whatever an endpoint says in return. A status of 200 proves nothing: a body is
taken for a reply only once every part of it has been looked at.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from edt.errors import EdtError
from edt.teachers.calls import Call, Choice, Reply
from edt.teachers.faults import LONGEST, Fault, Hopeless, Lost, Rejected, Transient, Unusable, pause_of

NEVER_SENT = ("ConnectError", "ConnectTimeout", "UnsupportedProtocol", "InvalidURL", "LocalProtocolError")
"""Names of errors that come before anything was sent, in either generation of httpx."""


class Endpoint:
    """The server at `base_url`; its key is in the environment variable `key_from`, None where it wants none."""

    def __init__(self, base_url: str, *, key_from: str | None, timeout: float = 60.0, http: Any = None) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EdtError(f"teacher.base_url is {base_url!r}; give an address such as http://localhost:8000/v1")
        if parts.username or parts.password or parts.query:
            raise EdtError(
                "teacher.base_url holds a name, a password or a query, and configurations are kept in files; give the "
                "bare address, and name the environment variable of the key with teacher.key_from"
            )
        if key_from is not None and not re.fullmatch(r"[A-Z_][A-Z0-9_]*", key_from):
            raise EdtError("teacher.key_from is not the name of an environment variable, such as OPENAI_API_KEY")
        if not 0 < timeout < math.inf:
            raise EdtError(f"teacher.timeout is {timeout}; it must be a number of seconds above 0")
        self.base_url, self._key_from, self._timeout, self._http = base_url, key_from, timeout, http

    def check(self) -> None:
        """Raises EdtError where the key is not in the environment."""
        if self._key_from is not None and not os.environ.get(self._key_from):
            raise EdtError(
                f"the teacher's endpoint {self.base_url} needs a key; set the environment variable {self._key_from}"
            )

    def send(self, call: Call) -> Reply:
        """The reply to one attempt; raises a Fault."""
        import openai

        rest = {name: value for name, value in call.request.items() if name not in ("model", "messages")}
        try:
            raw = self._client.chat.completions.with_raw_response.create(
                model=call.request["model"], messages=call.request["messages"], extra_body=rest
            )
            body = raw.text
            body = body if isinstance(body, str) else body()
        except openai.APITimeoutError as error:
            raise _unheard(f"silent for {self._timeout:g} s", error) from None
        except openai.APIConnectionError as error:
            raise _unheard(f"the connection failed ({self._scrubbed(str(error.__cause__ or error))})", error) from None
        except openai.APIStatusError as error:
            raise self._turned_away(error, str(call.request["model"])) from None
        except openai.OpenAIError as error:
            raise Rejected(self._scrubbed(str(error))) from None
        return read_reply(body)

    @cached_property
    def _client(self) -> Any:
        import openai

        self.check()
        return openai.OpenAI(
            base_url=self.base_url,
            api_key=self._key or "none",
            timeout=self._timeout,
            max_retries=0,
            http_client=self._http,
        )

    @property
    def _key(self) -> str:
        return os.environ.get(self._key_from, "") if self._key_from else ""

    def _scrubbed(self, text: str) -> str:
        """A line of what a server said, with no trace of the key."""
        text = " ".join(text.split())
        return (text.replace(self._key, "…") if self._key else text)[:300]

    def _turned_away(self, error: Any, model: str) -> Fault:
        status, body = error.status_code, error.body if isinstance(error.body, Mapping) else {}
        if status in (401, 403):
            wanted = f"check {self._key_from}" if self._key_from else "name the variable of a key with teacher.key_from"
            return Hopeless(f"it refuses the key (HTTP {status}); {wanted}")
        if body.get("code") == "insufficient_quota":
            return Hopeless("the account has no credit left")
        said = f"HTTP {status}: {self._scrubbed(str(body.get('message') or error.response.text)) or 'without a word'}"
        if status == 404:
            return Hopeless(f"it does not know the model {model!r} or the address ({said})")
        if status not in (408, 409, 425, 429) and status < 500:
            return Rejected(said)
        pause = pause_of(error.response.headers, now=time.time())
        if pause is not None and pause > LONGEST:
            return Hopeless(f"it asks to be left alone for {pause:.0f} s (HTTP {status}); come back then")
        return Transient(said, pause=pause, status=status)


def _unheard(message: str, error: Exception) -> Fault:
    never_sent = type(error.__cause__).__name__ in NEVER_SENT
    return Transient(message) if never_sent else Lost(message)


def read_reply(body: str) -> Reply:
    """A reply out of the text of a response; raises Unusable, with the tokens it was charged for where it says so."""
    try:
        data = json.loads(body)
    except ValueError:
        raise Unusable(f"its answer is no JSON, or only the beginning of it ({len(body)} characters)") from None
    if not isinstance(data, dict):
        raise Unusable("its answer is no JSON object")
    said = data.get("usage")
    usage = said if isinstance(said, dict) else {}
    tokens = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices:
        raise Unusable("its answer holds no choice", tokens=tokens)
    read = tuple(_choice(choice) for choice in choices)
    if None in read:
        raise Unusable("a choice of its answer holds no message", tokens=tokens)
    found = tuple(choice for choice in read if choice is not None)
    return Reply(
        choices=found, model=str(data.get("model") or ""), prompt_tokens=tokens[0], completion_tokens=tokens[1]
    )


def _choice(data: Any) -> Choice | None:
    message = data.get("message") if isinstance(data, dict) else None
    if not isinstance(message, dict):
        return None
    text = message.get("content")
    if text is not None and not isinstance(text, str):
        return None
    return Choice(text=text or "", finish=str(data.get("finish_reason") or "unknown"), first=_first(data))


def _first(data: Mapping[str, Any]) -> dict[str, float] | None:
    """Alternatives of the first token; tokens that are written alike are taken together."""
    try:
        rows = data["logprobs"]["content"]
        pairs = [(str(row["token"]), float(row["logprob"])) for row in rows[0]["top_logprobs"]] if rows else []
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    shares: dict[str, float] = {}
    for token, log in pairs:
        if math.isfinite(log):
            shares[token] = shares.get(token, 0.0) + math.exp(log)
    return {token: math.log(share) for token, share in shares.items() if share > 0}


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
