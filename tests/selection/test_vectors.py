import numpy as np
import pytest

from edt.selection.vectors import CHUNK, VectorCache

ITEMS = [f"item {number}" for number in range(CHUNK + 5)]


class Maker:
    """Rows that say which item they are of; counts what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def __call__(self, start: int, stop: int) -> np.ndarray:
        self.asked.append((start, stop))
        return np.array([[number, -number] for number in range(start, stop)], dtype=float)


def test_rows_come_in_order_and_are_made_once(tmp_path):
    cache, make = VectorCache(str(tmp_path)), Maker()
    first = cache.rows("tests", {"model": 1}, ITEMS, make)
    assert first[:, 0].tolist() == list(range(len(ITEMS)))
    assert make.asked == [(0, CHUNK), (CHUNK, CHUNK + 5)]
    again = VectorCache(str(tmp_path)).rows("tests", {"model": 1}, ITEMS, make)
    np.testing.assert_array_equal(first, again)
    assert len(make.asked) == 2


def test_other_items_or_another_model_have_rows_of_their_own(tmp_path):
    cache, make = VectorCache(str(tmp_path)), Maker()
    for about, items in (({"model": 1}, ["a"]), ({"model": 2}, ["a"]), ({"model": 1}, ["b"])):
        cache.rows("tests", about, items, make)
    assert len(make.asked) == 3


def test_a_killed_process_loses_one_run_of_items(tmp_path):
    def killed(start: int, stop: int) -> np.ndarray:
        if start:
            raise KeyboardInterrupt
        return np.ones((stop - start, 2))

    cache, make = VectorCache(str(tmp_path)), Maker()
    with pytest.raises(KeyboardInterrupt):
        cache.rows("tests", {}, ITEMS, killed)
    cache.rows("tests", {}, ITEMS, make)
    assert make.asked == [(CHUNK, CHUNK + 5)]


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b"", lambda data: _flipped(data)])
def test_a_damaged_file_is_made_again(tmp_path, damage):
    cache, make = VectorCache(str(tmp_path)), Maker()
    whole = cache.rows("tests", {}, ["a", "b"], make)
    (file,) = tmp_path.glob("*/*.npz")
    file.write_bytes(damage(file.read_bytes()))
    np.testing.assert_array_equal(cache.rows("tests", {}, ["a", "b"], make), whole)
    assert len(make.asked) == 2


def _flipped(data: bytes) -> bytes:
    """One bit of the last number, which its checksum tells."""
    at = data.index(np.array([1, -1], dtype=np.float32).tobytes())
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_nothing_is_made_of_nothing(tmp_path):
    with pytest.raises(ValueError, match="nothing to make tests of"):
        VectorCache(str(tmp_path)).rows("tests", {}, [], Maker())
