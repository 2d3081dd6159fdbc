import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

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
