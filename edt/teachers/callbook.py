"""The one file of paid calls: replies by their call's key, a ledger of every attempt, and what has been spent.

A sqlite file in WAL mode, which several processes may use at once.  An attempt
is entered before it is sent, with the most that it may cost, and settled when
its outcome is known: what a killed process had sent stays `open`, at that cost.
Knows nothing of networks; a key of an endpoint never comes here.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Any

from edt.errors import EdtError
from edt.store.keys import canonical
from edt.teachers.calls import Call, Reply
from edt.types import from_json, to_json

OUTCOMES = ("open", "answered", "refused", "lost", "unusable", "probe", "hit")
"""open: sent, and nothing more is known; answered: a reply was kept; refused: turned away, nothing to pay; lost: the
connection broke, so it may have been paid; unusable: paid, and no reply could be made of it; probe: asked to see what
the endpoint can do; hit: a reply that was here already."""

_TABLES = """
CREATE TABLE IF NOT EXISTS calls (key TEXT PRIMARY KEY, request TEXT NOT NULL, reply TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uses (purpose TEXT, key TEXT, PRIMARY KEY (purpose, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ledger (
  id INTEGER PRIMARY KEY, at TEXT NOT NULL, model TEXT NOT NULL, key TEXT, outcome TEXT NOT NULL,
  calls INTEGER NOT NULL, prompt_tokens INTEGER, completion_tokens INTEGER, usd REAL NOT NULL, priced TEXT NOT NULL,
  seconds REAL);
CREATE TABLE IF NOT EXISTS purse (place INTEGER PRIMARY KEY CHECK (place = 0), usd REAL NOT NULL);
INSERT OR IGNORE INTO purse VALUES (0, 0);
CREATE TABLE IF NOT EXISTS probes (endpoint TEXT PRIMARY KEY, found TEXT NOT NULL) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS paid AFTER INSERT ON ledger BEGIN UPDATE purse SET usd = usd + new.usd; END;
CREATE TRIGGER IF NOT EXISTS settled AFTER UPDATE OF usd ON ledger
BEGIN UPDATE purse SET usd = usd + new.usd - old.usd; END;
"""
_OF_LATE = 200
"""Calls whose time is looked at."""
_LATE = 2000
"""Calls whose tokens are looked at."""
PATIENCE = 60.0
"""Seconds to wait for other processes."""
_AT_ONCE = 500
"""Keys a query: sqlite takes a limited number of variables."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """An entry of the ledger that is still open."""

    id: int
    usd: float
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, kw_only=True)
class Line:
    """What the ledger says of one model and outcome."""

    model: str
    outcome: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    usd: float


class CallBook:
    """The file at `path`, made on first use."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None

    def replies(self, keys: Iterable[str]) -> dict[str, Reply]:
        """Those that are here, by key. Looking makes no file."""
        if self._connection is None and not self.path.exists():
            return {}
        rows = self._chosen("SELECT key, reply FROM calls WHERE key IN ({})", sorted(set(keys)))
        return {key: from_json(Reply, json.loads(reply)) for key, reply in rows}

    def requests(self, keys: Iterable[str] | None = None) -> list[tuple[str, Any, Any]]:
        """(key, request, reply) as JSON data, in the order of keys; all of them without `keys`."""
        if keys is None:
            with self._changing() as file:
                rows = file.execute("SELECT key, request, reply FROM calls ORDER BY key").fetchall()
        else:
            rows = self._chosen("SELECT key, request, reply FROM calls WHERE key IN ({})", sorted(set(keys)))
        return [(key, json.loads(request), json.loads(reply)) for key, request, reply in rows]

    def open(self, call: Call, *, model: str, at_most: float, max_usd: float | None, priced: str) -> Attempt | None:
        """Enter an attempt at what it may cost; None where the file's whole spending could then pass `max_usd`."""
        with self._changing() as file:
            if max_usd is not None and self._spent(file) + at_most > max_usd:
                return None
            entry = (_now(), model, call.key, "open", 1, at_most, priced)
            done = file.execute(
                "INSERT INTO ledger (at, model, key, outcome, calls, usd, priced) VALUES (?, ?, ?, ?, ?, ?, ?)", entry
            )
            assert done.lastrowid is not None
            return Attempt(id=done.lastrowid, usd=at_most)

    def settle(
        self,
        attempt: Attempt,
        outcome: str,
        *,
        usd: float,
        tokens: tuple[int | None, int | None] = (None, None),
        kept: tuple[Call, Reply] | None = None,
    ) -> None:
        """Close an attempt, and keep the reply that it brought: both or neither."""
        assert outcome in OUTCOMES
        with self._changing() as file:
            file.execute(
                "UPDATE ledger SET outcome = ?, usd = ?, prompt_tokens = ?, completion_tokens = ?, seconds = ? "
                "WHERE id = ?",
                (outcome, usd, *tokens, time.monotonic() - attempt.began, attempt.id),
            )
            if kept:
                _keep(file, kept[0].key, kept[0].request, to_json(kept[1]))

    def keep(self, model: str, calls: Sequence[tuple[Call, Reply]]) -> None:
        """Keep and count replies that cost nothing, all of them or none."""
        with self._changing() as file:
            for call, reply in calls:
                _keep(file, call.key, call.request, to_json(reply))
            entries = [
                (_now(), model, call.key, "answered", 1, reply.prompt_tokens, reply.completion_tokens, 0.0, "")
                for call, reply in calls
            ]
            names = "at, model, key, outcome, calls, prompt_tokens, completion_tokens, usd, priced"
            file.executemany(f"INSERT INTO ledger ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", entries)

    def take_in(self, calls: Iterable[tuple[str, Any, Any]]) -> int:
        """Keep calls that were paid for elsewhere; how many were not here yet."""
        with self._changing() as file:
            return sum(_keep(file, key, request, reply) for key, request, reply in calls)

    def note_uses(self, purpose: str, keys: Iterable[str]) -> None:
        """That work for `purpose` looked at these calls."""
        with self._changing() as file:
            file.executemany("INSERT OR IGNORE INTO uses VALUES (?, ?)", [(purpose, key) for key in keys])

    def note_hits(self, model: str, count: int) -> None:
        """That so many replies were here already."""
        if count:
            with self._changing() as file:
                entry = (_now(), model, "hit", count, 0.0, "")
                file.execute(
                    "INSERT INTO ledger (at, model, outcome, calls, usd, priced) VALUES (?, ?, ?, ?, ?, ?)", entry
                )

    def used_for(self, purposes: Iterable[str]) -> list[str]:
        """Keys of the calls that were looked at for any of these."""
        rows = self._chosen("SELECT DISTINCT key FROM uses WHERE purpose IN ({})", sorted(set(purposes)))
        return sorted({key for (key,) in rows})

    def spent(self) -> float:
        """US dollars in all, open attempts at the most that they may cost."""
        with self._changing() as file:
            return self._spent(file)

    def lines(self) -> list[Line]:
        """The ledger, summed by model and outcome."""
        query = (
            "SELECT model, outcome, SUM(calls), COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(completion_tokens), 0),"
            " SUM(usd) FROM ledger GROUP BY model, outcome ORDER BY model, outcome"
        )
        with self._changing() as file:
            rows = file.execute(query).fetchall()
        names = ("model", "outcome", "calls", "prompt_tokens", "completion_tokens", "usd")
        return [Line(**dict(zip(names, row, strict=True))) for row in rows]

    def pace(self, model: str) -> float | None:
        """Seconds that the last calls of a model took on average, each from its sending; None where none is known."""
        query = (
            "SELECT AVG(seconds) FROM (SELECT seconds FROM ledger WHERE model = ? AND outcome = 'answered'"
            " AND seconds IS NOT NULL ORDER BY id DESC LIMIT ?)"
        )
        with self._changing() as file:
            return file.execute(query, (model, _OF_LATE)).fetchone()[0]

    def late(self, model: str) -> list[tuple[Call, int, int]]:
        """The last calls of a model that were bought, with the tokens that they took in and out."""
        query = (
            "SELECT request, prompt_tokens, completion_tokens FROM ledger JOIN calls USING (key) WHERE model = ?"
            " AND outcome = 'answered' AND prompt_tokens IS NOT NULL AND completion_tokens IS NOT NULL"
            " ORDER BY id DESC LIMIT ?"
        )
        if self._connection is None and not self.path.exists():
            return []
        with self._changing() as file:
            rows = file.execute(query, (model, _LATE)).fetchall()
        return [(Call(request=json.loads(request)), *tokens) for request, *tokens in rows]

    def taken(self, purposes: Iterable[str]) -> dict[str, tuple[int, int, int]]:
        """How many calls were looked at for each of these, and the tokens of them in and out, where all were told."""
        if self._connection is None and not self.path.exists():
            return {}
        tokens = [f"json_extract(reply, '$.{name}_tokens')" for name in ("prompt", "completion")]
        sums = ", ".join(f"SUM({one})" for one in tokens)
        told = " AND ".join(f"COUNT({one}) = COUNT(*)" for one in tokens)
        query = f"SELECT purpose, COUNT(*), {sums} FROM uses JOIN calls USING (key) WHERE purpose IN ({{}})"
        rows = self._chosen(f"{query} GROUP BY purpose HAVING {told}", sorted(set(purposes)))
        return {purpose: (calls, tokens_in, tokens_out) for purpose, calls, tokens_in, tokens_out in rows}

    def answered(self) -> dict[str, int]:
        """How often each call was bought: once, if all is well."""
        with self._changing() as file:
            query = "SELECT key, COUNT(*) FROM ledger WHERE outcome = 'answered' GROUP BY key"
            return dict(file.execute(query).fetchall())

    def probed(self, endpoint: str) -> Mapping[str, Any] | None:
        """What an endpoint was seen to do earlier."""
        with self._changing() as file:
            row = file.execute("SELECT found FROM probes WHERE endpoint = ?", (endpoint,)).fetchone()
        return json.loads(row[0]) if row else None

    def note_probe(self, endpoint: str, found: Mapping[str, Any]) -> None:
        with self._changing() as file:
            file.execute("INSERT OR REPLACE INTO probes VALUES (?, ?)", (endpoint, canonical(found)))

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _chosen(self, query: str, values: Sequence[str]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        with self._changing() as file:
            for start in range(0, len(values), _AT_ONCE):
                part = values[start : start + _AT_ONCE]
                rows += file.execute(query.format(", ".join("?" * len(part))), part).fetchall()
        return rows

    @staticmethod
    def _spent(file: sqlite3.Connection) -> float:
        return max(0.0, file.execute("SELECT usd FROM purse").fetchone()[0])

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, alone in the file; raises EdtError where the file is not ours to use."""
        with self._lock:
            try:
                file = self._connection = self._connection or self._opened()
                file.execute("BEGIN IMMEDIATE")
                try:
                    yield file
                    file.execute("COMMIT")
                except BaseException:
                    file.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise EdtError(
                    f"the calls in {self.path} cannot be used ({error}); move the file aside, or name another with "
                    "teacher.calls"
                ) from error

    def _opened(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EdtError(f"teacher.calls {str(self.path)!r} cannot be written ({error.strerror})") from error
        file = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        _write_ahead(file)
        file.execute("PRAGMA synchronous = NORMAL")
        file.executescript(_TABLES)
        if "seconds" not in {row[1] for row in file.execute("PRAGMA table_info(ledger)")}:  # a book of earlier days
            with suppress(sqlite3.OperationalError):  # another process was first
                file.execute("ALTER TABLE ledger ADD COLUMN seconds REAL")
        return file


def _write_ahead(file: sqlite3.Connection) -> None:
    """Into WAL mode. Where other processes open a new file too, sqlite says at once that it is locked, and does not
    wait as long as it was told to."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            file.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
        time.sleep(0.02)


def _keep(file: sqlite3.Connection, key: str, request: Any, reply: Any) -> int:
    row = (key, canonical(request), canonical(reply))
    return file.execute("INSERT OR IGNORE INTO calls VALUES (?, ?, ?)", row).rowcount


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
