import pytest

from edt.tables.seeds import average, difference, mean_std


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
