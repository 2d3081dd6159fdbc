"""Lines of `sweeps.jsonl`: written whole, read back as they were, and refused in a sentence where they are none."""

import json
import math
from dataclasses import asdict, replace

import pytest

from edt.errors import EdtError
from edt.tables.sweeps import SweepLine, keep_sweep, read_sweeps

LINE = SweepLine(started="2026-01-02T03:04:05.678+00:00", seconds=12.5, jobs=2, cells=("0123456789ab",))


def test_a_sweep_that_goes_on_keeps_one_line(tmp_path):
    path = tmp_path / "sweeps.jsonl"
    assert read_sweeps(path) == []
    other = replace(LINE, started="later")
    for line in (LINE, other, replace(LINE, seconds=60.25), replace(other, seconds=3)):
        keep_sweep(line, path)
    assert read_sweeps(path) == [replace(LINE, seconds=60.25), replace(other, seconds=3)]
    kept = path.read_bytes()
    keep_sweep(replace(other, seconds=3), path)
    assert path.read_bytes() == kept


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"started": ""}, "started is ''; it must be a time"),
        ({"seconds": -1}, "seconds is -1; it must be seconds, 0 or more"),
        ({"seconds": math.nan}, "seconds is nan"),
        ({"seconds": True}, "seconds is True"),
        ({"jobs": 0}, "jobs is 0; it must be a whole number from 1"),
        ({"cells": "0123456789ab"}, "cells must be 12 digits of a digest each"),
        ({"cells": 7}, "not iterable"),
        ({"more": 1}, "more"),
    ],
)
def test_what_is_no_sweep_is_named(tmp_path, changes, message):
    path = tmp_path / "sweeps.jsonl"
    keep_sweep(LINE, path)
    path.write_text(path.read_text() + json.dumps({**asdict(LINE), **changes}) + "\n")
    with pytest.raises(
        EdtError, match=rf"sweeps\.jsonl, line 2, is no sweep \(.*{message}.*\); mend it or take it out"
    ):
        read_sweeps(path)


@pytest.mark.parametrize("damage", [b"\xff\n", b"{\n", b"7\n", b"[" * 100_000])
def test_what_cannot_be_read_is_named(tmp_path, damage):
    path = tmp_path / "sweeps.jsonl"
    path.write_bytes(damage)
    with pytest.raises(EdtError, match=r"sweeps\.jsonl.*; mend"):
        read_sweeps(path)
