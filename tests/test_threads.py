import threading
import time

import pytest
import torch

from edt.threads import Halted, side_by_side


@pytest.fixture
def two_cores():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_results_come_in_order_and_each_piece_has_one_core(two_cores):
    def piece(number):
        return lambda stop: (time.sleep(0.01 * (5 - number)), number, torch.get_num_threads())[1:]

    assert side_by_side([piece(number) for number in range(5)]) == [(number, 1) for number in range(5)]
    assert torch.get_num_threads() == 2


def test_pieces_run_at_the_same_time(two_cores):
    both = threading.Barrier(2, timeout=20)
    assert sorted(side_by_side([lambda stop: both.wait(), lambda stop: both.wait()])) == [0, 1]


def test_a_failure_stops_the_others_and_is_raised(two_cores):
    stopped, begun = [], threading.Event()

    def long(stop):
        begun.set()
        stopped.append(stop.wait(20))
        raise Halted

    def fails(stop):
        begun.wait(20)
        raise ValueError("broken picture")

    with pytest.raises(ValueError, match="broken picture"):
        side_by_side([long, fails])
    assert stopped == [True]
    assert torch.get_num_threads() == 2


def test_one_core_does_them_one_by_one():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert set(side_by_side([lambda stop: threading.get_ident()] * 3)) == {threading.get_ident()}
    finally:
        torch.set_num_threads(before)
