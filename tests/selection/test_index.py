"""BM25 against rank_bm25 itself, ties, and queries that find nothing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from edt.errors import EdtError
from edt.selection.index import Bm25Index, words_of

WORDS = ["count", "legs", "colour", "shape", "animal", "of", "the"]
texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), min_size=1, max_size=20)
queries = st.lists(st.sampled_from([*WORDS, "unknown"]), min_size=1, max_size=4).map(" ".join)


@given(texts, queries)
def test_scores_and_order_are_those_of_the_reference(documents, query):
    ids = [f"s{n:02d}" for n in range(len(documents))]
    found = list(Bm25Index(ids, documents, stop_words=False).search(query))
    if not any(documents):
        assert found == []
        return
    reference = BM25Okapi([text.split() for text in documents]).get_scores(query.split())
    order = sorted((-score, sample_id) for score, sample_id in zip(reference, ids, strict=True) if score > 0)
    assert [hit.sample_id for hit in found] == [sample_id for _, sample_id in order]
    np.testing.assert_array_equal([hit.score for hit in found], [-score for score, _ in order])
    assert [hit.rank for hit in found] == list(range(1, len(found) + 1))


def test_the_order_of_documents_does_not_matter():
    ids, documents = ["b", "a", "c", "d", "e"], ["count legs", "count legs", "colour", "shape", "shape of legs"]
    forward = Bm25Index(ids, documents).search("legs count")
    backward = Bm25Index(ids[::-1], documents[::-1]).search("legs count")
    assert list(forward) == list(backward)
    assert [hit.sample_id for hit in forward] == ["a", "b", "e"]


def test_what_is_left_out_keeps_its_rank():
    index = Bm25Index(["a", "b", "c", "d", "e"], ["legs", "legs", "legs wings", "shape", "colour"])
    hits = index.search("legs", without=frozenset({"a"}), top_k=1)
    assert [(hit.sample_id, hit.rank) for hit in hits] == [("b", 2)]


def test_lucene_never_goes_negative():
    index = Bm25Index(["a", "b", "c"], ["legs", "legs wings", "legs"], idf="lucene")
    assert len(index.search("legs")) == 3
    tf = 2.5 / (1 + 1.5 * (0.25 + 0.75 * 1 / (4 / 3)))
    assert index.search("legs")[0].score == pytest.approx(math.log(1 + 0.5 / 3.5) * tf)


@pytest.mark.parametrize("query", ["", "the of in", "nowhere"])
def test_a_query_without_a_known_word_finds_nothing(query):
    assert len(Bm25Index(["a", "b"], ["count the legs", "colour"]).search(query)) == 0


def test_stop_words_are_an_option():
    assert words_of("Count the LEGS, of it!", stop_words=True) == ["count", "legs"]
    assert words_of("Count the legs", stop_words=False) == ["count", "the", "legs"]


def test_hits_can_be_sliced():
    hits = Bm25Index(["a", "b", "c", "d"], ["legs", "legs", "x", "y"], idf="lucene").search("legs")
    assert [hit.sample_id for hit in hits[1:]] == ["b"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"k1": -1}, "k1 is -1"), ({"b": 2}, "b is 2"), ({"epsilon": -0.1}, "epsilon"), ({"idf": "tf"}, "'tf'.*okapi")],
)
def test_settings_out_of_range_are_named(setting, message):
    with pytest.raises(EdtError, match=message):
        Bm25Index(["a"], ["legs"], **setting)
