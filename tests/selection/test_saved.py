"""Saved indexes: read back as they were, made again where they are damaged or of something else, bounded."""

import logging
import shutil

import pytest

from edt.selection.index import Bm25Index
from edt.selection.postings import Scoring
from edt.selection.saved import saved_index

IDS = [f"s{n:02d}" for n in range(40)]
TEXTS = ["count the legs", "colours ; legs", "the “shape” of an animal", "", "\ud800 broken"] * 8


class Shelf:
    """Indexes under one folder, and how often one had to be made."""

    def __init__(self, root) -> None:
        self.root, self.made = root, 0

    def take(self, data="a", scoring=None, **bound) -> Bm25Index:
        scoring = scoring or Scoring()

        def make():
            self.made += 1
            return Bm25Index(IDS, TEXTS, stem=scoring.stem)

        return saved_index(make, samples={"data": data}, scoring=scoring, root=self.root, **bound)

    def folders(self):
        return sorted(path for path in self.root.glob("index/*") if path.is_dir())


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


def test_what_is_read_is_what_was_made(shelf):
    new, read = shelf.take(), shelf.take()
    assert shelf.made == 1
    for query in ("legs", "the shape of colours", "nothing"):
        assert list(new.search(query, top_k=7)) == list(read.search(query, top_k=7))
        assert new.scores(query).tobytes() == read.scores(query).tobytes()
    assert (read.ids, read.texts) == (new.ids, new.texts)


def test_other_samples_and_settings_are_other_indexes(shelf):
    shelf.take()
    shelf.take(data="b")
    shelf.take(scoring=Scoring(stem=True))
    assert shelf.made == len(shelf.folders()) == 3


@pytest.mark.parametrize("name", ["impacts.npy", "ids.json", "facts.json", "manifest.json"])
def test_a_damaged_one_is_made_again_and_said(shelf, name, caplog):
    whole = list(shelf.take().search("legs"))
    file = shelf.folders()[0] / name
    file.write_bytes(file.read_bytes()[:-3] + b"!!!")
    with caplog.at_level(logging.WARNING):
        assert list(shelf.take().search("legs")) == whole
    assert shelf.made == 2
    assert f"is damaged ({name}); it is made again" in caplog.text
    shelf.take()
    assert shelf.made == 2


def test_a_folder_of_something_else_under_its_name_is_not_believed(shelf, caplog):
    shelf.take(data="a")
    (first,) = shelf.folders()
    shelf.take(data="b")
    (other,) = set(shelf.folders()) - {first}
    shutil.rmtree(first)
    shutil.copytree(other, first)
    with caplog.at_level(logging.WARNING):
        shelf.take(data="a")
    assert shelf.made == 3
    assert "is the index of other samples or settings" in caplog.text


def test_what_was_not_used_for_longest_makes_room(shelf):
    shelf.take("a")
    (first,) = shelf.folders()
    size = sum(file.stat().st_size for file in first.iterdir())
    shelf.take("b")
    shelf.take("a")
    shelf.take("c", most_bytes=int(2.5 * size))
    shelf.take("a")
    assert shelf.made == 3
    assert len(shelf.folders()) == 2
    shelf.take("d", most_bytes=1)
    assert len(shelf.folders()) == 1, "the one in use stays, however large"
