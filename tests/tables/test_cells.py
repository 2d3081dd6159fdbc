"""A table's cells go to a file and come back as they were; what is no cell is refused by file and line."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.errors import EdtError
from edt.tables.cells import Cell, outcomes_of, questions_of, read_cells, write_cells
from edt.types import Outcome, Prediction

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
place: dict[str, Any] = {
    "table": words,
    "task": words,
    "method": words,
    "scale": words,
    "student": words,
    "teacher": words,
}
counts: Any = st.integers(0, 500)
measured = st.builds(
    Cell, **place, seed=counts, split=words, state=st.just("measured"),
    score=st.integers(0, 1000).map(lambda n: n / 1000),
    n=counts, unparsed=counts, filled=counts, trained_samples=counts, outcomes=st.text("01u", max_size=9),
)  # fmt: skip
absent = st.builds(Cell, **place, seed=counts, split=words, state=st.sampled_from(("missing", "failed")), reason=words)


@given(cells=st.lists(st.one_of(measured, absent), max_size=4))
def test_cells_come_back_as_they_were(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("cells") / "cells.csv"
    write_cells(cells, path)
    assert read_cells(path) == cells


def said(sample_id: str, outcome: Outcome) -> Prediction:
    return Prediction(sample_id=sample_id, text="", steps=(), answer=None, outcome=outcome)


def test_outcomes_are_in_the_order_of_sample_ids():
    assert outcomes_of([said("b", Outcome.WRONG), said("c", Outcome.UNPARSED), said("a", Outcome.RIGHT)]) == "10u"


def test_questions_are_known_by_their_ids_alone():
    one = questions_of([said("b", Outcome.WRONG), said("a", Outcome.RIGHT)])
    assert one == questions_of([said("a", Outcome.WRONG), said("b", Outcome.WRONG)])
    assert one != questions_of([said("a", Outcome.WRONG), said("c", Outcome.WRONG)])
    assert re.fullmatch("[0-9a-f]{12}", one)


def test_a_cell_has_a_score_just_when_it_was_measured():
    bare: dict[str, Any] = dict.fromkeys(("table", "task", "method", "scale", "student", "teacher", "split"), "x")
    bare["seed"] = 0
    with pytest.raises(EdtError, match="a score goes with the state measured"):
        Cell(**bare, state="measured")
    with pytest.raises(EdtError, match="a score goes with the state measured"):
        Cell(**bare, state="failed", score=0.5)
    with pytest.raises(EdtError, match="state is 'done'"):
        Cell(**bare, state="done")


def test_what_is_no_table_is_named(tmp_path):
    with pytest.raises(EdtError, match=r"there is no .*cells\.csv"):
        read_cells(tmp_path / "cells.csv")
    (tmp_path / "cells.csv").write_text("a,b\n1,2\n")
    with pytest.raises(EdtError, match="does not have the columns"):
        read_cells(tmp_path / "cells.csv")
    write_cells([], tmp_path / "cells.csv")
    with (tmp_path / "cells.csv").open("a") as stream:
        stream.write("t,a,m,s,x,,zero,test,missing,,,,,,,,,\n")
    with pytest.raises(EdtError, match="line 2, is no cell"):
        read_cells(tmp_path / "cells.csv")
