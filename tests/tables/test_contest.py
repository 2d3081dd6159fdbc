"""A comparison as a page: what is measured, what is refused, and whether the paper's order holds."""

from typing import Any

import pytest

from edt.tables.contest import grids_of, notes_of, to_markdown

BILL = {"calls": 20, "tokens": 400, "usd": 0.0, "seconds": 3.4, "counted": False}
PAPER = {"paper": "arXiv 0", "source": "a note", "scores": {"random_step": 7.0, "answer_switch": 65.0}}


def share(count: int) -> dict[str, Any]:
    return {"count": count, "n": 10, "low": 0.1, "high": 0.9}


def row(identifier: str, exact: int, *, refused: str = "") -> dict[str, Any]:
    placing = {
        "exact": share(exact),
        "near": share(9),
        "abstained": 1,
        "failed": 0,
        "by_task": {"vqa": share(exact)},
        "found": share(4),
        "bill": BILL,
    }
    about = {"teacher": "pocket", "source": "local", "identifier": identifier, "refused": refused}
    return {**about, "placing": None if refused else placing}


def data(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "comparison": "ours",
        "title": "Ours",
        "errors": {
            "n": 10,
            "digest": "abc",
            "by_step": {"1": 4, "2": 6},
            "by_task": {"vqa": 10},
            "by_origin": {"planted": 10},
        },
        "rows": list(rows),
        "namings": [{"teacher": "pocket", "naming": {"named": 9, "failed": 1, "found": share(8), "bill": BILL}}],
        "agreements": {},
        "paper": PAPER,
        **changes,
    }


@pytest.mark.parametrize(("switch", "verdict"), [(8, " holds here"), (3, "does not hold"), (2, "does not hold")])
def test_the_papers_order_holds_only_where_every_row_is_above_the_one_before(switch, verdict):
    notes = notes_of(data(row("random_step", 3), row("answer_switch", switch)))
    assert any("The order of its rows, Random step and Answer switch," in note and verdict in note for note in notes)


def test_a_row_that_was_not_measured_breaks_the_order_and_is_named():
    notes = notes_of(data(row("random_step", 3), row("answer_switch", 9, refused="it cannot weigh")))
    assert "pocket with Answer switch: not comparable (it cannot weigh)" in notes
    assert any("does not hold" in note for note in notes)


def test_the_page_has_shares_with_intervals_the_papers_figures_and_what_it_took():
    page = to_markdown(data(row("random_step", 3), row("pseudo_rationale", 5)))
    assert "| pocket | Random step | 30.0 (10.0–90.0) | 90.0 | 1 | 0 | 7.0 |" in page
    assert "| pocket | Pseudo rationale | 50.0 (10.0–90.0) | 90.0 | 1 | 0 | unknown |" in page
    assert "| pocket | Random step | local | 40.0 | 20 | 400 | 0.00 | 3 |" in page
    assert "always blames the first step is right for 40%" in page
    assert "characters / 4" in page


def test_without_a_reference_there_is_no_column_for_it_and_agreement_is_shown_where_there_is_any():
    pairs = [{"first": "a", "second": "b", "kappa": 0.5, "overlap": None, "compared": 0}]
    plain = data(row("per_step", 3), paper=None, agreements={"per_step": pairs})
    titles = [grid.title for grid in grids_of(plain)]
    assert titles[-1] == "Agreement between teachers"
    assert "paper %" not in to_markdown(plain)
    assert "| a, b | per_step | 0.50 | – |" in to_markdown(plain)
