"""The selectors as the loop sees them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edt.errors import EdtError
from edt.selection.baselines import AllSelector, RandomSelector, TaskDescription
from edt.selection.bm25 import Bm25Selector, document_of
from edt.types import Gap, Prediction, Sample


class Shelf:
    """A supporting dataset in memory."""

    name = "shelf"
    root = Path()

    def __init__(self, samples: list[Sample]) -> None:
        self.samples = samples

    def fingerprint(self) -> dict:
        return {}


class Quiz:
    """A task with a description and no samples."""

    name, description, root = "quiz", "Tell how many legs an animal has.", Path()
    validation: tuple[Sample, ...] = ()
    test: tuple[Sample, ...] = ()

    def fingerprint(self) -> dict:
        return {}

    def read(self, sample: Sample, reply: str) -> Prediction:
        raise NotImplementedError


SKILLS = ["counting the legs of an animal", "telling colours apart", "naming the material of furniture"]


def sample(sample_id: str, *skills: str) -> Sample:
    return Sample(id=sample_id, image="", question="?", answer="a", required_skills=skills)


SHELF = Shelf(
    [sample(f"s{n:02d}", SKILLS[n % 3], SKILLS[(n + 1) % 3]) for n in range(30)]
    + [sample(f"t{n:02d}", "reading signs") for n in range(40)]
)


def gap(error: str, skill: str | None) -> Gap:
    return Gap(sample_id=error, step=1, step_text="", skill=skill, state="named" if skill else "failed")


def select(selector, gaps, budget=6, **kwargs):
    settings = {"exclude": frozenset(), "round": 1, "seed": 0, **kwargs}
    return selector.select(gaps, SHELF, Quiz(), budget=budget, **settings)


def test_each_pick_says_why():
    picks = select(Bm25Selector(), [gap("e1", "count legs"), gap("e2", "colours")])
    assert {(p.error_id, p.query) for p in picks} == {("e1", "count legs"), ("e2", "colours")}
    texts = {sample.id: document_of(sample) for sample in SHELF.samples}
    for pick in picks:
        assert pick.targeted
        assert pick.rank is not None
        assert pick.score is not None
        assert pick.score > 0
        assert ("legs" in texts[pick.sample_id]) or (pick.query == "colours" and "colours" in texts[pick.sample_id])


def test_gaps_without_a_skill_are_filled_and_marked():
    picks = select(Bm25Selector(), [gap("e1", None), gap("e2", "the of in"), gap("e3", "nothing known")])
    assert len(picks) == 6
    assert not any(pick.targeted for pick in picks)


def test_a_shortfall_deepens_beyond_k_and_a_strict_rule_leaves_it_to_chance():
    two = [gap("e1", "legs"), gap("e2", "signs")]
    deepened = select(Bm25Selector(top_k=2), two)
    assert [(p.error_id, p.rank) for p in deepened] == [
        ("e1", 1), ("e2", 1), ("e1", 2), ("e2", 2), ("e1", 3), ("e2", 3),
    ]  # fmt: skip
    strict = select(Bm25Selector(top_k=2, fill="strict"), two)
    assert strict[:4] == deepened[:4]
    assert [pick.targeted for pick in strict] == [True] * 4 + [False] * 2


def test_k_counts_what_is_to_be_had():
    used = frozenset({"s00", "s02"})
    picks = select(Bm25Selector(top_k=2, fill="strict"), [gap("e1", "legs")], exclude=used)
    assert [pick.rank for pick in picks if pick.targeted] == [3, 4]


def test_both_backends_pick_the_same_and_share_a_fingerprint():
    gaps = [gap("e1", "count the legs"), gap("e2", "material"), gap("e3", "signs of colours")]
    indexed, reference = Bm25Selector(), Bm25Selector(backend="rank_bm25")
    assert select(indexed, gaps, budget=50) == select(reference, gaps, budget=50)
    assert indexed.fingerprint() == reference.fingerprint()


def test_only_options_that_change_picks_change_the_fingerprint():
    plain = Bm25Selector().fingerprint()
    assert plain == Bm25Selector(fill="strict", saved_from=1).fingerprint()
    assert "stem" not in plain
    assert plain != Bm25Selector(stem=True).fingerprint()
    assert Bm25Selector(top_k=2).fingerprint() != Bm25Selector(top_k=2, fill="strict").fingerprint()


def test_stems_find_other_forms_of_a_word():
    gaps = [gap("e1", "counted leg")]
    assert not any(pick.targeted for pick in select(Bm25Selector(), gaps))
    assert all(pick.targeted for pick in select(Bm25Selector(stem=True), gaps))


@pytest.mark.parametrize("saved_from", [1, 1000])
def test_a_saved_index_picks_what_a_new_one_picks(saved_from, tmp_path, monkeypatch):
    monkeypatch.setenv("EDT_CACHE", str(tmp_path))
    first, second = (select(Bm25Selector(saved_from=saved_from), [gap("e1", "legs")], budget=25) for _ in range(2))
    assert first == second == select(Bm25Selector(backend="rank_bm25"), [gap("e1", "legs")], budget=25)
    assert (tmp_path / "bm25").exists() is (saved_from == 1)


def test_what_is_used_is_not_picked_again_over_rounds():
    first = select(Bm25Selector(), [gap("e1", "legs")])
    used = frozenset(pick.sample_id for pick in first)
    second = select(Bm25Selector(), [gap("e1", "legs")], exclude=used, round=2)
    assert len(second) == 6
    assert not used & {pick.sample_id for pick in second}
    assert second[0].rank == 7


def test_the_task_description_is_the_only_query():
    picks = select(TaskDescription(), [gap("e1", "colours")])
    assert {(pick.error_id, pick.query) for pick in picks} == {(None, Quiz.description)}


def test_random_is_untargeted_and_all_ignores_the_budget():
    assert len(select(RandomSelector(), [])) == 6
    assert not any(pick.targeted for pick in select(RandomSelector(), []))
    everything = select(AllSelector(), [], budget=1, exclude=frozenset({"s00"}))
    assert [pick.sample_id for pick in everything] == [s.id for s in SHELF.samples if s.id != "s00"]


@pytest.mark.parametrize(
    "setting",
    [{"top_k": 0}, {"cap_per_text": 0}, {"idf": "bm"}, {"share": "all"}, {"fill": "none"}, {"backend": "x"}],
)
def test_bad_settings_are_refused_when_built(setting):
    with pytest.raises(EdtError, match=next(iter(setting))):
        Bm25Selector(**setting)


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from([*SKILLS, "signs", "legs of furniture", "the of", None]), max_size=6),
    st.tuples(st.integers(0, 90), st.integers(0, 90), st.integers(0, 90)).map(sorted),
    st.sampled_from([None, 1, 4]),
    st.sampled_from(["random", "strict"]),
)
def test_one_diagnosis_nests_all_scales_and_meets_each_exactly(skills, budgets, top_k, rule):
    gaps = [gap(f"e{number}", skill) for number, skill in enumerate(skills)]
    selector = Bm25Selector(top_k=top_k, fill=rule)
    small, middle, large = (select(selector, gaps, budget=budget) for budget in budgets)
    assert [len(picks) for picks in (small, middle, large)] == [min(budget, len(SHELF.samples)) for budget in budgets]
    assert large[: len(middle)] == middle
    assert middle[: len(small)] == small
    for pick in large:
        why = (pick.error_id, pick.query, pick.rank, pick.score)
        assert all(fact is not None for fact in why) if pick.targeted else set(why) == {None}
