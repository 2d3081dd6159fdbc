"""Dataclasses as lines of a CSV file, and back. Knows fields of text, whole numbers and floats; no table."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from edt.errors import EdtError
from edt.paths import write_whole

T = TypeVar("T")
LF = b"\n"
UNREADABLE = {0: "\ufffd", ord("\r"): "\n", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}
"""Characters that such a file cannot hold, and what stands for them."""


def write_lines(kind: type[Any], lines: Sequence[Any], path: Path) -> None:
    """`path` in whole or not at all; the order given is kept. Floats have six digits after the point.

    What a text quotes is made fit to be read back.
    """
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, [field.name for field in fields(kind)], lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: _written(value) for name, value in asdict(line).items()})
    write_whole(path, stream.getvalue())


def _written(value: Any) -> Any:
    if isinstance(value, float):
        return repr(round(value, 6))
    return value.translate(UNREADABLE) if isinstance(value, str) else value


def read_lines(kind: type[T], path: Path, what: str, *, place: Callable[[T], Hashable]) -> list[T]:
    """All lines of a file, in order, no two at one `place`.

    A column that has a default may be missing, as in a file that was written before there was one.
    Raises EdtError, with file, line and the way out, where it is missing, is not whole, or a line is no `what`.
    """
    if not path.is_file():
        raise EdtError(f"there is no {path}; run the table first, or name another")
    try:
        return list(_lines(kind, _content(path), what, place))
    except EdtError as error:
        way_out = f"mend it or take it out, or run the table, which writes it anew (sweep.py table={path.parent.name})"
        raise EdtError(f"{path}, {error}; {way_out}") from None


def _content(path: Path) -> str:
    """The file's text, if it is one and whole."""
    data = path.read_bytes()

    def line(at: int) -> str:
        return f"line {data.count(LF, 0, at) + 1},"

    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EdtError(f"{line(error.start)} is not UTF-8 (byte {data[error.start]:#04x})") from None
    if (at := data.find(b"\0")) >= 0:
        raise EdtError(f"{line(at)} holds a NUL byte")
    if data and not data.endswith(LF):
        raise EdtError(f"{line(len(data))} is cut off: no line break ends it")
    return text


def _lines(kind: type[T], text: str, what: str, place: Callable[[T], Hashable]) -> Iterator[T]:
    hints = get_type_hints(kind)
    csv.field_size_limit(sys.maxsize)  # a split of more questions than its default has as many marks in one field
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    seen: dict[Hashable, int] = {}
    try:
        heads = next(reader, [])
        needed = {field.name for field in fields(kind) if field.default is MISSING}  # type: ignore[arg-type]
        if len(heads) != len(set(heads)) or not needed <= set(heads) <= set(hints):
            raise EdtError(f"line 1, does not have the columns of a table's {what}s")
        for values in reader:
            line = _line(kind, hints, heads, values, f"line {reader.line_num}, is no {what}")
            where = place(line)
            if where in seen:
                raise EdtError(f"line {reader.line_num}, is the {what} of line {seen[where]} again: {where}")
            seen[where] = reader.line_num
            yield line
    except csv.Error as error:
        raise EdtError(f"line {reader.line_num}, is no line of CSV ({error})") from None


def _line(kind: type[T], hints: dict[str, Any], heads: Sequence[str], values: Sequence[str], complaint: str) -> T:
    if len(values) != len(heads):
        raise EdtError(f"{complaint}: it has {len(values)} fields, and there are {len(heads)} columns")
    try:
        return kind(**{name: _value(hints[name], text) for name, text in zip(heads, values, strict=True)})
    except (ValueError, TypeError, EdtError) as error:
        raise EdtError(f"{complaint}: {error}") from None


def _value(hint: Any, text: str) -> Any:
    if text == "" and hint in (int | None, float | None):
        return None
    return float(text) if hint in (float, float | None) else int(text) if hint in (int, int | None) else text
