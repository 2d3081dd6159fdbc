"""Dataclasses as lines of a CSV file, and back. Knows fields of text, whole numbers and floats; no table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from edt.errors import EdtError
from edt.paths import write_whole

T = TypeVar("T")


def write_lines(kind: type[Any], lines: Sequence[Any], path: Path) -> None:
    """`path` in whole or not at all; the order given is kept. Floats have six digits after the point."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, [field.name for field in fields(kind)], lineterminator="\n")
    writer.writeheader()
    for line in lines:
        values = asdict(line).items()
        writer.writerow({name: repr(round(value, 6)) if isinstance(value, float) else value for name, value in values})
    write_whole(path, stream.getvalue())


def read_lines(kind: type[T], path: Path, what: str) -> list[T]:
    """All lines of a file, in order; EdtError, with file and line, where it is missing or a line is no `what`."""
    if not path.is_file():
        raise EdtError(f"there is no {path}; run the table first, or name another")
    hints = get_type_hints(kind)
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if sorted(reader.fieldnames or []) != sorted(hints):
            raise EdtError(f"{path} does not have the columns of a table's {what}s; render the table again")
        return [_line(kind, hints, row, f"{path}, line {number}, is no {what}") for number, row in enumerate(reader, 2)]


def _line(kind: type[T], hints: dict[str, Any], row: dict[str, Any], complaint: str) -> T:
    try:
        if None in row:
            raise ValueError("it has too many columns")
        return kind(**{name: _value(hints[name], text) for name, text in row.items()})
    except (ValueError, TypeError, EdtError) as error:
        raise EdtError(f"{complaint}: {error}") from None


def _value(hint: Any, text: str | None) -> Any:
    if text is None:
        raise ValueError("it has too few columns")
    if text == "" and hint in (int | None, float | None):
        return None
    return float(text) if hint in (float, float | None) else int(text) if hint in (int, int | None) else text
