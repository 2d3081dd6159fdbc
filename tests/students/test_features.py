import multiprocessing

import numpy as np
import pytest
from PIL import Image

from edt.errors import EdtError
from edt.paths import pocket_root
from edt.pocket.home import default_home
from edt.students.features import FeatureStore


def store_in(folder, pocket):
    return FeatureStore(folder, tower=pocket / "tower", grid=2, progress=False)


def pictures(pocket):
    return sorted((pocket / "images").iterdir())


def test_features_are_encoded_once(pocket, tmp_path):
    store = store_in(tmp_path, pocket)
    store.encode(pictures(pocket))
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    store_in(tmp_path, pocket).encode(pictures(pocket))
    assert len(files) == 3
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    assert store.load(pictures(pocket)[0]).shape == (4, 1280)
    assert store.load(pictures(pocket)[0]).dtype == np.float16


def test_the_same_picture_under_two_names_is_one(pocket, tmp_path):
    copy = tmp_path / "copy.png"
    copy.write_bytes(pictures(pocket)[0].read_bytes())
    store = store_in(tmp_path / "features", pocket)
    store.encode([pictures(pocket)[0], copy])
    assert len(list((tmp_path / "features").rglob("*.npy"))) == 1


def test_a_file_cut_short_is_made_again(pocket, tmp_path):
    store = store_in(tmp_path, pocket)
    store.encode(pictures(pocket)[:1])
    whole = store.load(pictures(pocket)[0])
    file = next(tmp_path.rglob("*.npy"))
    file.write_bytes(file.read_bytes()[:500])
    store.encode(pictures(pocket)[:1])
    assert np.array_equal(store.load(pictures(pocket)[0]), whole)


def _encode(folder, pocket):
    import torch

    torch.set_num_threads(1)
    store_in(folder, pocket).encode(pictures(pocket))


def test_two_processes_may_fill_one_store(pocket, tmp_path):
    spawn = multiprocessing.get_context("spawn")
    both = [spawn.Process(target=_encode, args=(tmp_path, pocket)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert all(np.load(path).shape == (4, 1280) for path in tmp_path.rglob("*.npy"))
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 3


@pytest.mark.parametrize("content", [b"no picture", b""])
def test_a_broken_picture_is_named(pocket, tmp_path, content):
    broken = tmp_path / "broken.png"
    broken.write_bytes(content)
    with pytest.raises(EdtError, match=r"broken\.png is broken"):
        store_in(tmp_path / "features", pocket).encode([broken])


def test_a_missing_picture_is_named(pocket, tmp_path):
    with pytest.raises(EdtError, match=r"gone\.png cannot be read"):
        store_in(tmp_path, pocket).encode([tmp_path / "gone.png"])


def test_batchnorm_stays_in_eval_mode(pocket, tmp_path):
    """A picture's features do not depend on what it is encoded with."""
    many = [tmp_path / f"{number}.png" for number in range(5)]
    for number, path in enumerate(many):
        Image.new("RGB", (32, 32), (50 * number, 10, 99)).save(path)
    together, alone = store_in(tmp_path / "a", pocket), store_in(tmp_path / "b", pocket)
    together.encode(many)
    alone.encode(many[3:4])
    assert np.array_equal(together.load(many[3]), alone.load(many[3]))


def test_features_are_the_same_to_the_last_bit_in_any_company(tmp_path):
    """With the real tower: its convolutions sum in another order for another number of pictures."""
    paths = sorted((pocket_root() / "data" / "images").glob("0*/*.webp"))[:5]
    together, alone = (
        FeatureStore(tmp_path / name, tower=default_home().tower, grid=4, progress=False) for name in ("all", "one")
    )
    together.encode(paths)
    for path in paths:
        alone.encode([path])
    assert [path.name for path in paths if not np.array_equal(together.load(path), alone.load(path))] == []
