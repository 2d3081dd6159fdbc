"""No sample shares a picture or a near-identical text with the target, and what is dropped is told."""

import json
import logging
import shutil
from pathlib import Path

import pytest

from edt.build import Builder, check
from edt.errors import EdtError
from edt.experiment import compose
from edt.images.hashes import ImageHashes
from edt.protocols import fingerprint_of
from edt.supporting import guard as module
from edt.supporting.llava import LlavaSupporting
from edt.tasks.custom import custom
from tests.harness import FAKE_CONF, FAKES
from tests.pictures import drawn, put
from tests.supporting.flan import pictures, record, write

LEAKED = "Which of these many animals lives in the sea and breathes air at the surface of it?"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EDT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EDT_DATA", str(tmp_path / "data"))


@pytest.fixture
def target(tmp_path):
    """A task of six questions; its pictures are 100 to 105."""
    lines = []
    for number in range(6):
        image = put(tmp_path / "target", f"{number}.png", drawn(100 + number))
        question = LEAKED if number == 3 else f"What is the colour of the thing with the number {number} in it?"
        lines.append(
            {"id": f"t{number}", "image": image, "question": question, "answer": "dolphin" if number == 3 else "red"}
        )
    (tmp_path / "target.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    task = custom(
        file=str(tmp_path / "target.jsonl"), images=str(tmp_path / "target"), metric="exact_match", num_validation=3
    )
    task.source_tasks = ("task2",)
    return task


@pytest.fixture
def data(tmp_path):
    """Records; r2, r5, … are of the target's own source task, r0 and r1 show its pictures, r3 asks its question."""
    images = pictures(tmp_path / "images")
    put(images, "copy.png", drawn(100))
    put(images, "near.jpg", drawn(101, size=96, form="JPEG", quality=70))
    turns = [{"from": "human", "value": f"<image>\n{LEAKED.lower()}"}, {"from": "gpt", "value": "Dolphin."}]
    changes = {0: {"image": "copy.png"}, 1: {"image": "near.jpg"}, 3: {"conversations": turns}}
    return write(tmp_path / "data.json", [record(n, **changes.get(n, {})) for n in range(15)]), images


def supporting(target, data, **options):
    file, images = data
    return LlavaSupporting(target, dataset="llava_json", file=str(file), images=str(images), **options)


def test_what_leaks_is_dropped_and_counted(target, data, caplog):
    one = supporting(target, data)
    with caplog.at_level(logging.INFO, "edt"):
        ids = [sample.id for sample in one.samples]
    assert ids == ["r4", "r6", "r7", "r9", "r10", "r12", "r13"]
    assert one.guarded is not None
    assert dict(one.guarded.dropped) == {
        "of the target's own source task": 5,
        "same image": 1,
        "near-identical image": 1,
        "near-identical text": 1,
    }
    assert "7 samples kept; dropped: 5 of the target's own source task, 1 same image" in caplog.text
    told = [json.loads(line) for line in one.guarded.report.read_text().splitlines()]
    assert {line["id"]: line["why"] for line in told}["r3"] == "near-identical text"
    assert len(told) == 8


@pytest.mark.parametrize(
    ("options", "back"),
    [
        ({"guard_images": "content"}, {"r1"}),
        ({"guard_images": "none"}, {"r0", "r1"}),
        ({"guard_text": None}, {"r3"}),
    ],
)
def test_each_look_can_be_left_out(target, data, options, back):
    whole = {sample.id for sample in supporting(target, data).samples}
    assert {sample.id for sample in supporting(target, data, **options).samples} - whole == back


def test_further_source_tasks_are_left_out_by_name(target, data):
    one = supporting(target, data, exclude=["task1"])
    assert {sample.source_task for sample in one.samples} == {"task0"}
    assert one.name == "llava_json without task1"
    assert len(supporting(target, data, num_samples=2).samples) == 2


def test_without_a_target_it_is_the_whole_dataset_and_says_so(data):
    whole = supporting(None, data)
    assert (len(whole.samples), len(supporting(None, data, exclude=["task1"]).samples)) == (15, 10)
    assert whole.fingerprint()["guard"] is None


def test_the_second_time_nothing_is_compared(target, data, monkeypatch):
    first = [sample.id for sample in supporting(target, data).samples]
    monkeypatch.setattr(module, "_verdicts", None)
    assert [sample.id for sample in supporting(target, data).samples] == first


def test_the_fingerprint_names_what_the_rows_depend_on_and_no_place(target, data, tmp_path):
    first = fingerprint_of(supporting(target, data))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("data.json", "images"):
        (shutil.copytree if name == "images" else shutil.copy)(tmp_path / name, elsewhere / name)
    moved = supporting(target, (elsewhere / "data.json", elsewhere / "images"))
    assert fingerprint_of(moved) == first
    assert str(tmp_path) not in json.dumps(first)
    others = [{"guard_text": 0.8}, {"guard_distance": 2}, {"exclude": ["task1"]}, {"num_samples": 3}, {"turns": "each"}]
    prints = [json.dumps(fingerprint_of(supporting(target, data, **options))) for options in others]
    assert len({json.dumps(first), *prints}) == 6
    target.source_tasks = ()
    assert fingerprint_of(supporting(target, data)) != first


def test_a_target_whose_picture_is_gone_cannot_be_guarded(target, data, tmp_path):
    _ = target.validation, target.test
    (tmp_path / "target" / "2.png").unlink()
    with pytest.raises(EdtError, match=r"the target's picture '2.png' is not to be had under"):
        _ = supporting(target, data).samples


def test_only_pictures_of_a_targets_size_are_read_for_their_bytes(target, data, monkeypatch):
    read = []
    content = ImageHashes.content
    monkeypatch.setattr(
        ImageHashes, "content", lambda self, paths: read.append([Path(p).name for p in paths]) or content(self, paths)
    )
    _ = target.validation
    read.clear()
    _ = supporting(target, data, guard_images="content").samples
    theirs = read[1]
    assert "copy.png" in theirs
    assert "near.jpg" not in theirs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"guard_images": "all"}, "guard_images must be one of none, content, perceptual, not 'all'"),
        ({"guard_distance": 40}, "guard_distance must be 0 to 16 bits, not 40"),
        ({"guard_text": 0.1}, "guard_text must be 0.5 to 1, or null not to look, not 0.1"),
        ({"exclude": "task1"}, r"exclude='task1' must be a list of source tasks, such as \[task1\]"),
        ({"num_samples": 0}, "num_samples must be above 0"),
        ({"look": "close"}, "look must be one of exists, header, decode, not 'close'"),
    ],
)
def test_an_unsound_option_is_named(target, data, options, message):
    with pytest.raises(EdtError, match=message):
        supporting(target, data, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"dataset": "vision_flan_1m"},
            r"vision_flan_1m is not here: .*vision_flan.json; get the dataset Vision-Flan/vis",
        ),
        (
            {"dataset": "llava_665k"},
            r"there is no .*llava_v1_5_mix665k.json; get the dataset liuhaotian/LLaVA-Instruct",
        ),
        ({"dataset": "llava_json"}, r"supporting=llava_json needs supporting.file= .* and supporting.images="),
        ({"dataset": "other"}, r"supporting.dataset 'other' is not known; known are vision_flan_1m, .*llava_json"),
    ],
)
def test_a_dataset_that_is_not_here_says_what_to_get(target, options, message):
    with pytest.raises(EdtError, match=message):
        LlavaSupporting(target, **options)


def test_the_task_is_handed_to_a_dataset_that_wants_it_and_is_no_option(data):
    file, images = data
    others = [fake for fake in FAKES if not fake.startswith("supporting=")]
    places = [f"supporting.file={file}", f"supporting.images={images}", "supporting.guard_images=none"]
    config = compose([*others, "supporting=llava_json", *places, "method=random"], config_dir=FAKE_CONF)
    parts = Builder().parts(config)
    assert len(parts.supporting.samples) == 15
    config.supporting["target"] = "x"
    with pytest.raises(EdtError, match="supporting has no option 'target'"):
        check(config)


def test_a_peek_tells_of_bad_records_without_reading_on(target, data, tmp_path):
    assert supporting(target, data).peek(5) == []
    lines = [record(0), record(1, image="none.png"), record(2, conversations=[]), *map(record, range(3, 9))]
    write(tmp_path / "data.json", lines)
    faults = supporting(target, data).peek(3)
    assert faults == ["a record (r1): is not there", "a record (r2): has no turns"]
