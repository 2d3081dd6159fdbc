"""A table's cells go to a file and come back as they were; what is no cell is refused by file and line."""

import csv
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.errors import EdtError
from edt.tables.cells import SPLITS, Cell, outcomes_of, questions_of, read_cells, write_cells
from edt.types import Outcome, Prediction

words = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)
place: dict[str, Any] = {
    "table": words,
    "task": words,
    "method": words,
    "scale": words,
    "student": words,
    "teacher": words,
}
counts = st.integers(0, 500)
splits = st.sampled_from(SPLITS)


@st.composite
def measured_cells(draw):
    marks = draw(st.text("01u", min_size=1, max_size=9))
    trained = draw(counts)
    return Cell(
        **{name: draw(some) for name, some in place.items()},
        seed=draw(counts),
        split=draw(splits),
        state="measured",
        score=round(marks.count("1") / len(marks), 6),
        n=len(marks),
        unparsed=marks.count("u"),
        filled=draw(st.integers(0, trained)),
        trained_samples=trained,
        outcomes=marks,
        questions=draw(st.sampled_from(("", "0123456789ab"))),
    )


absent: Any = st.builds(
    Cell, **place, seed=counts, split=splits, state=st.sampled_from(("missing", "failed")), reason=words
)
lists = st.lists(st.one_of(measured_cells(), absent), max_size=4, unique_by=lambda cell: cell.place)


@given(cells=lists)
def test_cells_come_back_as_they_were(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("cells") / "cells.csv"
    write_cells(cells, path)
    assert read_cells(path) == cells


def test_whatever_a_reason_quotes_can_be_read_back(tmp_path):
    write_cells([cell(state="failed", reason='10%\r20%\0\ud800\n,"')], tmp_path / "cells.csv")
    assert read_cells(tmp_path / "cells.csv")[0].reason == '10%\n20%\ufffd\ufffd\n,"'


def test_a_line_of_any_length_can_be_read_back(tmp_path):
    csv.field_size_limit(131_072)  # its default, a limit of the process that another reader may have set
    wrong: dict[str, Any] = {"outcomes": "0" * 150_000, "n": 150_000, "score": 0.0, "unparsed": 0}
    long = [cell(state="failed", reason="x" * 140_000), cell(seed=1, **wrong)]
    write_cells(long, tmp_path / "cells.csv")
    assert read_cells(tmp_path / "cells.csv") == long


def said(sample_id: str, outcome: Outcome) -> Prediction:
    return Prediction(sample_id=sample_id, text="", steps=(), answer=None, outcome=outcome)


def test_outcomes_are_in_the_order_of_sample_ids():
    assert outcomes_of([said("b", Outcome.WRONG), said("c", Outcome.UNPARSED), said("a", Outcome.RIGHT)]) == "10u"


def test_questions_are_known_by_their_ids_alone():
    one = questions_of([said("b", Outcome.WRONG), said("a", Outcome.RIGHT)])
    assert one == questions_of([said("a", Outcome.WRONG), said("b", Outcome.WRONG)])
    assert one != questions_of([said("a", Outcome.WRONG), said("c", Outcome.WRONG)])
    assert re.fullmatch("[0-9a-f]{12}", one)


BARE: dict[str, Any] = {
    **dict.fromkeys(("table", "task", "method", "scale", "student", "teacher"), "x"),
    "split": "test",
}
FIGURES: dict[str, Any] = {
    "score": 0.5,
    "n": 4,
    "unparsed": 1,
    "filled": 2,
    "trained_samples": 8,
    "outcomes": "110u",
    "questions": "0123456789ab",
}


def cell(**changes: Any) -> Cell:
    """A sound cell, measured unless another state is asked for."""
    figures = FIGURES if changes.get("state", "measured") == "measured" else {}
    return Cell(**{**BARE, "seed": 0, "state": "measured", **figures, **changes})


def test_a_cell_has_a_score_just_when_it_was_measured():
    with pytest.raises(EdtError, match="a score goes with the state measured"):
        cell(score=None)
    with pytest.raises(EdtError, match="a score goes with the state measured"):
        cell(state="failed", score=0.5)
    with pytest.raises(EdtError, match="state is 'done'"):
        cell(state="done")


UNSOUND: list[tuple[dict[str, Any], str]] = [
    ({"score": 1.5}, r"score is 1\.5; it is a share"),
    ({"score": -0.1}, "score is -0.1; it is a share"),
    ({"score": math.nan}, "score is nan; it is a share"),
    ({"score": 0.75}, r"score is 0\.75, and outcomes has 2 right of 4"),
    ({"n": 5}, "n is 5, and outcomes has 4 marks"),
    ({"n": 0, "outcomes": ""}, "n is 0; it must be a count above 0"),
    ({"n": -4}, "n is -4; it must be a count above 0"),
    ({"n": None}, "n is None; it must be a count"),
    ({"outcomes": "11xu"}, "outcomes has 4 marks; it has a 1, 0 or u"),
    ({"unparsed": 2}, "unparsed is 2, and outcomes has 1 of them"),
    ({"unparsed": -1}, "unparsed is -1; it must be a count"),
    ({"filled": -1}, "filled is -1; it must be a count"),
    ({"filled": 9}, "filled is 9, more than the 8 of trained_samples"),
    ({"trained_samples": -8}, "trained_samples is -8; it must be a count"),
    ({"questions": "0123"}, "questions is '0123'; it is 12 hexadecimal digits"),
    ({"split": "tset"}, "split is 'tset'; it must be one of validation, test"),
    ({"seed": -1}, "seed is -1; it must be 0 or more"),
    ({"state": "failed", "n": 4}, "its state is failed, and yet it has n"),
    ({"state": "missing", "outcomes": "11"}, "its state is missing, and yet it has outcomes"),
]


@pytest.mark.parametrize(("changes", "message"), UNSOUND)
def test_a_cell_that_cannot_be_is_refused_made_or_read(tmp_path, changes, message):
    with pytest.raises(EdtError, match=message):
        cell(**changes)
    path = tmp_path / "small" / "cells.csv"
    write_cells([cell(seed=1), cell(seed=2, state=changes.get("state", "measured"))], path)
    lines = list(csv.DictReader(path.open(newline="")))
    lines[1].update({name: "" if value is None else str(value) for name, value in changes.items()})
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    with pytest.raises(EdtError, match=rf"cells\.csv, line 3, is no cell: .*{message}.*; mend it .*table=small"):
        read_cells(path)


def test_what_is_no_table_is_named(tmp_path):
    path = tmp_path / "cells.csv"
    with pytest.raises(EdtError, match=r"there is no .*cells\.csv"):
        read_cells(path)
    for text in (b"", b"a,b\n1,2\n"):
        path.write_bytes(text)
        with pytest.raises(EdtError, match=r"line 1, does not have the columns .*; mend it or take it out"):
            read_cells(path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data.replace(b",0,test,failed", b",zero,test,failed"), "line 3, is no cell: invalid literal"),
        (lambda data: data + data.splitlines(keepends=True)[1], r"line 4, is the cell of line 2 again: \('x', 'a'"),
        (lambda data: data[:-1], "line 3, is cut off"),
        (lambda data: data[:-5], "line 3, is cut off"),
        (lambda data: data[:-5] + b"\n", "line 3, is no cell: it has 15 fields, and there are 19 columns"),
        (lambda data: data + b"x,y,z\n", "line 4, is no cell: it has 3 fields, and there are 19 columns"),
        (lambda data: data[:-1] + b",more\n", "line 3, is no cell: it has 20 fields"),
        (lambda data: data + b"\n", "line 4, is no cell: it has 0 fields"),
        (lambda data: data.replace(b"killed", b"k\xefled"), r"line 3, is not UTF-8 \(byte 0xef\)"),
        (lambda data: data.replace(b"killed", b"k\0led"), "line 3, holds a NUL byte"),
        (lambda data: data.replace(b"killed", b'"killed'), "line 3, is no line of CSV"),
    ],
)
def test_a_damaged_file_is_refused_by_line(tmp_path, damage, message):
    path = tmp_path / "cells.csv"
    write_cells([cell(method="a"), cell(method="b", state="failed", reason="killed")], path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(EdtError, match=rf"cells\.csv, {message}.*; mend it or take it out"):
        read_cells(path)


def test_lines_are_counted_as_an_editor_does(tmp_path):
    path = tmp_path / "cells.csv"
    write_cells([cell(method="a", state="failed", reason="two\nlines"), cell(method="b")], path)
    path.write_bytes(path.read_bytes() + b"x\n")
    with pytest.raises(EdtError, match="line 5, is no cell: it has 1 fields"):
        read_cells(path)
