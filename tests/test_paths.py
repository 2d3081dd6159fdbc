"""Files are written whole, and what could not be written is named."""

from pathlib import Path

import pytest

from edt.cli import explain
from edt.paths import replacing
from edt.store.folders import Store

FULL = Path("/dev/full")
"""Every write to it meets a full disk, and such an error names no file of its own."""
full_disk = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")


@full_disk
def test_a_full_disk_is_said_of_the_file_that_was_to_be_written(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text("old")
    with pytest.raises(OSError, match="space") as caught, replacing(path):
        FULL.write_text("new")
    assert str(explain(caught.value)).startswith(f"{path} cannot be written: the disk is full; free some space")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


@full_disk
def test_a_full_disk_is_said_of_the_stage_that_was_being_made(tmp_path):
    def make(folder: Path) -> None:
        FULL.write_text("x")

    with pytest.raises(OSError, match="space") as caught:
        Store(tmp_path).fetch("tune", "0" * 32, make, about={})
    assert f"{tmp_path}/tune/{'0' * 32}.part cannot be written: the disk is full" in str(explain(caught.value))


def test_an_error_that_names_its_file_keeps_it(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "a"):
        (tmp_path / "gone").read_text()
    assert caught.value.filename == str(tmp_path / "gone")
