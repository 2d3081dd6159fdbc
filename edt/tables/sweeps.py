"""The sweeps that ran a table's cells, a line of `sweeps.jsonl` each: what they took by the clock on the wall.

Knows cells by their digests alone, and how a line is written and read back.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.paths import write_whole

DIGITS = 12
"""Of a digest, as a sweep names a cell."""


@dataclass(frozen=True, kw_only=True)
class SweepLine:
    """One sweep that ran cells."""

    started: str
    """In UTC, to the millisecond; no two sweeps of one table have the same."""
    seconds: float
    """From its start to the end of its last cell; of one that was killed, to within a minute of that."""
    jobs: int
    """Cells at a time."""
    cells: tuple[str, ...]
    """The first `DIGITS` of the digest of every cell that it started, whatever became of it."""

    def __post_init__(self) -> None:
        if not isinstance(self.started, str) or not self.started:
            raise EdtError(f"started is {self.started!r}; it must be a time")
        if type(self.seconds) not in (int, float) or not 0 <= self.seconds < math.inf:
            raise EdtError(f"seconds is {self.seconds!r}; it must be seconds, 0 or more")
        if type(self.jobs) is not int or self.jobs < 1:
            raise EdtError(f"jobs is {self.jobs!r}; it must be a whole number from 1")
        if not all(isinstance(cell, str) and len(cell) == DIGITS for cell in self.cells):
            raise EdtError(f"cells must be {DIGITS} digits of a digest each")


def read_sweeps(path: Path) -> list[SweepLine]:
    """All lines of a file, in order; none where there is no such file.

    Raises EdtError, with file and line, where one is no sweep.
    """
    lines = []
    try:
        text = path.read_text("utf-8") if path.is_file() else ""
    except ValueError:
        raise EdtError(f"{path} is not UTF-8; mend or remove it, what sweeps took is then not known") from None
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            lines.append(_line(json.loads(line)))
        except (EdtError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise EdtError(f"{path}, line {number}, is no sweep ({error}); mend it or take it out") from None
    return lines


def _line(data: Any) -> SweepLine:
    return SweepLine(**{**data, "cells": tuple(data["cells"])})


def keep_sweep(line: SweepLine, path: Path) -> None:
    """Add a line, or put it in the place of what was said earlier of the same sweep; in whole or not at all."""
    others = [one for one in read_sweeps(path) if one.started != line.started]
    write_sweeps([*others, line], path)


def write_sweeps(lines: Sequence[SweepLine], path: Path) -> None:
    write_whole(path, "".join(f"{json.dumps(asdict(line))}\n" for line in lines))
