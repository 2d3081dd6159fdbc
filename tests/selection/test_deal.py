"""Properties that the tables lean on: size, no repeats, nestedness, and what is left out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edt.errors import EdtError
from edt.selection.deal import Hit, Ranking, Terms, deal, fill

POOL = [f"s{n:02d}" for n in range(24)]


@st.composite
def rankings(draw) -> list[Ranking]:
    def ranking(number: int) -> Ranking:
        ids = draw(st.lists(st.sampled_from(POOL), unique=True, max_size=12))
        hits = [Hit(sample_id=i, rank=r, score=1 / r, text=i[:2]) for r, i in enumerate(ids, 1)]
        return Ranking(query=f"q{number}", error_id=f"e{number}", hits=hits)

    return [ranking(n) for n in range(draw(st.integers(0, 5)))]


excluded = st.frozensets(st.sampled_from(POOL), max_size=24)
shares = st.sampled_from(["skill", "error"])
caps = st.one_of(st.none(), st.integers(1, 4))
rules = st.fixed_dictionaries(
    {"share": shares, "cap_per_text": caps, "top_k": caps, "fill": st.sampled_from(["random", "strict"])}
)


@settings(max_examples=300)
@given(rankings(), excluded, st.integers(0, 30), st.integers(0, 30), rules, st.integers(0, 3))
def test_exact_size_no_repeats_nested_and_disjoint(found, exclude, first, second, rule, seed):
    def dealt(budget):
        return deal(found, POOL, budget=budget, exclude=exclude, round=1, seed=seed, terms=Terms(**rule))

    small, large = dealt(min(first, second)), dealt(max(first, second))
    ids = [pick.sample_id for pick in large]
    assert len(ids) == min(max(first, second), len(POOL) - len(exclude))
    assert len(set(ids)) == len(ids)
    assert not exclude & set(ids)
    assert large[: len(small)] == small
    targeted = [pick.targeted for pick in large]
    assert targeted == sorted(targeted, reverse=True), "filling starts only when nothing targeted is left"
    assert all((pick.query is None) is not pick.targeted for pick in large)


@given(rankings(), excluded, shares, caps)
def test_every_hit_is_dealt_before_anything_is_filled(found, exclude, share, top_k):
    picks = deal(found, POOL, budget=len(POOL), exclude=exclude, round=1, seed=0, terms=Terms(share=share, top_k=top_k))
    reachable = {hit.sample_id for ranking in found for hit in ranking.hits} - exclude
    assert {pick.sample_id for pick in picks if pick.targeted} == reachable


@given(rankings(), excluded, st.integers(1, 4))
def test_the_first_k_of_every_ranking_come_before_any_deeper_hit(found, exclude, top_k):
    picks = deal(found, POOL, budget=len(POOL), exclude=exclude, round=1, seed=0, terms=Terms(top_k=top_k))
    within = {
        (ranking.query, hit.sample_id)
        for ranking in found
        for hit in [hit for hit in ranking.hits if hit.sample_id not in exclude][:top_k]
    }
    deeper = [(pick.query, pick.sample_id) not in within for pick in picks if pick.targeted]
    assert deeper == sorted(deeper)


def _ranking(error: str, *ids: str, query: str = "q") -> Ranking:
    hits = [Hit(sample_id=i, rank=r, score=1.0, text=i) for r, i in enumerate(ids, 1)]
    return Ranking(query=query, error_id=error, hits=hits)


def test_ranks_are_dealt_in_turn():
    found = [_ranking("e1", "s01", "s02", "s03"), _ranking("e2", "s01", "s04", "s05")]
    picks = deal(found, POOL, budget=4, exclude=frozenset(), round=2, seed=0)
    assert [(p.sample_id, p.error_id, p.rank, p.round) for p in picks] == [
        ("s01", "e1", 1, 2), ("s02", "e1", 2, 2), ("s04", "e2", 2, 2), ("s03", "e1", 3, 2),
    ]  # fmt: skip


def test_shares_by_skill_count_identical_queries_once_and_by_error_each():
    found = [_ranking("e1", "s01", "s02", "s03"), _ranking("e2", "s01", "s02", "s03"), _ranking("e3", "s09", query="r")]
    by_skill = deal(found, POOL, budget=2, exclude=frozenset(), round=1, seed=0, terms=Terms(share="skill"))
    by_error = deal(found, POOL, budget=3, exclude=frozenset(), round=1, seed=0, terms=Terms(share="error"))
    assert [p.sample_id for p in by_skill] == ["s01", "s09"]
    assert [p.sample_id for p in by_error] == ["s01", "s02", "s09"]


def test_a_cap_bounds_samples_of_one_text():
    hits = [Hit(sample_id=f"s{n:02d}", rank=n, score=1.0, text="same") for n in range(1, 6)]
    picks = deal(
        [Ranking(query="q", error_id="e", hits=hits)], POOL,
        budget=5, exclude=frozenset(), round=1, seed=0, terms=Terms(cap_per_text=2),
    )  # fmt: skip
    assert [pick.targeted for pick in picks] == [True, True, False, False, False]


def test_filling_is_fixed_by_seed_and_round():
    def filled(seed, round):
        return [p.sample_id for p in fill(POOL, budget=9, exclude=frozenset(), round=round, seed=seed)]

    assert filled(1, 1) == filled(1, 1)
    assert filled(1, 1) != filled(2, 1) != filled(1, 2)


def test_a_negative_budget_and_unknown_rules_are_refused():
    with pytest.raises(ValueError, match="-1"):
        deal([], POOL, budget=-1, exclude=frozenset(), round=1, seed=0)
    with pytest.raises(EdtError, match=r"'fair'.*skill, error"):
        Terms(share="fair")
    with pytest.raises(EdtError, match=r"'none'.*random, strict"):
        Terms(fill="none")
