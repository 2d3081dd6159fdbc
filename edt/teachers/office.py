"""Buys replies: each call once, several at a time, again where it is worth it, and never beyond the budget.

What is in the call book is not bought again; what is bought is in the book at
once, whatever happens next.  Knows nothing of prompts and how replies are read.
"""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from threading import Event, Lock

from tenacity import RetryCallState, Retrying, retry_if_exception, retry_if_exception_type, sleep_using_event
from tenacity import stop_after_attempt as stop_after
from tenacity import stop_when_event_set as stop_when
from tenacity import wait_exponential_jitter as jitter

from edt.clock import model_time
from edt.errors import EdtError
from edt.protocols import Cost
from edt.purpose import purpose
from edt.store.keys import digest
from edt.teachers.bar import bar
from edt.teachers.callbook import Attempt, CallBook
from edt.teachers.calls import Abilities, Call, Phrasing, Reply, Tally
from edt.teachers.endpoint import Endpoint
from edt.teachers.faults import SERVER_ERROR, Fault, Hopeless, Incapable, Transient
from edt.teachers.prices import Price, longest_of, size_of
from edt.teachers.probe import try_out
from edt.threads import Halted
from edt.types import from_json, to_json

IN_A_ROW = 3
"""So many calls given up one after the other, and no more are sent: the endpoint is down, or takes none of them."""
ENOUGH = 8
"""Earlier calls that say what others may be expected to take, at least."""
BETWEEN = 10.0
"""Seconds between two lines on how far it is, at least."""
log = logging.getLogger("edt")


class Spent(Exception):
    """The next call could pass the budget."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How an endpoint is dealt with."""

    concurrency: int = 8
    retries: int = 5
    max_usd: float | None = None
    """For everything in the call book together; None for no limit."""
    pause: float = 0.5
    """Seconds before the second attempt where the endpoint names none; each further one about twice as long."""

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise EdtError(f"teacher.concurrency is {self.concurrency}; it must be 1 or more")
        if self.retries < 0:
            raise EdtError(f"teacher.retries is {self.retries}; it must be 0 or more")
        if self.max_usd is not None and self.max_usd < 0:
            raise EdtError(f"teacher.max_usd is {self.max_usd}; it must be 0 or more, or null for no limit")


class Errand:
    """One purchase under way, as its workers see it: when to stop."""

    def __init__(self) -> None:
        self.stop = Event()
        self._lock, self._in_a_row, self._any = Lock(), 0, False

    def answered(self) -> None:
        with self._lock:
            self._in_a_row, self._any = 0, True

    def given_up(self, fault: Exception) -> None:
        """Stops at once where nothing will help, else after `IN_A_ROW`; a call that is turned down is no sign of that,
        unless no other was answered."""
        with self._lock:
            self._in_a_row += isinstance(fault, Transient) or not self._any
            if isinstance(fault, (Hopeless, Spent)) or self._in_a_row >= IN_A_ROW:
                self.stop.set()


class Office:
    """A `Desk` (see `edt.teachers.calls`) in front of one endpoint, with its book and its price."""

    def __init__(self, name: str, endpoint: Endpoint, book: CallBook, price: Price, terms: Terms) -> None:
        self._name, self._endpoint, self._book, self._price, self._terms = name, endpoint, book, price, terms
        self._quiet_until, self._gate = 0.0, Lock()
        self._tally = Tally()
        self._counts, self._said = Counter[str](), -math.inf

    def ask(self, calls: Sequence[Call], what: str) -> list[Reply]:
        """See `Desk`; calls that are asked for twice are bought once."""
        keys = [call.key for call in calls]
        known = self._book.replies(keys)
        missing = {key: call for key, call in zip(keys, calls, strict=True) if key not in known}
        self._book.note_uses(purpose(), keys)
        self._book.note_hits(self._name, len(calls) - len(missing))
        self._count(hit=len(calls) - len(missing))
        if missing:
            with model_time("teacher"):
                known |= self._buy(list(missing.values()), what)
        self._tally.add(known[key] for key in dict.fromkeys(keys))
        return [known[key] for key in keys]

    def abilities(self, phrasing: Phrasing, *, afresh: bool = False) -> Abilities:
        """See `Desk`; what was found is kept in the book, unless it is to be found `afresh`."""
        place = digest([self._endpoint.base_url, phrasing.model, phrasing.schema, phrasing.body])
        if not afresh and (found := self._book.probed(place)):
            return from_json(Abilities, found)
        self._endpoint.check()
        try:
            seen = try_out(self._tried, phrasing)
        except (Fault, Spent) as error:
            raise EdtError(self._what_is_left(0, 1, error, [])) from error
        self._book.note_probe(place, to_json(seen))
        return seen

    def cost(self, calls: Sequence[Call]) -> Cost:
        """See `Desk`: tokens of the questions at a byte each, which is what the budget reckons with too."""
        known = self._book.replies([call.key for call in calls])
        missing = {call.key: call for call in calls if call.key not in known}.values()
        return Cost(
            calls=len(missing),
            tokens_in=sum(size_of(call) for call in missing),
            tokens_out=sum(longest_of(call) for call in missing),
            usd=sum(self._price.at_most(call) for call in missing),
        )

    def expected(self, calls: Sequence[Call]) -> Cost | None:
        """See `Desk`: by the tokens for a byte of a question, and of a reply, in calls whose replies had as much room.

        Means, since it is a sum that is wanted; a retry is not reckoned with.
        """
        known = self._book.replies([call.key for call in calls])
        missing = {call.key: call for call in calls if call.key not in known}.values()
        habits = [(call, self._habits.get(longest_of(call))) for call in missing]
        if not all(habit for _, habit in habits):
            return None
        tokens_in = round(sum(size_of(call) * habit[0] for call, habit in habits if habit))
        tokens_out = round(sum(habit[1] for _, habit in habits if habit))
        usd = self._price.of(tokens_in, tokens_out)
        return Cost(calls=len(missing), tokens_in=tokens_in, tokens_out=tokens_out, usd=usd)

    @cached_property
    def _habits(self) -> dict[int, tuple[float, float]]:
        """By the room for a reply: tokens for a byte of a question, and of a reply. Looked up once: a plan is short."""
        alike: dict[int, list[tuple[int, int, int]]] = {}
        for call, tokens_in, tokens_out in self._book.late(self._name):
            alike.setdefault(longest_of(call), []).append((size_of(call), tokens_in, tokens_out))
        sums = {room: [sum(column) for column in zip(*rows, strict=True)] for room, rows in alike.items()}
        return {
            room: (tokens_in / size, tokens_out / len(alike[room]))
            for room, (size, tokens_in, tokens_out) in sums.items()
            if len(alike[room]) >= ENOUGH
        }

    def spent(self) -> Cost:
        """See `Desk`."""
        own = [line for line in self._book.lines() if line.model == self._name and line.outcome != "hit"]
        return Cost(
            calls=sum(line.calls for line in own),
            tokens_in=sum(line.prompt_tokens for line in own),
            tokens_out=sum(line.completion_tokens for line in own),
            usd=sum(line.usd for line in own),
        )

    def asked(self) -> Cost:
        """See `Desk`."""
        return self._tally.cost()

    def pace(self) -> float | None:
        """See `Desk`."""
        return self._book.pace(self._name)

    def _buy(self, calls: list[Call], what: str) -> dict[str, Reply]:
        self._endpoint.check()
        bought: dict[str, Reply] = {}
        given_up: list[Fault] = []
        end: Exception | None = None
        errand = Errand()
        pool = ThreadPoolExecutor(min(self._terms.concurrency, len(calls)), thread_name_prefix="teacher")
        try:
            with bar(f"{what} ({self._name})", len(calls)) as advance:
                futures: dict[Future[Reply], Call] = {pool.submit(self._bought, call, errand): call for call in calls}
                for future in as_completed(futures):
                    try:
                        bought[futures[future].key] = future.result()
                    except Halted:
                        continue
                    except (Hopeless, Spent) as error:
                        end = end or error
                    except Fault as error:
                        given_up.append(error)
                    advance()
        except KeyboardInterrupt:
            log.warning("waiting for the replies of teacher %s that are on their way: they are paid", self._name)
            raise
        finally:
            errand.stop.set()
            pool.shutdown(cancel_futures=True)  # what is on its way is let come in: it is paid
            self._say()
        if end or given_up:
            raise EdtError(self._what_is_left(len(bought), len(calls), end, given_up)) from end
        return bought

    def _bought(self, call: Call, errand: Errand) -> Reply:
        """The reply to one call after as many attempts as it takes and the terms allow."""
        retrying = Retrying(
            stop=stop_after(self._terms.retries + 1) | stop_when(errand.stop),
            wait=self._pause,
            retry=retry_if_exception_type(Transient),
            sleep=sleep_using_event(errand.stop),
            reraise=True,
        )
        try:
            reply = retrying(self._attempt, call, errand.stop)
        except (Fault, Spent) as error:
            errand.given_up(error)  # here, before this worker takes up the next call
            raise
        errand.answered()
        return reply

    def _pause(self, state: RetryCallState) -> float:
        """Seconds until the next attempt; where the endpoint named them, all workers wait for it (`_attempt`)."""
        fault = state.outcome.exception() if state.outcome else None
        if isinstance(fault, Transient) and fault.pause is not None:
            return 0.0
        return jitter(multiplier=self._terms.pause, max=30, jitter=self._terms.pause)(state)

    def _attempt(self, call: Call, stop: Event) -> Reply:
        stop.wait(max(0.0, self._quiet_until - time.monotonic()))
        if stop.is_set():
            raise Halted
        attempt = self._entered(call)
        reply = self._sent(call, attempt)
        tokens = reply.prompt_tokens, reply.completion_tokens
        usd = self._cost(attempt, *tokens)
        if call.request.get("logprobs") and any(choice.first is None for choice in reply.choices):
            self._book.settle(attempt, "unusable", usd=usd, tokens=tokens)
            self._count(failed=1, tokens_in=tokens[0] or 0, tokens_out=tokens[1] or 0)
            raise Incapable("it answers without the log-probabilities that it was asked for")
        self._book.settle(attempt, "answered", usd=usd, tokens=tokens, kept=(call, reply))
        self._count(answered=1, tokens_in=tokens[0] or 0, tokens_out=tokens[1] or 0)
        return reply

    def _tried(self, call: Call) -> Reply:
        """What comes back, to be looked at and not kept. An error of the server is an answer too: raises a Fault."""
        retrying = Retrying(
            stop=stop_after(self._terms.retries + 1),
            wait=self._pause,
            retry=retry_if_exception(lambda error: isinstance(error, Transient) and error.status != SERVER_ERROR),
            reraise=True,
        )
        return retrying(self._once, call)

    def _once(self, call: Call) -> Reply:
        time.sleep(max(0.0, self._quiet_until - time.monotonic()))
        attempt = self._entered(call)
        reply = self._sent(call, attempt)
        tokens = reply.prompt_tokens, reply.completion_tokens
        self._book.settle(attempt, "probe", usd=self._cost(attempt, *tokens), tokens=tokens)
        return reply

    def _entered(self, call: Call) -> Attempt:
        at_most = self._price.at_most(call)
        attempt = self._book.open(
            call, model=self._name, at_most=at_most, max_usd=self._terms.max_usd, priced=self._price.as_of
        )
        if attempt is None:
            raise Spent(f"{self._book.spent():.4f} dollars are spent, and the next call may cost {at_most:.4f}")
        return attempt

    def _sent(self, call: Call, attempt: Attempt) -> Reply:
        try:
            return self._endpoint.send(call)
        except Fault as fault:
            if isinstance(fault, Transient) and fault.pause is not None:
                with self._gate:
                    self._quiet_until = max(self._quiet_until, time.monotonic() + fault.pause)
            paid = fault.outcome in ("lost", "unusable")
            usd = self._cost(attempt, *fault.tokens) if paid else 0.0
            self._book.settle(attempt, fault.outcome, usd=usd, tokens=fault.tokens)
            self._count(failed=1)
            raise

    def _cost(self, attempt: Attempt, prompt: int | None, completion: int | None) -> float:
        """By the tokens that the endpoint counted; the most that it can be where it did not say."""
        return attempt.usd if prompt is None or completion is None else self._price.of(prompt, completion)

    def _what_is_left(self, bought: int, asked: int, end: Exception | None, given_up: Sequence[Fault]) -> str:
        kept = f"{bought} of {asked} replies are there and kept; the same command asks only for the rest"
        if isinstance(end, Spent):
            limit = f"teacher.max_usd is {self._terms.max_usd:g}: {end}; raise it to go on"
            return f"{limit} (the call book is {self._book.path}; {kept})"
        if isinstance(end, Incapable):
            return (
                f"teacher {self._name!r}: {end}, which source=logprobs needs; choose teacher.source=sampling or "
                f"verbalised ({kept})"
            )
        if isinstance(end, Fault):
            return f"teacher {self._name!r} at {self._endpoint.base_url}: {end} ({kept})"
        reasons = "; ".join(f"{count} × {text}" for text, count in Counter(map(self._reason, given_up)).most_common(3))
        return f"teacher {self._name!r} at {self._endpoint.base_url} gave no answer: {reasons} ({kept})"

    def _reason(self, fault: Fault) -> str:
        tried = isinstance(fault, Transient) and self._terms.retries
        return f"{fault} (after {self._terms.retries + 1} attempts)" if tried else str(fault)

    def _count(self, **more: int) -> None:
        with self._gate:
            self._counts.update(more)

    def _say(self) -> None:
        """A line on this process, now and then: the ledger's own sums would take longer with every line of it."""
        now = time.monotonic()
        if now - self._said < BETWEEN:
            return
        self._said, counts = now, self._counts
        limit = "" if self._terms.max_usd is None else f" of {self._terms.max_usd:g}"
        log.info(
            "teacher %s so far: %d answered, %d found here, %d failed attempts; %d + %d tokens; %.4f%s dollars in all",
            self._name, counts["answered"], counts["hit"], counts["failed"],
            counts["tokens_in"], counts["tokens_out"], self._book.spent(), limit,
        )  # fmt: skip
