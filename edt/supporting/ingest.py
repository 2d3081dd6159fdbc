"""A LLaVA-style file to Arrow, once: every record checked, the bad ones reported, the rest mapped from disk.

Knows how a file becomes rows and where they are kept (`ingest` in the user's
cache, under the file's place, size and date and all options); not what the rows
are for. Holds one batch of rows and one piece of the file at a time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from edt.errors import EdtError
from edt.images.inside import LOOKS, ImageFault, ImageFolder
from edt.paths import cache_root, check_writable
from edt.store.keys import digest
from edt.supporting.records import Bad, Record, check_encodable, parse_record
from edt.supporting.stream import JsonStream

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1
"""Raised when the same file would come to other rows."""
ROWS, REPORT, FACTS = "rows.arrow", "bad.jsonl", "facts.json"
BATCH = 8192
COLUMNS = ("id", "image", "question", "answer", "task")
log = logging.getLogger("edt")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a file is read.

    look: how closely each picture is looked at: exists, header (size and format) or decode.
    ids: `unique`, or `renamed` for files in which different records share one (Vision-Flan): all but the first of
        them get a suffix made of their content.
    turns: `first` takes the first question of a conversation, `each` makes a row of every one.
    max_bad: the most bad records that a file may have.
    """

    look: str = "header"
    ids: str = "unique"
    turns: str = "first"
    max_bad: int = 1000

    def __post_init__(self) -> None:
        for name, known in (("look", LOOKS), ("ids", ("unique", "renamed")), ("turns", ("first", "each"))):
            if getattr(self, name) not in known:
                raise EdtError(f"supporting.{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}")
        if self.max_bad < 0:
            raise EdtError(f"supporting.max_bad must be 0 or more, not {self.max_bad}")

    def print(self) -> dict[str, Any]:
        """What the rows depend on: max_bad only decides whether there are any."""
        return {"ids": self.ids, "turns": self.turns, "look": self.look, "version": VERSION}


@dataclass(frozen=True, kw_only=True)
class Ingested:
    """What a file came to."""

    folder: Path
    sha256: str
    """Of the file."""
    records: int
    rows: int
    text_only: int
    """Sound records without a picture, which are left out."""
    renamed: int
    bad: Mapping[str, int]
    """How many by kind; each is a line of `bad.jsonl`."""
    left_out: str
    """A hash of the numbers of all records that are left out: with `sha256`, which rows there are."""
    seconds: float

    @property
    def file(self) -> Path:
        return self.folder / ROWS

    @property
    def report(self) -> Path:
        return self.folder / REPORT

    @property
    def num_bad(self) -> int:
        return sum(self.bad.values())

    def sentence(self, name: str) -> str:
        kinds = "; ".join(f"{number} × {kind}" for kind, number in sorted(self.bad.items()))
        left = f", {self.num_bad:,} bad ({kinds}; see {self.report})" if self.bad else ""
        text = f", {self.text_only:,} without a picture" if self.text_only else ""
        return f"{name}: {self.rows:,} samples of {self.records:,} records{text}{left}"


def ingest(source: Path, images: Path, reading: Reading) -> Ingested:
    """The rows of `source`, made now unless the very file was read before in the same way.

    Raises EdtError where it is missing, or has more bad records than may be; it is then read anew the next time, for
    the pictures that were missing may have come.
    """
    from filelock import FileLock

    try:
        stat = source.stat()
    except OSError as error:
        raise EdtError(f"the file {source} cannot be read ({error.strerror})") from error
    place = [os.path.realpath(source), stat.st_size, stat.st_mtime_ns, os.path.realpath(images)]
    folder = cache_root() / "ingest" / digest([place, reading.print()])
    check_writable(folder.parent, "the cache folder ($EDT_CACHE)")
    with FileLock(f"{folder}.lock"):
        done = _finished(folder)
        if done is None or done.num_bad > reading.max_bad:
            done = _make(source, images, reading, folder)
        elif done.bad:
            log.info("%s; to read it anew, remove %s", done.sentence(source.name), folder)
    if done.num_bad > reading.max_bad:
        raise EdtError(
            f"{source} has {done.num_bad:,} bad records, more than max_bad={reading.max_bad} "
            f"({', '.join(sorted(done.bad))}); see {done.report}, and mend the file, or allow more: supporting.max_bad="
        )
    return done


def _finished(folder: Path) -> Ingested | None:
    try:
        return Ingested(**{**json.loads((folder / FACTS).read_text("utf-8")), "folder": folder})
    except (OSError, ValueError, TypeError):
        return None


def _make(source: Path, images: Path, reading: Reading, folder: Path) -> Ingested:
    start, part = time.perf_counter(), folder.with_name(f"{folder.name}.part")
    for old in (part, folder):
        shutil.rmtree(old, ignore_errors=True)
    part.mkdir(parents=True)
    log.info("reading %s once (%.0f MB)", source, source.stat().st_size / 1e6)
    with (part / REPORT).open("w", encoding="utf-8") as report:
        reader = _Reader(JsonStream(source), ImageFolder(images), reading, source.name, report)
        _write_rows(reader.rows(), part / ROWS)
    done = Ingested(
        folder=folder,
        sha256=reader.stream.sha256,
        records=reader.number,
        rows=reader.kept,
        text_only=reader.text_only,
        renamed=reader.renamed,
        bad=dict(reader.bad),
        left_out=reader.left_out.hexdigest(),
        seconds=round(time.perf_counter() - start, 2),
    )
    (part / FACTS).write_text(json.dumps({**asdict(done), "folder": ""}), "utf-8")
    part.rename(folder)
    log.info("%s", done.sentence(source.name))
    return done


Row = tuple[str, str, str, str, str]


@dataclass
class _Reader:
    """Rows of a stream, and an account of what was left out."""

    stream: JsonStream
    images: ImageFolder
    reading: Reading
    name: str
    report: IO[str]
    number: int = 0
    kept: int = 0
    text_only: int = 0
    renamed: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    left_out: Any = field(default_factory=hashlib.sha256)
    _ids: set[int] = field(default_factory=set)

    def rows(self) -> Iterator[Row]:
        for data in self.stream:
            self.number += 1
            try:
                if isinstance(data, Bad):
                    raise data
                record = self._checked(data)
            except Bad as bad:
                self._tell(bad, data)
                continue
            if record is None:
                continue
            pairs = range(0, len(record.turns) if self.reading.turns == "each" else 2, 2)
            for start in pairs:
                name = record.id if start == 0 else f"{record.id}:{start // 2 + 1}"
                self.kept += 1
                yield name, record.image, record.turns[start], record.turns[start + 1], record.task

    def _checked(self, data: Any) -> Record | None:
        record = parse_record(data)
        check_encodable(record)
        if not record.image:
            self.text_only += 1
            self._leave_out()
            return None
        try:
            self.images.check(record.image, self.reading.look)
        except ImageFault as fault:
            raise Bad(fault.kind, "image", f"{record.image!r:.200} {fault}") from None
        return self._named(record)

    def _named(self, record: Record) -> Record:
        """The record under an id that no other has; raises Bad where that cannot be."""
        if self._is_new(record.id):
            return record
        if self.reading.ids == "unique":
            raise Bad("duplicate id", "id", f"{record.id!r:.80} is that of an earlier record")
        content = digest([record.image, record.task, *record.turns])[:12]
        name = f"{record.id}~{content}"
        if not self._is_new(name):
            raise Bad("duplicate record", "id", f"{record.id!r:.80}: an earlier record is the same word for word")
        self.renamed += 1
        return Record(name, record.image, record.task, record.turns)

    def _is_new(self, name: str) -> bool:
        """By 64 bits of a hash: a million names do not fit into half a gigabyte as text."""
        mark = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())
        before = len(self._ids)
        self._ids.add(mark)
        return len(self._ids) > before

    def _leave_out(self) -> None:
        self.left_out.update(f"{self.number},".encode())

    def _tell(self, bad: Bad, data: Any) -> None:
        self.bad[bad.kind] += 1
        self._leave_out()
        name = data.get("id") if isinstance(data, dict) else None
        line = {"file": self.name, "record": self.number, "field": bad.field, "kind": bad.kind, "why": str(bad)}
        text = json.dumps({**line, "id": name if isinstance(name, (str, int)) else None}, ensure_ascii=True)
        self.report.write(text + "\n")
        if sum(self.bad.values()) == self.reading.max_bad + 1:
            log.warning(
                "%s has more than %d bad records; reading on to report them all", self.name, self.reading.max_bad
            )


def schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema([(name, pa.string()) for name in COLUMNS])


def _write_rows(rows: Iterator[Row], path: Path) -> None:
    import pyarrow as pa

    kept: list[Row] = []

    def flush() -> None:
        columns = [pa.array(column, pa.string()) for column in zip(*kept, strict=True)]
        writer.write_batch(pa.record_batch(columns, schema=schema()))
        kept.clear()

    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema()) as writer:
        for row in rows:
            kept.append(row)
            if len(kept) == BATCH:
                flush()
        if kept:
            flush()
