"""A file is read once, every record is checked, and each bad one is told."""

import json
import os
import sys
from pathlib import Path

import pytest

from edt.errors import EdtError
from edt.supporting import ingest as module
from edt.supporting.ingest import Reading, ingest
from edt.supporting.rows import ArrowSamples
from tests.harness import run_apart
from tests.images.test_inside import bomb
from tests.pictures import put
from tests.supporting.flan import pictures, record, write


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EDT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def images(tmp_path):
    return pictures(tmp_path / "images")


def told(done):
    return [json.loads(line) for line in done.report.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("form", ["array", "lines"])
def test_sound_records_come_as_samples_in_order(tmp_path, images, form):
    done = ingest(write(tmp_path / "data.json", [record(n) for n in range(30)], form=form), images, Reading())
    samples = ArrowSamples(done.file)
    assert (done.records, done.rows, dict(done.bad)) == (30, 30, {})
    assert [sample.id for sample in samples] == [f"r{n}" for n in range(30)]
    assert samples[4].question == "What is to be seen in the picture with the number 4, say?"
    assert samples[4].source_task == "task1"
    assert samples[-1] == list(samples)[-1]
    assert [sample.id for sample in samples[5:8]] == ["r5", "r6", "r7"]
    with pytest.raises(IndexError, match="sample 30 of 30"):
        samples[30]


TURN = {"from": "human", "value": "What?"}
SAID = {"from": "gpt", "value": "That."}
BAD = [
    (record(1, image="none.png"), "no image", "image"),
    (record(1, image="broken.png"), "broken image", "image"),
    (record(1, image="bomb.png"), "image bomb", "image"),
    (record(1, image="/etc/hostname"), "absolute path", "image"),
    (record(1, image="../secret.png"), "climbing path", "image"),
    (record(1, image="link.png"), "outside", "image"),
    (record(1, image=7), "wrong type", "image"),
    (record(1, image=""), "wrong type", "image"),
    (record(1, conversations=[]), "missing turns", "conversations"),
    (record(1, conversations=[TURN]), "missing turns", "conversations"),
    (record(1, conversations="x"), "wrong type", "conversations"),
    (record(1, conversations=[TURN, "x"]), "wrong type", "conversations[1]"),
    (record(1, conversations=[SAID, TURN]), "wrong type", "conversations[0].from"),
    (record(1, conversations=[TURN, {"from": "gpt", "value": 3}]), "wrong type", "conversations[1].value"),
    (record(1, conversations=[TURN, {"from": "gpt", "value": " "}]), "empty turn", "conversations[1].value"),
    (record(1, conversations=[{"from": "human", "value": "<image>\n"}, SAID]), "empty turn", "conversations[0].value"),
    (record(1, id=None), "wrong type", "id"),
    (record(1, id=1.5), "wrong type", "id"),
    (record(1, task_name=["x"]), "wrong type", "task_name"),
    (record(1, id="r0"), "duplicate id", "id"),
    ([1, 2], "wrong type", ""),
    ("7", "wrong type", ""),
    ('{"id": "r1", "image": "0.png", "conversations": nothing}', "not JSON", ""),
    (json.dumps(record(1)).replace("picture", "pict\udcffure"), "broken UTF-8", "conversations[0].value"),
    (json.dumps(record(1)).replace("picture", "\\ud83d"), "broken UTF-8", "conversations[0].value"),
    (json.dumps(record(1)).replace('"r1"', "NaN"), "wrong type", ""),
    ('{"id": "r1", "id": "r1"}', "wrong type", "id"),
]


@pytest.mark.parametrize(
    ("bad", "kind", "field"), BAD, ids=[f"{number}-{kind}" for number, (_, kind, _) in enumerate(BAD)]
)
def test_a_bad_record_is_told_with_file_record_and_field_and_the_rest_is_kept(tmp_path, images, bad, kind, field):
    put(images, "broken.png", b"x")
    put(images, "bomb.png", bomb(20_000))
    put(tmp_path, "secret.png", (images / "1.png").read_bytes())
    (images / "link.png").symlink_to(tmp_path / "secret.png")
    done = ingest(write(tmp_path / "data.json", [record(0), bad, record(2)]), images, Reading())
    assert [sample.id for sample in ArrowSamples(done.file)] == ["r0", "r2"]
    assert dict(done.bad) == {kind: 1}
    (line,) = told(done)
    assert (line["file"], line["record"], line["kind"], line["field"]) == ("data.json", 2, kind, field)
    assert line["why"]


def test_a_truncated_file_keeps_what_it_has(tmp_path, images):
    path = write(tmp_path / "data.json", [record(n) for n in range(20)])
    path.write_bytes(path.read_bytes()[:-100])
    done = ingest(path, images, Reading())
    assert done.rows == 19
    assert set(done.bad) == {"truncated JSON"}


def test_too_many_bad_records_stop_it_and_are_all_in_the_report(tmp_path, images):
    path = write(tmp_path / "data.json", [record(n, image="none.png" if n % 2 else "0.png") for n in range(20)])
    with pytest.raises(
        EdtError, match=r"has 10 bad records, more than max_bad=9 \(no image\); see .*bad.jsonl"
    ) as caught:
        ingest(path, images, Reading(max_bad=9))
    report = str(caught.value).partition("see ")[2].partition(",")[0]
    assert len(Path(report).read_text("utf-8").splitlines()) == 10
    assert ingest(path, images, Reading(max_bad=10)).rows == 10
    put(images, "none.png", (images / "1.png").read_bytes())
    assert ingest(path, images, Reading(max_bad=9)).rows == 20  # the pictures have come, and the file is the same


def test_nothing_is_read_a_second_time_until_the_file_changes(tmp_path, images, monkeypatch):
    path = write(tmp_path / "data.json", [record(n) for n in range(10)])
    first = ingest(path, images, Reading())
    with monkeypatch.context() as patch:
        patch.setattr(module, "JsonStream", None)
        assert ingest(path, images, Reading(max_bad=5)) == first
    write(path, [record(n) for n in range(11)])
    again = ingest(path, images, Reading())
    assert again.rows == 11
    assert again.sha256 != first.sha256
    os.utime(path, (1, 1))
    assert ingest(path, images, Reading()).sha256 == again.sha256


def test_what_a_killed_process_left_is_not_taken_for_whole(tmp_path, images):
    path = write(tmp_path / "data.json", [record(n) for n in range(10)])
    done = ingest(path, images, Reading())
    os.remove(done.folder / "facts.json")
    assert ingest(path, images, Reading()).rows == 10


def test_ids_that_come_twice_are_renamed_where_the_records_differ(tmp_path, images):
    lines = [record(0), record(1, id="r0"), record(1, id="r0"), record(2)]
    done = ingest(write(tmp_path / "data.json", lines), images, Reading(ids="renamed"))
    ids = [sample.id for sample in ArrowSamples(done.file)]
    assert (ids[0], ids[2], done.renamed) == ("r0", "r2", 1)
    assert ids[1].startswith("r0~")
    assert dict(done.bad) == {"duplicate record": 1}


def test_conversations_and_texts_without_a_picture(tmp_path, images):
    long = record(0, conversations=[TURN, SAID, {"from": "human", "value": "And?"}, {"from": "gpt", "value": "So."}])
    text = {name: value for name, value in record(1).items() if name != "image"}
    path = write(tmp_path / "data.json", [long, text])
    first = ingest(path, images, Reading())
    assert ([sample.question for sample in ArrowSamples(first.file)], first.text_only) == (["What?"], 1)
    each = ArrowSamples(ingest(path, images, Reading(turns="each")).file)
    assert [(sample.id, sample.question) for sample in each] == [("r0", "What?"), ("r0:2", "And?")]


def test_rows_over_several_batches(tmp_path, images, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 7)
    samples = ArrowSamples(
        ingest(write(tmp_path / "data.json", [record(n) for n in range(30)]), images, Reading()).file
    )
    assert [samples[n].id for n in (0, 6, 7, 13, 29, -30)] == ["r0", "r6", "r7", "r13", "r29", "r0"]
    assert samples.column("id").to_pylist() == [sample.id for sample in samples]
    part = samples[3:20:4]
    assert isinstance(part, ArrowSamples)
    assert [sample.id for sample in part] == ["r3", "r7", "r11", "r15", "r19"]
    assert part.column("id").to_pylist() == ["r3", "r7", "r11", "r15", "r19"]


def test_an_option_that_is_unknown_is_named(tmp_path, images):
    with pytest.raises(EdtError, match=r"supporting.look must be one of exists, header, decode, not 'x'"):
        Reading(look="x")
    with pytest.raises(EdtError, match="cannot be read"):
        ingest(tmp_path / "none.json", images, Reading())


def test_an_empty_file_has_no_rows(tmp_path, images):
    done = ingest(write(tmp_path / "data.json", []), images, Reading())
    assert (done.rows, list(ArrowSamples(done.file)), len(ArrowSamples(done.file))) == (0, [], 0)


def test_the_benchmark_prints_a_table_and_then_one_line_of_json(tmp_path):
    results = tmp_path / "ingest.json"
    command = [sys.executable, "experiments/benchmarks/ingest.py", "--records", "12000", "--accesses", "50"]
    done = run_apart([*command, "--results", str(results)], timeout=120)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures == json.loads(results.read_text("utf-8"))
    assert figures["first"]["rows"] == figures["random"]["rows"] == 12000
    assert (figures["first"]["renamed"], figures["first"]["bad"]) == (1, 0)
    assert "JSON to Arrow" in done.stdout
    assert "JSON to Arrow" in results.with_suffix(".txt").read_text("utf-8")
