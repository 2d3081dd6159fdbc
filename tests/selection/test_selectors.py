"""The selectors as the loop sees them."""

from pathlib import Path

import pytest

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


def test_top_k_leaves_the_rest_to_chance():
    picks = select(Bm25Selector(top_k=2), [gap("e1", "legs")])
    assert [pick.targeted for pick in picks] == [True, True, False, False, False, False]


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


@pytest.mark.parametrize("setting", [{"top_k": 0}, {"cap_per_text": 0}, {"idf": "bm"}, {"share": "all"}])
def test_bad_settings_are_refused_when_built(setting):
    with pytest.raises(EdtError, match=next(iter(setting))):
        Bm25Selector(**setting)
