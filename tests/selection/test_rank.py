import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.selection.rank import Ranked, cosines

scores = st.lists(st.integers(-2, 2), min_size=1, max_size=12)


@given(scores, st.frozensets(st.integers(0, 11)), st.none() | st.integers(1, 12))
def test_best_first_ties_by_id_and_what_is_left_out_keeps_its_rank(values, gone, top_k):
    documents = [(f"s{n:02d}", "text") for n in range(len(values))]
    without = frozenset(f"s{n:02d}" for n in gone)
    whole = sorted(range(len(values)), key=lambda n: (-values[n], n))
    wanted = [(f"s{n:02d}", at, values[n]) for at, n in enumerate(whole, 1) if n not in gone][:top_k]
    found = Ranked(documents, np.array(values, dtype=float), without=without, top_k=top_k)
    assert [(hit.sample_id, hit.rank, hit.score) for hit in found] == wanted
    assert found[1:] == list(found)[1:]


def test_scores_must_fit_their_documents():
    with pytest.raises(ValueError, match="2 scores do not fit 1 documents"):
        Ranked([("a", "")], np.zeros(2))


def test_cosines_are_those_of_directions_and_a_zero_is_like_nothing():
    rows = np.array([[3.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    assert cosines(rows, np.array([[2.0, 0.0], [0.0, -5.0]])).tolist() == [[1, 0], [0.70711, -0.70711], [0, 0]]
