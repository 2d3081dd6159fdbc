"""What is said of identifiers and teachers, counted by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.classification import multiclass_cohen_kappa

from edt.diagnosis.contest import Judge, agreements, kappa, overlap
from edt.diagnosis.frozen import planted
from edt.pocket.oracle import OracleAnalyst, OracleIdentifier
from edt.pocket.skills import wordings
from edt.teachers.meter import Bill
from edt.types import Gap, Mistake, Sample, Truth
from tests.diagnosis.test_frozen import SAMPLES

ERRORS = planted("furniture", SAMPLES, 12, seed=0)
BILL = Bill(calls=0, tokens=0, usd=0.0, seconds=0.0, counted=False)
SKILLS = sorted({skill for sample in SAMPLES for skill in (sample.truth.skills if sample.truth else ())})
SUPPORTING = [
    Sample(
        id=f"s{number}",
        image="",
        question="?",
        answer="!",
        required_skills=(wordings(skill)[0],),
        truth=Truth(object_id="o", facts={}, slots=("use",), skills=(skill,)),
    )
    for number, skill in enumerate(SKILLS)
]
JUDGE = Judge(ERRORS, SUPPORTING)
NO_GAPS = [Gap(sample_id="", step=None, step_text="", skill=None, state="abstained") for _ in ERRORS]


def mistakes(*steps: int | None, failed: bool = False) -> list[Mistake]:
    return [Mistake(sample_id="", step=step, reason="", failed=failed and step is None) for step in steps]


def test_the_oracle_places_every_mistake_and_its_skills_find_what_is_needed():
    found = JUDGE.place(OracleIdentifier())
    gaps = JUDGE.name(OracleAnalyst(), [mistake.step for mistake in found])
    placing = JUDGE.placing(found, gaps, BILL)
    assert (placing.exact.count, placing.near.count, placing.found.count) == (12, 12, 12)
    assert (placing.abstained, placing.failed) == (0, 0)
    assert placing.by_task["furniture"].n == 12


def test_near_misses_abstentions_and_failures_are_told_apart():
    true = JUDGE.steps
    beside = [step + 1 for step in true]
    assert JUDGE.placing(mistakes(*beside), NO_GAPS, BILL).near.count == 12
    assert JUDGE.placing(mistakes(*beside), NO_GAPS, BILL).exact.count == 0
    some = JUDGE.placing(mistakes(*true[:4], *[None] * 8, failed=True), NO_GAPS, BILL)
    assert (some.exact.count, some.near.count, some.abstained, some.failed) == (4, 4, 8, 8)
    assert JUDGE.placing(mistakes(*true[:4], *[None] * 8), NO_GAPS, BILL).failed == 0


def test_a_wrong_skill_and_a_failed_one_find_nothing_that_is_needed():
    def gap(skill: str | None) -> Gap:
        return Gap(sample_id="", step=1, step_text="", skill=skill, state="named" if skill else "failed")

    named = JUDGE.naming([gap("zebra crossing")] * 6 + [gap(None)] * 6, BILL)
    assert (named.named, named.failed, named.found.count, named.found.n) == (6, 6, 0, 12)


ratings = st.lists(st.tuples(st.sampled_from([None, 1, 2, 3]), st.sampled_from([None, 1, 2, 3])), min_size=1)


@given(ratings)
def test_kappa_is_that_of_torchmetrics(pairs):
    first, second = ([step or 0 for step in steps] for steps in zip(*pairs, strict=True))
    reference = float(multiclass_cohen_kappa(torch.tensor(first), torch.tensor(second), num_classes=4))
    if math.isnan(reference):  # nothing but one choice on both sides
        assert kappa(first, second) == 1.0
    else:
        assert kappa(first, second) == pytest.approx(reference, abs=1e-5)


def test_kappa_by_hand():
    assert kappa([1, 1, 2, None], [1, 1, 2, None]) == 1.0
    assert kappa([1, 2], [2, 1]) == -1.0
    assert kappa([1, 1, 2, 2], [1, 2, 1, 2]) == 0.0
    with pytest.raises(ValueError, match="not 1 and 2"):
        kappa([1], [1, 2])


def test_agreement_is_of_every_pair_and_words_only_where_both_named_a_skill():
    def gaps(*skills: str | None) -> list[Gap]:
        return [Gap(sample_id="", step=1, step_text="", skill=s, state="named" if s else "failed") for s in skills]

    steps = {"a": [1, 2], "b": [1, 2], "c": [2, None]}
    found = agreements(steps, {"a": gaps("count legs", None), "b": gaps("count arms", "see"), "c": gaps(None, None)})
    assert [(pair.first, pair.second) for pair in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert (found[0].kappa, found[0].overlap, found[0].compared) == (1.0, 0.3333, 1)
    assert (found[1].overlap, found[1].compared) == (None, 0)


@given(st.text(max_size=20), st.text(max_size=20))
def test_overlap_is_a_share_and_knows_no_order(first, second):
    assert 0 <= overlap(first, second) == overlap(second, first) <= 1
    assert overlap(first, first) == 1
