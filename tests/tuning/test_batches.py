from hypothesis import given
from hypothesis import strategies as st

from edt.tuning.batches import plan, plan_epoch

LENGTHS = st.lists(st.integers(1, 100), min_size=1, max_size=300)


@given(LENGTHS, st.integers(1, 16), st.integers(0, 5))
def test_every_row_comes_once_an_epoch(lengths, batch_size, seed):
    batches = plan(lengths, batch_size=batch_size, seed=seed, epochs=2)
    assert sorted(index for batch in batches for index in batch) == sorted([*range(len(lengths))] * 2)
    assert len(batches) == 2 * -(-len(lengths) // batch_size)


def test_the_order_is_the_seeds():
    lengths = list(range(50))
    first = plan_epoch(lengths, batch_size=4, seed=1, epoch=0)
    assert first == plan_epoch(lengths, batch_size=4, seed=1, epoch=0)
    assert first != plan_epoch(lengths, batch_size=4, seed=2, epoch=0)
    assert first != plan_epoch(lengths, batch_size=4, seed=1, epoch=1)


def test_rows_of_a_batch_are_of_like_length():
    batches = plan_epoch([n % 40 for n in range(200)], batch_size=8, seed=0, epoch=0)
    spread = [max(i % 40 for i in batch) - min(i % 40 for i in batch) for batch in batches]
    assert sum(spread) / len(spread) < 4
