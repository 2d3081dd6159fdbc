import os

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edt.students.hub.sight import Sight, name_of

SEEN = torch.arange(256, dtype=torch.bfloat16).reshape(16, 16)


def test_what_was_seen_comes_back_as_it_was(tmp_path):
    sight = Sight(tmp_path, depends_on={"weights": "a"}, gigabytes=1.0)
    name = name_of(b"a picture")
    assert sight.find(name) is None
    sight.keep(name, SEEN)
    found = sight.find(name)
    assert found is not None
    assert found.dtype == SEEN.dtype
    assert torch.equal(found, SEEN)
    assert Sight(tmp_path, depends_on={"weights": "b"}, gigabytes=1.0).find(name) is None


def test_a_part_of_a_file_is_looked_at_again(tmp_path):
    sight = Sight(tmp_path, depends_on={}, gigabytes=1.0)
    name = name_of(b"a picture")
    sight.keep(name, SEEN)
    (file,) = tmp_path.rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-1])
    assert sight.find(name) is None
    sight.keep(name, SEEN)
    assert sight.find(name) is not None


def test_what_was_read_last_goes_last(tmp_path):
    sight = Sight(tmp_path, depends_on={}, gigabytes=4000 / 1e9)
    names = [name_of(bytes([number])) for number in range(8)]
    for number, name in enumerate(names[:6]):
        sight.keep(name, SEEN)
        os.utime(sight._file(name), (number, number))
    assert sight.find(names[0]) is not None  # read now
    sight.keep(names[6], SEEN)
    assert sight.find(names[0]) is not None
    assert sight.find(names[1]) is None


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=15), st.integers(0, 5000))
def test_the_limit_holds_whatever_is_kept(tmp_path_factory, sizes, limit):
    folder = tmp_path_factory.mktemp("sight")
    sight = Sight(folder, depends_on={}, gigabytes=limit / 1e9)
    for number, size in enumerate(sizes):
        sight.keep(name_of(bytes([number])), torch.zeros(size, 4))
        assert sum(file.stat().st_size for file in folder.rglob("*.safetensors")) <= limit
