import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.config import Budget
from edt.stopping import divergence, likeness, reason_to_stop, skill_shares
from edt.types import Gap, RoundRecord, Score
from tests.harness import run_here

shares = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 9), min_size=1).map(
    lambda counts: {skill: count / sum(counts.values()) for skill, count in counts.items()}
)


def gaps(*skills: str | None) -> tuple[Gap, ...]:
    return tuple(
        Gap(sample_id=str(n), step=1, step_text="", skill=skill, state="named" if skill else "failed")
        for n, skill in enumerate(skills)
    )


@given(shares, shares)
def test_divergence_is_symmetric_bounded_and_nought_for_equals(first, second):
    found = divergence(first, second)
    assert 0 <= found <= 1
    assert found == pytest.approx(divergence(second, first))
    assert divergence(first, first) == pytest.approx(0, abs=1e-12)
    if not first.keys() & second.keys():
        assert found == pytest.approx(1)


def test_divergence_by_hand():
    by_hand = 0.5 * math.log2(1 / 0.75) + 0.25 * math.log2(0.5 / 0.75) + 0.25 * math.log2(0.5 / 0.25)
    assert divergence({"a": 1.0}, {"a": 0.5, "b": 0.5}) == pytest.approx(by_hand)


def test_only_named_skills_count():
    assert skill_shares(gaps("a", None, "a", "b")) == {"a": 2 / 3, "b": 1 / 3}
    assert likeness(gaps("a", "b"), gaps("b", None, "a")) == 1.0
    assert likeness(gaps("a"), gaps("b")) == 0.0
    assert likeness(gaps(None), gaps("a")) is None


def score(right: int) -> Score:
    return Score(score=right / 10, n=10, right=right, unparsed=0, low=0.0, high=1.0)


def record(right: int, *skills: str | None) -> RoundRecord:
    return RoundRecord(
        index=2, validation=score(right), errors=10 - right, abstained=0, failed=0, gaps=gaps(*skills), mistakes=(),
        picks=(), adapter=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("budget", "right", "skills", "reason"),
    [
        (Budget(), 4, "aab", ""),
        (Budget(stop="no_gain"), 6, "aab", ""),
        (Budget(stop="no_gain"), 5, "xyz", "no_gain: round 2 took the validation score from 50.0% to 50.0%"),
        (Budget(stop="converged"), 4, "aab", r"converged: after round 2 the missing skills .*\(likeness 1.00\)"),
        (Budget(stop="converged"), 4, "xyz", ""),
        (Budget(stop="converged", likeness=0.95), 4, "abb", ""),
        (Budget(stop="converged"), 4, "abb", r"\(likeness 0.92\)"),
        (Budget(stop="converged"), 9, "", "converged: after round 2 no missing skill is found any more"),
        (Budget(stop="converged"), 4, [None, None], ""),
    ],
)
def test_when_a_run_stops(budget, right, skills, reason):
    found = reason_to_stop(budget, [record(5, *"aab")], score(right), gaps(*skills))
    assert re.search(reason, found) if reason else found == ""


def test_a_student_whose_replies_cannot_be_read_has_not_converged():
    unread = Score(score=0.0, n=10, right=0, unparsed=10, low=0.0, high=1.0)
    assert reason_to_stop(Budget(stop="converged"), [record(5, *"aab")], unread, ()) == ""


def test_there_is_no_reason_before_the_first_round_or_where_no_gap_was_looked_at():
    for stop in ("converged", "no_gain"):
        assert reason_to_stop(Budget(stop=stop), [], score(1), gaps("a")) == ""
    assert reason_to_stop(Budget(stop="converged"), [record(5, None)], score(5), gaps(None)) == ""


def test_a_run_ends_with_its_reason_and_with_what_it_had(tmp_path):
    report = run_here(tmp_path, "scale=192", "budget.rounds=4", "budget.stop=converged").report
    assert [len(one.picks) for one in report.rounds] == [48]
    assert report.stopped == "converged: after round 1 no missing skill is found any more"
    assert report.adapter == report.rounds[0].adapter
    whole = run_here(tmp_path, "scale=192", "budget.rounds=4", name="whole").report
    assert whole.stopped == ""
    assert len(whole.rounds) == 4
    assert whole.rounds[0] == report.rounds[0]


def test_what_brings_nothing_is_stopped(tmp_path):
    report = run_here(tmp_path, "scale.samples=4", "budget.stop=no_gain").report
    assert [len(one.picks) for one in report.rounds] == [2]
    assert report.stopped.startswith("no_gain: round 1 took the validation score from 16.7% to 16.7%")
