"""BM25 against rank_bm25 itself to the last bit, ties, and queries that find nothing."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from edt.errors import EdtError
from edt.selection.index import Bm25Index, words_of

WORDS = ["count", "counting", "legs", "colour", "shape", "animal", "of", "the", "2"]
text = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
texts = st.one_of(
    st.lists(text, min_size=1, max_size=30),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=12),  # one word each
    st.tuples(text, st.integers(1, 12)).map(lambda pair: [pair[0]] * pair[1]),  # all equal
    st.lists(st.sampled_from(["", " ;", "legs"]), min_size=1, max_size=8),  # hardly any word
    st.lists(st.sampled_from(["count legs", "of the legs", "colour"]), min_size=20, max_size=60),  # repeats
)
queries = st.one_of(
    st.lists(st.sampled_from([*WORDS, "unknown"]), max_size=5).map(" ".join),
    st.sampled_from(["", "of the of", "unknown"]),
)
scorings = st.fixed_dictionaries(
    {
        "k1": st.sampled_from([1.5, 0.9, 3]) | st.floats(0.01, 5),
        "b": st.sampled_from([0.75, 0, 1]) | st.floats(0, 1),
        "epsilon": st.sampled_from([0.25, 0, 1.5]),
        "idf": st.sampled_from(["okapi", "lucene"]),
        "stop_words": st.booleans(),
        "stem": st.booleans(),
    }
)
SEVERAL_HUNDRED = settings(max_examples=400)


def ids_of(documents) -> list[str]:
    return [f"s{n:02d}" for n in range(len(documents))]


@SEVERAL_HUNDRED
@given(texts, queries)
def test_scores_and_order_are_those_of_the_reference(documents, query):
    ids = ids_of(documents)
    index = Bm25Index(ids, documents, stop_words=False)
    found = list(index.search(query))
    if not any(words_of(document, stop_words=False) for document in documents):
        assert found == []
        return
    reference = BM25Okapi([words_of(document, stop_words=False) for document in documents])
    whole = reference.get_scores(words_of(query, stop_words=False))
    assert index.scores(query).tobytes() == whole.tobytes(), "to the last bit"
    order = sorted((-score, sample_id) for score, sample_id in zip(whole, ids, strict=True) if score > 0)
    assert [(hit.sample_id, hit.score) for hit in found] == [(sample_id, -score) for score, sample_id in order]
    assert [hit.rank for hit in found] == list(range(1, len(found) + 1))


@SEVERAL_HUNDRED
@given(texts, queries, scorings, st.none() | st.integers(1, 8))
def test_both_backends_agree_under_every_option(documents, query, scoring, top_k):
    ids = ids_of(documents)
    indexed, reference = (Bm25Index(ids, documents, **scoring, backend=name) for name in ("indexed", "rank_bm25"))
    assert indexed.scores(query).tobytes() == reference.scores(query).tobytes()
    assert list(indexed.search(query, top_k=top_k)) == list(reference.search(query, top_k=top_k))


@SEVERAL_HUNDRED
@given(texts, queries, scorings, st.integers(1, 8))
def test_the_compiled_loop_finds_what_the_plain_one_finds(documents, query, scoring, top_k):
    from edt.selection import kernel

    postings = Bm25Index(ids_of(documents), documents, **scoring).postings
    assert postings is not None
    words = words_of(query, stop_words=scoring["stop_words"], stem=scoring["stem"])
    positions, scores = kernel.best(
        postings.starts, postings.texts, postings.impacts, postings.numbers(words),
        postings.firsts, postings.members, top_k,
    )  # fmt: skip
    order = np.lexsort((positions, -scores))
    plain = postings.best(words, top_k)
    assert positions[order].tolist() == plain[0].tolist()
    assert scores[order].tobytes() == plain[1].tobytes()


def test_a_large_corpus_goes_through_the_compiled_loop(monkeypatch):
    monkeypatch.setattr("edt.selection.postings.COMPILED_FROM", 3)
    documents = ["count legs", "colour of legs", "shape", "animal", "legs"] * 20
    ids = ids_of(documents)
    large, reference = Bm25Index(ids, documents), Bm25Index(ids, documents, backend="rank_bm25")
    for query in ("legs", "count the shape", "nowhere"):
        assert list(large.search(query, top_k=23)) == list(reference.search(query, top_k=23))


def test_the_cut_falls_inside_a_tie_by_id():
    documents = ["legs wings", "legs", "wings legs", "legs", "shape", "colour", "count", "animal", "legs"]
    hits = Bm25Index(ids_of(documents), documents).search("legs", top_k=4)
    assert [hit.sample_id for hit in hits] == ["s01", "s03", "s08", "s00"]


def test_a_negative_idf_on_a_tiny_corpus_is_the_references():
    documents = ["legs", "legs wings"]
    reference = BM25Okapi([document.split() for document in documents])
    assert reference.idf["legs"] < 0
    assert Bm25Index(["a", "b"], documents).scores("legs").tolist() == reference.get_scores(["legs"]).tolist()


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


def test_ids_and_texts_come_in_pairs():
    with pytest.raises(ValueError, match="2 ids came with 1 texts"):
        Bm25Index(["a", "b"], ["legs"])


def test_stop_words_are_an_option():
    assert words_of("Count the LEGS, of it!", stop_words=True) == ["count", "legs"]
    assert words_of("Count the legs", stop_words=False) == ["count", "the", "legs"]
    assert words_of("counting the legs", stop_words=True, stem=True) == ["count", "leg"]


def test_hits_can_be_sliced():
    hits = Bm25Index(["a", "b", "c", "d"], ["legs", "legs", "x", "y"], idf="lucene").search("legs")
    assert [hit.sample_id for hit in hits[1:]] == ["b"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"k1": -1}, "k1 is -1"),
        ({"b": 2}, "b is 2"),
        ({"epsilon": -0.1}, "epsilon"),
        ({"idf": "tf"}, "'tf'.*okapi"),
        ({"backend": "fast"}, "'fast'.*indexed, rank_bm25"),
        ({"backend": "rank_bm25", "k1": 0}, "divides nothing by nothing"),
    ],
)
def test_settings_out_of_range_are_named(setting, message):
    with pytest.raises(EdtError, match=message):
        Bm25Index(["a"], ["legs"], **setting)
