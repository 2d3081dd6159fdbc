"""Hands the calls of a run from one machine to another, and shows what calls have cost.

python -m edt.teachers.bundle export calls.jsonl.gz --run outputs/runs/NAME   the calls behind that run's results
python -m edt.teachers.bundle export calls.jsonl.gz                           all calls of the book
python -m edt.teachers.bundle import calls.jsonl.gz                           into the book: they are not bought again
python -m edt.teachers.bundle ledger                                          attempts, tokens and dollars by outcome

A bundle is a gzipped file of JSON lines, a call each, the same bytes for the same calls. It holds questions and
replies, no key and no address; `teacher=replay teacher.bundle=calls.jsonl.gz` answers from it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from edt.cli import say_errors
from edt.errors import EdtError
from edt.paths import replacing
from edt.store.keys import canonical, digest
from edt.store.stages import NOTES
from edt.teachers.callbook import CallBook
from edt.teachers.calls import Reply
from edt.types import from_json

ASKING = ("identify", "analyse")
"""Stages that may ask a teacher."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("export", "import", "ledger"))
    parser.add_argument("bundle", type=Path, nargs="?", help="the file that is written or read")
    parser.add_argument("--calls", type=Path, default=Path("outputs/calls.sqlite"), help="the call book")
    parser.add_argument(
        "--run",
        type=Path,
        action="append",
        default=[],
        help="a run's folder, or one that holds several; may be repeated",
    )
    options = parser.parse_args()
    if options.action != "ledger" and options.bundle is None:
        raise EdtError(f"{options.action} needs the name of a bundle, such as calls.jsonl.gz")
    if options.action != "import" and not options.calls.is_file():
        raise EdtError(f"there is no call book at {options.calls}; name one with --calls")
    book = CallBook(options.calls)
    if options.action == "export":
        print(export(book, options.bundle, options.run))
    elif options.action == "import":
        calls = list(read_bundle(options.bundle))
        new = book.take_in(calls)
        print(f"{len(calls)} calls read, {new} of them new to {options.calls}")
    else:
        _show(book)


def export(book: CallBook, path: Path, runs: Sequence[Path] = ()) -> str:
    """Write a bundle; a sentence on what is in it."""
    stages = stages_of(runs) if runs else {}
    keys = book.used_for(stages) if runs else None
    if runs and not keys:
        raise EdtError(f"no call in {book.path} was made for {', '.join(map(str, runs))}; name the book with --calls")
    count = write_bundle(path, book.requests(keys))
    silent = [key for key, stage in stages.items() if stage in ASKING and not book.used_for([key])]
    note = f"; {len(silent)} stages of identification and analysis made no call in this book" if silent else ""
    return f"{count} calls in {path} ({path.stat().st_size / 1e6:.2f} MB){note}"


def stages_of(runs: Iterable[Path]) -> dict[str, str]:
    """Keys of the stages that runs went through, with their names; raises EdtError for a folder without a run."""
    found: dict[str, str] = {}
    for run in runs:
        files = sorted(run.rglob(NOTES))
        if not files:
            raise EdtError(f"there is no run in {run}: no {NOTES} is under it")
        for line in (line for file in files for line in file.read_text("utf-8").splitlines()):
            note = json.loads(line)
            found[note["key"]] = note["stage"]
    return found


def write_bundle(path: Path, calls: Iterable[tuple[str, Any, Any]]) -> int:
    """Write (key, request, reply) triples, in their order; how many they are."""
    count = 0
    with replacing(path) as beside, beside.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        for key, request, reply in calls:
            packed.write((canonical({"key": key, "request": request, "reply": reply}) + "\n").encode())
            count += 1
    return count


def read_bundle(path: Path) -> Iterator[tuple[str, Any, Any]]:
    """(key, request, reply) of every call; EdtError, with file and line, where one is not what its key says."""
    last = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for last, line in enumerate(lines, start=1):  # noqa: B007  read where it fails
                yield _read_line(line)
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        where = f" (line {last})" if last else ""
        raise EdtError(f"the recording {path}{where} cannot be read: {error}; export it again") from error


def _read_line(line: str) -> tuple[str, Any, Any]:
    data = json.loads(line)
    key, request, reply = data["key"], data["request"], data["reply"]
    if key != digest({"request": request}):
        raise ValueError("a question does not go with its key")
    from_json(Reply, reply)
    return key, request, reply


def _show(book: CallBook) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("model", overflow="fold")
    table.add_column("outcome")
    for head in ("calls", "tokens in", "tokens out", "dollars"):
        table.add_column(head, justify="right")
    for line in book.lines():
        numbers = (f"{n:,}" for n in (line.calls, line.prompt_tokens, line.completion_tokens))
        table.add_row(line.model, line.outcome, *numbers, f"{line.usd:.4f}")
    console = Console()
    console.print(table)
    console.print(f"{book.spent():.4f} dollars in all; open and lost attempts at the most that they may have cost.")


if __name__ == "__main__":
    sys.exit(say_errors(main))
