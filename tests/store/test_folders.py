import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edt.errors import EdtError
from edt.store.folders import MANIFEST, Store, damage_of


def write(text="42"):
    return lambda folder: (folder / "result.txt").write_text(text)


def never(folder):
    raise AssertionError("the result was there already")


def test_a_result_is_made_once_and_found_again(tmp_path):
    store = Store(tmp_path)
    first = store.fetch("predict", "k", write(), about={"inputs": {}})
    again = store.fetch("predict", "k", never, about={})
    assert (first.reused, again.reused) == (False, True)
    assert again.folder == first.folder == tmp_path / "predict" / "k"
    assert again.seconds == pytest.approx(first.seconds)
    assert list(json.loads((first.folder / MANIFEST).read_text())["files"]) == ["result.txt"]


def test_a_maker_that_fails_leaves_nothing_to_be_taken_for_a_result(tmp_path):
    def fail(folder):
        write("half")(folder)
        raise EdtError("no")

    with pytest.raises(EdtError):
        Store(tmp_path).fetch("predict", "k", fail, about={})
    assert not (tmp_path / "predict" / "k").exists()
    assert Store(tmp_path).fetch("predict", "k", write(), about={}).folder.joinpath("result.txt").read_text() == "42"


@pytest.mark.parametrize("damage", ["change", "remove", "manifest", "no manifest", "not an object"])
def test_a_damaged_result_is_made_again_and_reported(tmp_path, caplog, damage):
    store = Store(tmp_path)
    folder = store.fetch("predict", "k", write(), about={}).folder
    match damage:
        case "change":
            (folder / "result.txt").write_text("43")
        case "remove":
            (folder / "result.txt").unlink()
        case "manifest":
            (folder / MANIFEST).write_text('{"files": {')
        case "no manifest":
            (folder / MANIFEST).unlink()
        case "not an object":
            (folder / MANIFEST).write_text("[]")
    with caplog.at_level(logging.WARNING, logger="edt.store"):
        again = store.fetch("predict", "k", write(), about={})
    assert not again.reused
    assert (again.folder / "result.txt").read_text() == "42"
    assert "damaged" in caplog.text


def test_a_result_whose_maker_was_killed_at_the_last_moment_is_taken_as_it_is(tmp_path):
    folder = Store(tmp_path).fetch("tune", "k", write(), about={}).folder
    folder.rename(folder.with_name("k.part"))
    assert Store(tmp_path).fetch("tune", "k", never, about={}).reused
    folder.rename(folder.with_name("k.part"))
    (folder.with_name("k.part") / "result.txt").write_text("43")
    assert not Store(tmp_path).fetch("tune", "k", write(), about={}, resumable=True).reused
    assert (folder / "result.txt").read_text() == "42"


ODD = {
    "a list": "[]",
    "no files": '{"seconds": 1, "files": {}}',
    "no seconds": '{"files": {"result.txt": "a"}}',
    "numbers as text": '{"seconds": "1", "files": {"result.txt": "a"}}',
    "endless": '{"seconds": 1e999, "files": {"result.txt": "a"}}',
    "too large for a float": f'{{"seconds": 1{"0" * 400}, "files": {{"result.txt": "a"}}}}',
    "too many digits": f'{{"seconds": 1{"0" * 5000}, "files": {{"result.txt": "a"}}}}',
    "pairs": '{"seconds": 1, "files": [["result.txt", "a"]]}',
    "a number for a checksum": '{"seconds": 1, "files": {"result.txt": 1}}',
    "deep": "[" * 100_000,
    "names no file has": '{"seconds": 1, "files": {"\\ud800": "a", "\\u0000": "a", "": "a", "..": "a"}}',
    "a long name": f'{{"seconds": 1, "files": {{"{"x" * 5000}": "a"}}}}',
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_a_manifest_that_no_store_has_written_is_damage(tmp_path, text):
    folder = Store(tmp_path).fetch("predict", "k", write(), about={}).folder
    (folder / MANIFEST).write_text(text)
    (damaged, *_) = damage_of(folder)
    damaged.encode()
    assert not Store(tmp_path).fetch("predict", "k", write(), about={}).reused
    assert not damage_of(folder)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["seconds", "files", "result.txt"]) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(JSON | st.fixed_dictionaries({"seconds": JSON, "files": JSON}))
def test_any_json_for_a_manifest_is_damage_and_never_an_error(data):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write()(folder)
        (folder / MANIFEST).write_text(json.dumps(data))
        assert damage_of(folder)


@settings(max_examples=50)
@given(st.binary(max_size=40))
def test_any_bytes_for_a_manifest_are_damage(data):
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / MANIFEST).write_bytes(data)
        assert damage_of(Path(place)) == [MANIFEST]


@pytest.mark.parametrize("where", ["k", "k.part", "k/manifest.json", "k.part/manifest.json"])
@pytest.mark.parametrize("resumable", [True, False])
def test_a_file_for_a_folder_or_a_folder_for_a_file_is_made_again(tmp_path, where, resumable):
    path = tmp_path / "predict" / where
    if path.name == MANIFEST:
        path.mkdir(parents=True)
    else:
        path.parent.mkdir()
        path.write_text("odd")
    stored = Store(tmp_path).fetch("predict", "k", write(), about={}, resumable=resumable)
    assert not stored.reused
    assert (stored.folder / "result.txt").read_text() == "42"
    assert not (tmp_path / "predict" / "k.part").exists()


def test_only_a_resumable_stage_sees_what_was_left(tmp_path):
    left = {}
    for stage, resumable in (("predict", False), ("tune", True)):
        part = tmp_path / stage / "k.part"
        part.mkdir(parents=True)
        (part / "left.txt").write_text("half")

        def make(folder, stage=stage):
            left[stage] = (folder / "left.txt").exists()

        Store(tmp_path).fetch(stage, "k", make, about={}, resumable=resumable)
    assert left == {"predict": False, "tune": True}


def test_of_two_that_need_a_result_one_makes_it(tmp_path):
    made, found = [], []

    def slow(folder):
        made.append(1)
        time.sleep(0.4)
        write()(folder)

    def fetch():
        found.append(Store(tmp_path).fetch("predict", "k", slow, about={}).reused)

    threads = [threading.Thread(target=fetch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert sorted(found) == [False, True, True]


KILLED = """
import sys, time
from pathlib import Path
from edt.store.folders import Store
def make(folder):
    (folder / "result.txt").write_text("half")
    print("half", flush=True)
    time.sleep(60)
Store(sys.argv[1]).fetch("predict", "k", make, about={})
"""


def test_sigkill_in_the_middle_of_a_stage_leaves_no_result_and_no_lock(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "predict" / "k").exists()
    stored = Store(tmp_path).fetch("predict", "k", write("whole"), about={})
    assert (stored.folder / "result.txt").read_text() == "whole"
    assert not (tmp_path / "predict" / "k.part").exists()


def test_a_root_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EdtError, match=r"store.root .*file"):
        Store(tmp_path / "file").fetch("predict", "k", write(), about={})
