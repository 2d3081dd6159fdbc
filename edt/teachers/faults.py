"""What can go wrong with one call, sorted by what is to be done about it. Knows no client and no network.

Messages are for users and go to logs and tables: they never hold a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

SERVER_ERROR = 500
LONGEST = 600.0
"""Seconds: an endpoint that asks for more is not waited for."""


class Fault(Exception):
    """A call without a usable reply. `outcome` is the ledger's word for it."""

    outcome = "refused"

    def __init__(self, message: str, *, tokens: tuple[int | None, int | None] = (None, None)) -> None:
        super().__init__(message)
        self.tokens = tokens


class Transient(Fault):
    """Worth another attempt; `pause` is how many seconds the endpoint asked for, `status` its HTTP status."""

    def __init__(
        self,
        message: str,
        *,
        tokens: tuple[int | None, int | None] = (None, None),
        pause: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, tokens=tokens)
        self.pause, self.status = pause, status


class Lost(Transient):
    """The connection broke or was silent too long: nobody knows whether it has to be paid."""

    outcome = "lost"


class Unusable(Transient):
    """An answer came, and is to be paid, but it is none."""

    outcome = "unusable"


class Rejected(Fault):
    """This very call will never be answered, others may be."""


class Hopeless(Fault):
    """No call will be answered: the key, the model or the account is wrong."""


class Incapable(Hopeless):
    """A reply without what was asked for with it."""

    outcome = "unusable"


def pause_of(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds that an endpoint asks to be left alone: Retry-After as seconds or as a date, or its ms form."""
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return max(0.0, float(milliseconds) / 1000)
        if (said := headers.get("retry-after")) is None:
            return None
        if said.strip().replace(".", "", 1).isdigit():
            return float(said)
        return max(0.0, parsedate_to_datetime(said).timestamp() - now)
    except (ValueError, TypeError):
        return None  # neither a number nor a date: as if it had not been said
