"""Dense and hybrid selection, over fakes and a tiny encoder; and over the real one, on a handful of samples."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from edt.errors import EdtError
from edt.fakes import SKILLS, FakeSupporting, FakeTask
from edt.selection.bm25 import Bm25Selector
from edt.selection.dense import DenseSelector, HybridSelector
from edt.supporting.pocket import PocketSupporting
from edt.types import Gap, Sample, by_id

SUPPORTING = FakeSupporting(size=60)


def gap(error: str, skill: str | None) -> Gap:
    return Gap(sample_id=error, step=1, step_text="", skill=skill, state="named" if skill else "failed")


def select(selector, gaps, budget=8, exclude=frozenset(), round=1):
    return selector.select(gaps, SUPPORTING, FakeTask(), budget=budget, exclude=exclude, round=round, seed=0)


class Shelf:
    """A few samples as a supporting dataset."""

    name, root = "shelf", Path()

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples

    def fingerprint(self) -> dict:
        return {}


@pytest.fixture(params=[DenseSelector, HybridSelector])
def selector(request, encoder, tmp_path):
    return request.param(model=str(encoder), cache=str(tmp_path))


def test_the_samples_that_need_the_skill_come_first_and_say_why(selector):
    picks = select(selector, [gap("e1", SKILLS[2]), gap("e2", SKILLS[4])])
    samples = by_id(SUPPORTING.samples)
    assert len(picks) == len({pick.sample_id for pick in picks}) == 8
    for pick in picks:
        assert pick.targeted
        assert pick.query in samples[pick.sample_id].required_skills
        assert pick.error_id == {SKILLS[2]: "e1", SKILLS[4]: "e2"}[pick.query]
    assert [pick.rank for pick in picks[:4]] == [1, 1, 2, 2]


def test_used_samples_are_left_out_and_errors_without_a_skill_are_filled(selector):
    first = select(selector, [gap("e1", SKILLS[2])])
    used = frozenset(pick.sample_id for pick in first)
    second = select(selector, [gap("e1", SKILLS[2])], budget=4, exclude=used, round=2)
    assert not used & {pick.sample_id for pick in second}
    assert second[0].rank == 9
    assert not any(pick.targeted for pick in select(selector, [gap("e1", None)]))


def test_a_smaller_budget_is_a_prefix(selector):
    gaps = [gap("e1", SKILLS[0]), gap("e2", SKILLS[3])]
    assert select(selector, gaps, budget=9)[:4] == select(selector, gaps, budget=4)


@pytest.mark.parametrize("kind", [DenseSelector, HybridSelector])
@pytest.mark.parametrize(("fill", "targeted"), [("random", 8), ("strict", 3)])
def test_a_shortfall_below_k_deepens_or_is_filled(encoder, tmp_path, kind, fill, targeted):
    selector = kind(model=str(encoder), cache=str(tmp_path), top_k=3, fill=fill)
    assert sum(pick.targeted for pick in select(selector, [gap("e1", SKILLS[2])])) == targeted


def test_reciprocal_ranks_are_added_up(encoder, tmp_path):
    gaps = [gap("e", SKILLS[1])]
    fused = {p.sample_id: p for p in select(HybridSelector(model=str(encoder), cache=str(tmp_path)), gaps, budget=60)}
    near = {p.sample_id: p for p in select(DenseSelector(model=str(encoder), cache=str(tmp_path)), gaps, budget=60)}
    words = {p.sample_id: p for p in select(Bm25Selector(), gaps, budget=60) if p.targeted}
    assert 0 < len(words) < len(near) == len(fused)
    for name, pick in fused.items():
        ranks = [found[name].rank for found in (near, words) if name in found]
        assert pick.score == pytest.approx(sum(1 / (60 + rank) for rank in ranks if rank))


@pytest.mark.parametrize(
    ("kind", "setting"),
    [(DenseSelector, {"top_k": 0}), (DenseSelector, {"share": "all"}), (HybridSelector, {"cap_per_text": 0}),
     (HybridSelector, {"constant": 0}), (HybridSelector, {"depth": 0}), (HybridSelector, {"idf": "tf"})],
)  # fmt: skip
def test_bad_settings_are_refused_when_built(kind, setting):
    with pytest.raises(EdtError, match=next(iter(setting))):
        kind(**setting)


def test_the_real_encoder_finds_what_is_meant_in_other_words(tmp_path):
    found = [sample for sample in PocketSupporting().samples if sample.source_task == "furniture_first"][:96]
    supporting = Shelf(found)
    gaps = [gap("e", "know which pieces give light")]
    picks = DenseSelector(cache=str(tmp_path)).select(
        gaps, supporting, FakeTask(), budget=2, exclude=frozenset(), round=1, seed=0
    )
    samples = by_id(found)
    assert 2 <= sum("giving light" in sample.required_skills[0] for sample in found) < len(found) / 2
    assert all("giving light" in samples[pick.sample_id].required_skills[0] for pick in picks)
