"""Two splits share no question and no picture, whatever is drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.errors import EdtError
from edt.tasks.items import Item
from edt.tasks.splits import Pools, draw


def item(number: int, picture: int = 0, *, way: int = 0, group: str = "") -> Item:
    name = f"{number}" if not group else f"{group}-{way}"
    return Item(id=name, image=f"{picture}.png", question="?", answer="yes", group=group, turn=way)


def contents(items):
    """Pictures whose number is the same modulo 100 have the same bytes."""
    return [str(int(one.image.removesuffix(".png")) % 100) for one in items]


def drawn(pools, *, num_validation=None, num_test=None, seed=0):
    return draw(pools, num_validation=num_validation, num_test=num_test, seed=seed, contents=contents)


POOL = st.lists(st.integers(0, 250), min_size=4, max_size=40)


@given(POOL, st.integers(1, 3), st.integers(0, 5))
def test_one_pool(pictures, wanted, seed):
    pool = [item(number, picture) for number, picture in enumerate(pictures)]
    try:
        splits = drawn(Pools(validation=pool), num_validation=wanted, seed=seed)
    except EdtError:
        shown = {picture % 100 for picture in pictures}
        assert len(shown) <= wanted  # else some question has a picture that validation has not
        return
    assert len(splits.validation) == wanted
    assert not {one.id for one in splits.validation} & {one.id for one in splits.test}
    assert not set(contents(splits.validation)) & set(contents(splits.test))
    assert len(splits.validation) + len(splits.test) + splits.shared == len(pool)
    assert splits == drawn(Pools(validation=pool[::-1]), num_validation=wanted, seed=seed)


@given(POOL, POOL)
def test_the_test_split_of_a_dataset_stays_whole(first, second):
    own = [item(number, picture) for number, picture in enumerate(first)]
    test = [item(1000 + number, picture) for number, picture in enumerate(second)]
    try:
        splits = drawn(Pools(validation=own, test=test))
    except EdtError:
        assert {picture % 100 for picture in first} <= {picture % 100 for picture in second}
        return
    assert sorted(one.id for one in splits.test) == sorted(one.id for one in test)
    assert not set(contents(splits.validation)) & set(contents(splits.test))


def test_another_seed_draws_others():
    pool = Pools(validation=[item(number, number) for number in range(50)])
    draws = {tuple(one.id for one in drawn(pool, num_validation=5, seed=seed).validation) for seed in range(4)}
    assert len(draws) == 4


def test_a_question_in_several_ways_is_asked_once_on_validation_and_in_all_on_test():
    pool = [item(0, group, way=way, group=str(group)) for group in range(6) for way in (2, 0, 1)]
    splits = drawn(Pools(validation=pool), num_validation=2, num_test=3)
    assert [one.turn for one in splits.validation] == [0, 0]
    assert len(splits.test) == 9
    assert len({one.group for one in splits.test}) == 3


@pytest.mark.parametrize(
    ("pool", "numbers", "message"),
    [
        ([item(1), item(2, 1)], {"num_validation": 2}, "num_validation=2 is more than the 1 questions that are left"),
        ([item(1), item(2, 100)], {"num_validation": 1}, "no question is left for test"),
        ([item(1), item(1, 1), item(2, 2)], {"num_validation": 1}, "question id '1' comes twice"),
        ([item(1), item(2, 1), item(3, 2)], {"num_validation": 1, "num_test": 5}, "num_test=5 is more than the 2"),
    ],
)
def test_too_few_questions(pool, numbers, message):
    with pytest.raises(EdtError, match=message):
        drawn(Pools(validation=pool), **numbers)
