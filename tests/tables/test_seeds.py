import random
import tracemalloc

import pytest

from edt.tables.seeds import AT_ONCE, DRAWS, average, difference, difference_test, difference_tests, mean_std


def test_an_average_has_its_spread_and_interval():
    found = average([[True] * 60 + [False] * 40, [True] * 70 + [False] * 30])
    assert found.mean == pytest.approx(0.65)
    assert found.std == pytest.approx(0.0707, abs=1e-3)
    assert (found.seeds, found.items) == (2, 100)
    assert 0.5 < found.low < 0.65 < found.high < 0.8


def test_a_difference_is_paired():
    ours = [[True, True, False] * 30]
    theirs = [[True, False, False] * 30]
    found = difference(ours, theirs)
    assert found.mean == pytest.approx(1 / 3)
    assert found.low > 0.2
    same = difference(ours, ours)
    assert (same.mean, same.low, same.high) == (0, 0, 0)


def test_one_seed_has_no_spread():
    assert mean_std([0.5]) == (0.5, None)
    assert average([[True, False]]).std is None
    with pytest.raises(ValueError, match="at least one seed"):
        average([])


def test_the_mean_over_tasks_resamples_seeds_for_all_tasks_at_once():
    yes, no = [True] * 8, [False] * 8
    found, p = difference_test([[yes, no], [no, yes]], [[no, no], [no, no]])
    assert (found.mean, found.std, found.seeds, found.items) == (0.5, 0, 2, 16)
    # a seed that is good at one task is bad at the other: every draw of seeds comes to the same mean
    alike, _ = difference_test([[yes, no], [yes, no]], [[no, no], [no, no]])
    assert (alike.mean, alike.low, alike.high) == (0.5, 0, 1)
    assert p < 1
    mixed, _ = difference_test([[yes, yes], [no, yes]], [[no, no], [no, yes]])
    assert mixed.mean == 0.5


def test_tasks_may_differ_in_size_and_weigh_the_same():
    ours, theirs = [[[True] * 4], [[True] * 10 + [False] * 90]], [[[False] * 4], [[False] * 100]]
    found, _ = difference_test(ours, theirs)
    assert found.mean == pytest.approx((1 + 0.1) / 2)
    assert found.low < found.mean < found.high
    assert found.std is None


def test_one_task_is_as_the_difference_of_it():
    ours, theirs = [[True, True, False] * 9] * 2, [[True, False, False] * 9] * 2
    assert difference_test([ours], [theirs])[0] == difference(ours, theirs)
    with pytest.raises(ValueError, match="at least one seed"):
        difference_test([], [])


def drawn(seed, *, seeds, items, tasks):
    draw = random.Random(seed)
    return [[[draw.random() < 0.6 for _ in range(items)] for _ in range(seeds)] for _ in range(tasks)]


def test_many_pairs_at_once_come_to_what_each_comes_to_alone():
    shapes = [(2, 5, 1), (1, 5, 1), (2, 4, 3)] * (AT_ONCE + 1)
    one, other = (
        [drawn(f"{side}{n}", seeds=s, items=i, tasks=t) for n, (s, i, t) in enumerate(shapes)] for side in "ab"
    )
    found = difference_tests(list(zip(one, other, strict=True)))
    for n in (0, 1, 2, len(shapes) - 3, len(shapes) - 2, len(shapes) - 1):
        assert found[n] == difference_test(one[n], other[n])
    assert difference_tests([]) == []


def test_resamples_are_always_the_same():
    ours, theirs = (drawn(side, seeds=3, items=50, tasks=2) for side in "ab")
    found, p = difference_test(ours, theirs)
    assert (found.low, found.high, p) == (-0.036666666667, 0.19, 0.1853953651158721)  # on every machine


def test_the_least_p_is_of_all_draws():
    _, p = difference_test([[[True] * 30] * 2], [[[False] * 30] * 2])
    assert p == 2 / (DRAWS + 1)


def test_many_questions_take_little_memory():
    ours, theirs = (drawn(side, seeds=2, items=1000, tasks=1) for side in "ab")
    difference_test([[[True]]], [[[False]]])  # what is imported is not counted
    tracemalloc.start()
    difference_test(ours, theirs)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40_000_000  # all draws at once would be 160 MB, were they four bytes each
