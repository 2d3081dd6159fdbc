"""Hashes of pictures: the same for the same, near for the near, and made once."""

import os

import pytest

from edt.images import hashes
from edt.images.hashes import ImageHashes
from tests.pictures import drawn, put


@pytest.fixture
def paths(tmp_path):
    files = {
        "one.png": drawn(1),
        "copy.png": drawn(1),
        "small.png": drawn(1, size=48),
        "one.jpg": drawn(1, form="JPEG", quality=60),
        "other.png": drawn(2),
        "broken.png": b"x",
    }
    return [str(tmp_path / put(tmp_path, name, data)) for name, data in files.items()] + [str(tmp_path / "none.png")]


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_bytes_and_looks(paths, tmp_path):
    memory = ImageHashes(tmp_path / "memory.sqlite")
    one, copy, small, jpeg, other, broken, gone = memory.content(paths)
    assert one == copy
    assert len({one, small, jpeg, other, broken}) == 5
    assert gone == ""
    one, copy, small, jpeg, other, broken, gone = memory.perceptual(paths)
    assert one == copy
    assert max(distance(one, small), distance(one, jpeg)) <= 4 < 16 < distance(one, other)
    assert broken == gone == ""


def test_what_is_known_is_not_read_again_until_it_changes(paths, tmp_path, monkeypatch):
    memory = ImageHashes(tmp_path / "memory.sqlite")
    first = memory.content(paths)
    read = []
    monkeypatch.setattr(hashes, "_content", lambda path: read.append(path) or "new")
    assert memory.content(paths)[:-1] == first[:-1]
    assert read == [paths[-1]]  # what was not there may have come
    os.utime(paths[0], (1, 1))
    assert memory.content(paths[:2]) == ["new", first[1]]


def test_many_come_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(hashes, "AHEAD", 4)
    paths = [str(tmp_path / put(tmp_path, f"{number}", b"%d" % (number % 3))) for number in range(11)]
    found = ImageHashes(tmp_path / "memory.sqlite").content([*paths, paths[0]])
    assert [found.index(one) for one in found] == [number % 3 for number in range(11)] + [0]
