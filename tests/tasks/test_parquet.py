"""Files that are no parquet, through the tasks that read it: one sentence each, never a library's traceback."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edt.errors import EdtError
from edt.tasks.custom import custom
from edt.tasks.mmbench import mmbench
from edt.tasks.scienceqa import scienceqa


@pytest.fixture
def whole(tmp_path):
    file = tmp_path / "whole.parquet"
    pq.write_table(pa.table({"question": ["q"] * 500, "choices": [["a", "b"]] * 500}), file)
    return file.read_bytes()


@pytest.mark.parametrize("cut", [0, 3, 12, -9, -1])
def test_a_file_that_is_cut_is_named(whole, cut, tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("mine.parquet", "validation-0.parquet", "test-0.parquet"):
        (tmp_path / name).write_bytes(whole[:cut])
    file = str(tmp_path / "mine.parquet")
    tasks = (
        custom(file=file, images=str(tmp_path / "images")),
        mmbench(file=file),
        scienceqa(folder=str(tmp_path)),
    )
    for task in tasks:
        with pytest.raises(EdtError, match=r"\.parquet cannot be read as parquet \(.*\); get the file anew"):
            _ = task.validation


def test_a_column_that_is_lacking_is_named(whole, tmp_path):
    for split in ("validation", "test"):
        (tmp_path / f"{split}-0.parquet").write_bytes(whole)
    with pytest.raises(EdtError, match=r"has no column 'answer'; it has question, choices"):
        _ = scienceqa(folder=str(tmp_path)).validation


def test_text_that_is_no_utf_8_is_named(tmp_path):
    words = pa.array([b"ok", b"\xff\xfe"]).cast(pa.binary()).view(pa.string())
    pq.write_table(pa.table({"question": words, "choices": [["a", "b"]] * 2}), tmp_path / "mine.parquet")
    with pytest.raises(EdtError, match=r"mine\.parquet cannot be read as parquet \(.*utf-8"):
        _ = mmbench(file=str(tmp_path / "mine.parquet")).validation


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00", b"index\tquestion\n1\t\xff\n"])
def test_a_table_that_is_no_utf_8_is_named(damage, tmp_path):
    file = tmp_path / "dev.tsv"
    file.write_bytes(damage)
    with pytest.raises(EdtError, match=r"dev\.tsv cannot be read as a table of tabs in UTF-8"):
        _ = mmbench(file=str(file)).validation
