"""A teacher behind an OpenAI-compatible chat endpoint, or in a recording of one. Knows how to ask; not how it is sent.

The two differ in their desk alone, so a table that is made again from a
recording has the very keys of the first time.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from edt.errors import EdtError
from edt.protocols import Capabilities, Cost, Rationale
from edt.teachers.callbook import CallBook
from edt.teachers.calls import CUT, Choice, Desk, Phrasing
from edt.teachers.endpoint import Endpoint
from edt.teachers.forms import DIALECTS
from edt.teachers.office import Office, Terms
from edt.teachers.prices import price_of
from edt.teachers.replay import Recording
from edt.teachers.sources import BY_CHAT, Question, check_source, source_of

UNREAD = ("stop", "even")
log = logging.getLogger("edt")


class ApiTeacher:
    """Completes and weighs by chat, through `desk`.

    `source` is where its probabilities come from (`edt.teachers.sources`);
    `unread` says what becomes of a prefix whose replies name no option: an
    error (`stop`), or the same weight for every option (`even`), with a warning.
    """

    def __init__(
        self,
        desk: Desk,
        phrasing: Phrasing,
        *,
        source: str = "logprobs",
        samples: int = 10,
        unread: str = "stop",
        at_once: int = 1,
    ) -> None:
        if unread not in UNREAD:
            raise EdtError(f"teacher.unread is {unread!r}; choose one of {', '.join(UNREAD)}")
        self._desk, self._phrasing, self._unread = desk, phrasing, unread
        self._source_name = check_source(source, BY_CHAT, phrasing.model)
        self._source = source_of(source, samples=samples)
        self.name = f"{phrasing.model} ({source})"
        self.can = Capabilities(
            logprobs=source == "logprobs",
            completion=True,
            schema=phrasing.schema != "none",
            batch=True,
            at_once=at_once,
            sources=BY_CHAT,
        )
        self._prepared = False

    def fingerprint(self) -> dict[str, Any]:
        """Model, source and prompts; where the endpoint is, what it costs and how it is asked change no result."""
        phrasing = self._phrasing
        return {
            "model": phrasing.model,
            **self._source.fingerprint(),
            **({"schema": phrasing.schema} if self._source_name == "verbalised" else {}),
            **({"body": dict(phrasing.body)} if phrasing.body else {}),
            **({"unread": self._unread} if self._unread != "stop" else {}),
        }

    def prepare(self) -> None:
        """See what the endpoint can do, once; raises EdtError where that is not what the source needs."""
        if self._prepared:
            return
        found = self._desk.abilities(self._phrasing)
        if found and self._source_name == "logprobs" and not found.logprobs:
            found = self._desk.abilities(self._phrasing, afresh=True)  # it may have been started anew since
        if found and self._source_name == "logprobs" and not found.logprobs:
            works = [source for source in BY_CHAT if source != "logprobs" and _works(source, found.schema)]
            raise EdtError(
                f"teacher {self._phrasing.model!r} was asked for log-probabilities and gave none, so it cannot deliver "
                f"source=logprobs; it can deliver {', '.join(works)}: set teacher.source"
            )
        if found and self._source_name == "verbalised":
            self._check_schema(found.schema)
        self._prepared = True

    def _check_schema(self, found: str) -> None:
        if found == "refused":
            others = ", ".join(dialect for dialect in DIALECTS if dialect != self._phrasing.schema)
            raise EdtError(
                f"teacher {self._phrasing.model!r} answers a JSON schema in the dialect {self._phrasing.schema!r} with "
                f"an error; set teacher.schema to one of {others}"
            )
        if found == "ignored":
            log.warning(
                "teacher %s ignores the JSON schema that it is given; its replies are read strictly, and repaired once",
                self.name,
            )

    def complete(self, prompts: Sequence[str], *, max_tokens: int, lines: bool = False) -> list[str]:
        """The first line of each reply, or all of its `lines`; empty where none is whole: cut off, or withheld."""
        if not prompts:
            return []
        calls = [self._phrasing.call(prompt, max_tokens=max_tokens) for prompt in prompts]
        texts = [_whole_lines(reply.choice) for reply in self._desk.ask(calls, "teacher completes")]
        if gone := sum(text is None for text in texts):
            log.warning(
                "%d of %d replies of teacher %s were cut off at %d tokens or withheld, and count as none",
                gone, len(texts), self.name, max_tokens,
            )  # fmt: skip
        return [text or "" if lines else (text or "").partition("\n")[0].strip() for text in texts]

    def cost(self, prompts: Sequence[str], *, max_tokens: int) -> Cost:
        """See `Priced`."""
        return self._desk.cost([self._phrasing.call(prompt, max_tokens=max_tokens) for prompt in prompts])

    def cost_to_weigh(self, rationales: Sequence[Rationale]) -> Cost:
        """See `Priced`."""
        return self._desk.cost(self._source.calls(_prefixes(rationales), self._phrasing))

    def expected(self, prompts: Sequence[str], *, max_tokens: int) -> Cost | None:
        """See `Priced`."""
        return self._desk.expected([self._phrasing.call(prompt, max_tokens=max_tokens) for prompt in prompts])

    def spent(self) -> Cost:
        """See `Priced`."""
        return self._desk.spent()

    def asked(self) -> Cost:
        """See `Priced`."""
        return self._desk.asked()

    def pace(self, prompts: Sequence[str], *, max_tokens: int) -> float | None:
        """See `Paced`: by the calls in the book, as trying one would cost money."""
        return self._desk.pace()

    def weigh(self, rationales: Sequence[Rationale]) -> list[list[list[float]]]:
        """See `Teacher`: every prefix of every rationale is a question of its own."""
        if not rationales:
            return []
        self.prepare()
        questions = _prefixes(rationales)
        weights = iter(self._read(questions, self._source.weigh(questions, self._desk, self._phrasing)))
        return [[next(weights) for _ in range(len(r.steps) + 1)] for r in rationales]

    def _read(self, questions: Sequence[Question], weights: Sequence[list[float] | None]) -> list[list[float]]:
        unread = sum(row is None for row in weights)
        if unread and self._unread == "stop":
            raise EdtError(
                f"teacher {self.name!r} named none of the options in {unread} of {len(weights)} weighings (its replies "
                "are kept); try another teacher.source, or teacher.unread=even to weigh all options the same there"
            )
        if unread:
            log.warning("teacher %s named no option in %d of %d weighings", self.name, unread, len(weights))
        return [
            row if row is not None else [1 / len(question.options)] * len(question.options)
            for question, row in zip(questions, weights, strict=True)
        ]


def _prefixes(rationales: Sequence[Rationale]) -> list[Question]:
    """Every rationale after 0, 1, … all of its steps."""
    return [
        Question(text="".join((r.head, *r.steps[:k], r.probe)), options=r.options)
        for r in rationales
        for k in range(len(r.steps) + 1)
    ]


def _works(source: str, schema: str) -> bool:
    return source != "verbalised" or schema != "refused"


def _whole_lines(choice: Choice) -> str | None:
    """The finish reason comes first: of a reply that was cut off, only lines that had ended are whole."""
    text = choice.text.lstrip()
    if choice.finish == "content_filter":
        return None
    if choice.finish == CUT:
        text, ended, _ = text.rpartition("\n")
        return text.strip() if ended else None
    return text.strip()


def api_teacher(
    model: str,
    *,
    base_url: str,
    key_from: str | None = None,
    source: str = "logprobs",
    samples: int = 10,
    unread: str = "stop",
    schema: str = "openai",
    body: Mapping[str, Any] | None = None,
    usd_per_million: Sequence[float] | None = None,
    max_usd: float | None = None,
    concurrency: int = 8,
    timeout: float = 60.0,
    retries: int = 5,
    calls: str = "outputs/calls.sqlite",
) -> ApiTeacher:
    """The teacher at `base_url`; `model` names it in results too, so let it say which weights these are."""
    phrasing = _phrasing(model, schema, body)
    office = Office(
        model,
        Endpoint(base_url, key_from=key_from, timeout=timeout),
        CallBook(calls),
        price_of(model, usd_per_million),
        Terms(concurrency=concurrency, retries=retries, max_usd=max_usd),
    )
    return ApiTeacher(office, phrasing, source=source, samples=samples, unread=unread, at_once=concurrency)


def replay_teacher(
    bundle: str,
    *,
    model: str,
    source: str = "logprobs",
    samples: int = 10,
    unread: str = "stop",
    schema: str = "openai",
    body: Mapping[str, Any] | None = None,
) -> ApiTeacher:
    """The same, out of a recording: its settings must be those that it was recorded with."""
    desk = Recording(bundle)
    return ApiTeacher(desk, _phrasing(model, schema, body), source=source, samples=samples, unread=unread)


def _phrasing(model: str, schema: str, body: Mapping[str, Any] | None) -> Phrasing:
    if not model:
        raise EdtError("teacher.model is empty; name the model as its endpoint knows it")
    if schema not in DIALECTS:
        raise EdtError(f"teacher.schema is {schema!r}; choose one of {', '.join(DIALECTS)}")
    return Phrasing(model=model, schema=schema, body=body or {})
