"""A look over a run before it starts: what is missing is named with how to get it, and no key is shown."""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import partial

import pytest

from edt import doctor
from edt.doctor import examine
from edt.students.hub.files import PUBLISHED, look_at
from tests.harness import ROOT, environment
from tests.pictures import drawn, put
from tests.supporting.flan import pictures, record, write

KEY = "sk-very-secret"


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("EDT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EDT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def own(tmp_path):
    """Options of a run over a small task and dataset of one's own; nothing of it needs a model."""
    lines = []
    for number in range(6):
        image = put(tmp_path / "target", f"{number}.png", drawn(100 + number))
        lines.append({"id": f"t{number}", "image": image, "question": "What colour?", "answer": "red"})
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    write(tmp_path / "data.json", [record(n) for n in range(30)])
    pictures(tmp_path / "images")
    return [
        *("task=custom", f"task.file={tmp_path}/t.jsonl", f"task.images={tmp_path}/target", "task.metric=exact_match"),
        *("task.num_validation=3", "supporting=llava_json", f"supporting.file={tmp_path}/data.json"),
        *(f"supporting.images={tmp_path}/images", "method=random", "tracker=local"),
    ]


def found(overrides):
    return {finding.what: finding for finding in examine(overrides)}


def test_what_is_there_is_said(own):
    findings = found(own)
    assert findings["task custom"].text == "3 test questions"
    assert findings["pictures of test"].text == "3 of 3 opened"
    assert findings["supporting llava_json"].text == "its first 16 records are sound"
    assert findings["selector"].state == "ok"
    assert "teacher" not in findings  # nobody asks it
    assert findings["GPU"].state in ("ok", "note")
    # the pocket student is the one part that these places do not have
    assert [finding.what for finding in findings.values() if finding.state == "missing"] == ["student"]
    assert "python -m edt.pocket.setup" in findings["student"].text


def test_everything_that_is_missing_is_named_at_once():
    findings = found(["task=scienceqa", "supporting=vision_flan_1m", "scale=10k", "tracker=local"])
    texts = {what: finding.text for what, finding in findings.items() if finding.state == "missing"}
    assert "derek-thomas/ScienceQA" in texts["task"]
    assert "Vision-Flan/vision-flan" in texts["supporting"]
    assert {"task", "supporting", "student", "teacher"} <= set(texts)


def test_a_picture_that_is_not_there_is_named(own, tmp_path):
    (tmp_path / "images" / "3.png").unlink()
    assert "16 records are bad: a record (r3): is not there" in found(own)["supporting llava_json"].text
    (tmp_path / "target" / "2.png").write_bytes(b"x")
    missing = [finding.text for finding in examine(own) if finding.state == "missing"]
    assert any("cannot be read as a picture" in text for text in missing)


def test_a_mistyped_option_ends_it():
    (finding,) = examine(["task=scienceq"])
    assert (finding.what, finding.state) == ("configuration", "missing")
    assert "there is no task called 'scienceq'" in finding.text


def test_a_full_disk_is_missing_space(own, monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_GB", 1e9)
    assert [finding.state for finding in examine(own) if finding.what == "disk"] == ["missing"] * 2


@pytest.mark.parametrize("key", [None, KEY])
def test_a_key_is_asked_for_by_name_and_never_shown(key, monkeypatch):
    monkeypatch.delenv("EDT_TEST_KEY", raising=False)
    if key:
        monkeypatch.setenv("EDT_TEST_KEY", key)
    config = doctor.compose(["tracker=local"])
    config.teacher["key_from"] = "EDT_TEST_KEY"
    (finding,) = doctor._keys(config)
    assert finding.state == ("ok" if key else "missing")
    assert "EDT_TEST_KEY" in finding.text
    assert KEY not in finding.text
    random = doctor.compose(["tracker=local", "method=random"])
    random.teacher["key_from"] = "EDT_TEST_KEY"
    assert list(doctor._keys(random)) == []  # it asks no teacher


def test_the_command_prints_all_and_says_by_its_exit_code_whether_something_is_missing(own):
    command = [sys.executable, "-m", "edt.doctor", *own]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    assert "ok  task custom: 3 validation questions" in ended.stdout
    assert "!!  student: " in ended.stdout
    assert "error: 1 of these is missing" in ended.stderr
    assert "Traceback" not in ended.stderr


HUB = ("student=llava_v1_5_7b", "tuner=lora", "student.precision=nf4")


@pytest.fixture
def no_hub(tmp_path, monkeypatch):
    """An empty cache of the hub, and a client that must not be asked to fetch."""
    import huggingface_hub
    from huggingface_hub import constants

    asked, fetch = [], huggingface_hub.snapshot_download

    def watched(*given, **options):
        if not options.get("local_files_only"):
            asked.append(given)
        return fetch(*given, **{**options, "local_files_only": True})

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", watched)
    return asked


def test_a_student_that_is_not_here_is_told_of_and_not_fetched(own, no_hub):
    findings = found([*own, *HUB])
    assert no_hub == []
    assert findings["student"].state == "note"
    assert findings["student"].text == (
        "student.model='llava-hf/llava-1.5-7b-hf' is not here yet; about 14.1 GB will be fetched"
    )
    other = found([*own, *HUB, "student.model=someone/else"])
    assert no_hub == []
    assert other["student"].text == "student.model='someone/else' is not here yet"
    assert list(findings).index("disk") < list(findings).index("task custom")


def test_a_selector_that_looks_into_the_student_waits_for_it(own, no_hub):
    findings = found([*own, *HUB, "method=less"])
    assert no_hub == []
    assert (findings["selector"].state, "is not here yet" in findings["selector"].text) == ("note", True)


def test_room_is_asked_for_what_will_be_fetched(own, no_hub, monkeypatch):
    free = shutil.disk_usage("/").free / 1e9
    monkeypatch.setattr(doctor, "LEAST_GB", free - 10)
    (short,) = [finding for finding in examine([*own, *HUB]) if finding.what == "disk" and finding.state != "ok"]
    assert "about 14.1 GB will be fetched there" in short.text


def test_a_snapshot_that_was_cut_off_is_not_whole(tmp_path):
    from safetensors.torch import save_file
    from torch import zeros

    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    save_file({"a": zeros(1000, 1000)}, tmp_path / "model-1.safetensors")
    look = partial(look_at, str(tmp_path), revision=None, on_gpu=True)
    assert look(precision="bf16").folder is None
    save_file({"b": zeros(500)}, tmp_path / "model-2.safetensors")
    whole = look(precision="bf16")
    assert (whole.folder, whole.lacking_gb) == (tmp_path, 0.0)
    assert whole.memory_gb == pytest.approx(2 * 1_000_500 / 1e9)
    assert look(precision="fp32").memory_gb == pytest.approx(4 * 1_000_500 / 1e9)


def test_a_gpu_that_is_too_small_for_the_weights_is_said(own, no_hub, tmp_path, monkeypatch):
    driver = tmp_path / "bin" / "nvidia-smi"
    driver.parent.mkdir()
    driver.write_text("#!/bin/sh\necho 'Some GPU, 11264 MiB'\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{driver.parent}:{os.environ['PATH']}")
    assert found([*own, *HUB])["GPU's memory"].text == (
        "the student's weights take about 5.0 GB in nf4, of 11.8 GB; tuning and answering come on top"
    )
    small = found([*own, *HUB, "student.precision=bf16"])["GPU's memory"]
    assert small.state == "missing"
    assert "about 14.2 GB in bf16, of 11.8 GB; take student.precision=nf4" in small.text
    assert "GPU's memory" not in found([*own, *HUB, "student.device=cpu"])


def test_sizes_are_those_of_the_choices():
    for file in (ROOT / "conf" / "student").glob("*.yaml"):
        text = file.read_text()
        if size := re.search(r": (\d+) GB to fetch", text):
            model = re.search(r"^model: (\S+)", text, re.M)
            assert model is not None
            assert PUBLISHED[model[1]][0] == pytest.approx(int(size[1]), abs=0.5), file.name


@pytest.fixture
def llava(own, tmp_path):
    from tests.students.hub.tiny import TINY, save

    model = save(TINY["llava"], tmp_path / "llava")
    return [*own, *HUB, f"student.model={model}", "student.device=cpu"]


def test_rows_of_some_samples_are_looked_at_without_the_weights(llava, monkeypatch):
    monkeypatch.setattr("edt.students.hub.student.HubStudent.dress", lambda self: pytest.fail("weights were loaded"))
    findings = found(llava)
    assert findings["student"].state == "ok"
    assert re.fullmatch(r"30 drawn, \d+ tokens each, at most \d+, limit 2048", findings["samples"].text)
    learnt = [finding.text for what, finding in findings.items() if what.startswith("sample r")]
    assert len(learnt) == 3
    assert all(re.fullmatch(r"learns 'Answer: A box of the kind \d+ that stands .*</s>'", text) for text in learnt)
    short = found([*llava, "tuner.max_tokens=20"])["samples"]
    assert short.state == "missing"
    assert "30 are longer than tuner.max_tokens=20, first 'r" in short.text
    assert found([*llava, "tuner.max_tokens=20", "tuner.too_long=drop"])["samples"].state == "note"


def test_samples_that_are_no_use_are_named(llava, tmp_path):
    template = tmp_path / "llava" / "chat_template.jinja"
    template.write_text(template.read_text().replace("<image>", ""))
    findings = [finding for finding in examine(llava) if finding.what == "samples"]
    assert findings[0].state == "missing"
    assert "30 cannot be trained on: sample 'r" in findings[0].text
    assert "image tokens in the wrong place" in findings[0].text


def test_no_picture_outside_is_looked_at(llava, tmp_path):
    put(tmp_path, "outside.png", drawn(7))
    write(tmp_path / "data.json", [record(0), record(1, image="../outside.png"), record(2, image=None)])
    assert found(llava)["samples"].text.startswith("1 drawn")
