from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from edt.tables.cells import outcomes_of, questions_of
from edt.tables.scores import score_of, wilson
from edt.types import Outcome, Prediction


@settings(max_examples=40)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy(counts):
    right, n = counts
    expected = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_nothing_counted_says_nothing():
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="right must be"):
        wilson(3, 2)


def test_unparsed_counts_as_wrong_and_is_counted():
    outcomes = [Outcome.RIGHT, Outcome.WRONG, Outcome.UNPARSED, Outcome.RIGHT]
    score = score_of(
        [Prediction(sample_id=str(i), text="", steps=(), answer=None, outcome=o) for i, o in enumerate(outcomes)]
    )
    assert (score.score, score.n, score.right, score.unparsed) == (0.5, 4, 2, 1)
    assert score.low < 0.5 < score.high


def predictions(*outcomes, group=""):
    letters = {"r": Outcome.RIGHT, "w": Outcome.WRONG, "u": Outcome.UNPARSED}
    return [
        Prediction(sample_id=f"{group}{i}", text="", steps=(), answer=None, outcome=letters[o], group=group)
        for i, o in enumerate(outcomes)
    ]


@pytest.mark.parametrize(
    ("ways", "right", "unparsed"), [("rrr", 1, 0), ("rwr", 0, 0), ("rur", 0, 1), ("uwr", 0, 0), ("uuu", 0, 1)]
)
def test_a_question_asked_in_several_ways_counts_once(ways, right, unparsed):
    asked = [*predictions(*ways, group="g"), *predictions("r", "w")]
    score = score_of(asked)
    assert (score.n, score.right, score.unparsed) == (3, 1 + right, unparsed)
    assert score.grade is None
    marks = outcomes_of(asked)
    assert (len(marks), marks.count("1"), marks.count("u")) == (3, score.right, unparsed)
    assert questions_of(asked) == questions_of(asked[::-1])


def test_grades_are_averaged_and_unparsed_has_none():
    graded = [replace(one, grade=grade) for one, grade in zip(predictions(*"rwu"), (0.9, 0.3, 0.0), strict=True)]
    score = score_of(graded)
    assert score.grade == pytest.approx(0.4)
    assert score.score == pytest.approx(1 / 3)
