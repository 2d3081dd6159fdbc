"""Scores split by planted gap, on cells of a few questions whose figures are counted by hand."""

from dataclasses import replace

import pytest

from edt.errors import EdtError
from edt.tables.planted import GAP, OTHER, Change, split_by_gap
from tests.tables.test_wide import cell

PLANTED = {"a" * 12: (True, True, False, False), "b" * 12: (False, True, False, True, False, False)}
"""Two questions about gaps of four, and of six."""


def asked(task, method, scale, seed, outcomes):
    return cell(task, method, scale, seed, outcomes, questions=task * 12)


def split(*cells):
    parts = split_by_gap(cells, PLANTED, baseline="random")
    found = {(part.about, part.method, part.scale): part for part in parts}
    assert len(found) == len(parts)
    return found


def there(change: Change | None) -> Change:
    assert change is not None
    return change


def test_each_kind_of_questions_has_its_own_mean_over_tasks_of_means_over_seeds():
    found = split(
        asked("a", "edt", "96", 0, "1100"),
        asked("a", "edt", "96", 1, "1u11"),
        asked("b", "edt", "96", 0, "111000"),
    )
    assert found[GAP, "edt", "96"].score == pytest.approx(((1 + 1 / 2) / 2 + 1 / 2) / 2)
    assert found[OTHER, "edt", "96"].score == pytest.approx(((0 + 1) / 2 + 2 / 4) / 2)
    assert found[GAP, "edt", "96"].tasks == ("a", "b")
    assert (found[GAP, "edt", "96"].runs, found[GAP, "edt", "96"].seeds) == (3, (0, 1))


def test_what_is_learnt_and_what_is_lost_are_told_apart_against_the_untuned_student_with_every_seed():
    found = split(
        asked("a", "pretrained", "", 0, "1011"),
        asked("a", "edt", "96", 0, "0110"),
        asked("a", "edt", "96", 1, "1110"),
    )
    gap, other = (there(found[about, "edt", "96"].to_untuned) for about in (GAP, OTHER))
    assert (gap.learnt, gap.lost, gap.mean) == pytest.approx((1 / 2, 1 / 4, 1 / 4))
    assert (other.learnt, other.lost, other.mean) == pytest.approx((0, 1 / 2, -1 / 2))
    assert gap.low < gap.mean < gap.high
    assert (gap.runs, gap.seeds) == (2, (0, 1))
    assert found[GAP, "pretrained", ""].to_untuned is None


def test_a_difference_to_the_baseline_is_paired_at_equal_scale_seed_and_questions():
    found = split(
        asked("a", "random", "96", 0, "1000"),
        asked("a", "edt", "96", 0, "1100"),
        asked("a", "edt", "96", 1, "0000"),
        asked("a", "edt", "264", 0, "1111"),
        cell("b", "random", "96", 0, "1111", questions="a" * 12),
        asked("b", "edt", "96", 0, "111111"),
    )
    change = there(found[GAP, "edt", "96"].to_baseline)
    assert (change.mean, change.learnt, change.lost) == pytest.approx((1 / 2, 1 / 2, 0))
    assert (change.tasks, change.seeds) == (("a",), (0,))
    assert there(found[OTHER, "edt", "96"].to_baseline).mean == 0
    assert found[GAP, "edt", "264"].to_baseline is None
    assert found[GAP, "random", "96"].to_baseline is None


@pytest.mark.parametrize(
    ("seeds", "tasks", "shared"),
    [
        ({"a": (0, 1), "b": (0, 1)}, ("a", "b"), (0, 1)),
        ({"a": (0, 1, 2), "b": (0, 1)}, ("a", "b"), (0, 1)),
        ({"a": (0, 1, 2), "b": (2,)}, ("a", "b"), (2,)),
        ({"a": (0, 1), "b": (2,)}, ("a",), (0, 1)),
    ],
)
def test_a_seed_that_few_tasks_have_takes_no_task_from_the_difference(seeds, tasks, shared):
    outcomes = {"a": "1100", "b": "010100"}
    of = [(task, seed) for task in seeds for seed in seeds[task]]
    found = split(
        *(asked(task, "random", "96", seed, outcomes[task]) for task in outcomes for seed in (0, 1, 2)),
        *(asked(task, "edt", "96", seed, outcomes[task]) for task, seed in of),
    )
    part = found[GAP, "edt", "96"]
    assert part.runs == len(of)
    change = there(part.to_baseline)
    assert (change.tasks, change.seeds, change.runs) == (tasks, shared, len(tasks) * len(shared))


def test_a_task_without_a_gap_is_in_the_mean_of_the_other_questions_only():
    cells = [asked("a", "edt", "96", 0, "1100"), cell("c", "edt", "96", 0, "11", questions="c" * 12)]
    gap, other = split_by_gap(cells, {**PLANTED, "c" * 12: (False, False)}, baseline="random")
    assert (gap.about, gap.tasks, gap.score) == (GAP, ("a",), 1)
    assert (other.about, other.tasks, other.score) == (OTHER, ("a", "c"), 1 / 2)


def test_untuned_students_come_first_and_scales_in_their_order():
    cells = [
        asked("a", method, scale, 0, "1100")
        for method, scale in (("random", "88"), ("random", "264"), ("edt", "88"), ("edt", "264"), ("pretrained", ""))
    ]
    order = [(method, scale) for about, method, scale in split(*cells) if about == GAP]
    assert order == [("pretrained", ""), ("random", "88"), ("edt", "88"), ("random", "264"), ("edt", "264")]


def test_two_runs_at_one_place_are_refused():
    one = asked("a", "edt", "96", 0, "1100")
    with pytest.raises(EdtError, match="one student and one teacher"):
        split(one, one)


def test_students_are_compared_with_their_own():
    other = [
        replace(asked("a", "random_other", "96", 0, "0000"), student="other"),
        replace(asked("a", "edt_other", "96", 0, "1111"), student="other"),
    ]
    found = split(asked("a", "random", "96", 0, "1000"), *other)
    assert found[GAP, "edt_other", "96"].to_baseline is None


def test_two_untuned_runs_of_one_student_that_differ_are_refused():
    same = asked("a", "pretrained", "", 0, "1011")
    assert split(same, replace(same, seed=1, run="again"))
    with pytest.raises(EdtError, match=r"both of the untuned student 'pocket' on a and answer otherwise"):
        split(same, asked("a", "prompted", "", 0, "0000"))
