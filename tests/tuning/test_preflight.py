"""What is looked at before a training: the report, and what it refuses."""

import json
import logging

import pytest

from edt.errors import EdtError
from edt.students.trainable import PocketTrainable
from edt.tuning.preflight import census_of, inspect
from edt.tuning.tuner import LightningTuner
from tests.students.hub.tiny import TINY, pictures, save
from tests.students.hub.tiny import samples as hub_samples
from tests.students.hub.tiny import student as hub_student
from tests.students.tiny import samples, student


def tuner(**settings) -> LightningTuner:
    return LightningTuner(**{"batch_size": 4, "epochs": 1, "progress": False, "precision": "fp32", **settings})


@pytest.fixture(scope="module")
def llava(tmp_path_factory):
    root = pictures(tmp_path_factory.mktemp("hub"))
    save(TINY["llava"], root / "llava")
    return root


def test_pocket_s_report_is_said_and_kept(pocket, tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="edt")
    tuner().tune(student(pocket), samples(6), pocket, folder=tmp_path, seed=0)
    found = json.loads((tmp_path / "preflight.json").read_text())
    assert found["census"]["samples"] == 6
    assert found["supervised"] == {
        "s0": "Answer: red",
        "s1": "Step 1: It is green.\nAnswer: green",
        "s2": "Answer: blue",
    }
    assert found["quantised"] == found["adapted"]
    assert found["adapted"]["language_model.model.layers.*.self_attn.q_proj"] == 2
    assert 0 < found["tuned"] < found["weights"]
    assert found["memory"]["weights"] > 0
    assert found["reload"].startswith("32 tensors, bit by bit")
    assert "s1 learns: 'Step 1: It is green.\\nAnswer: green'" in caplog.text
    assert "saved and read again: 32 tensors" in caplog.text
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_a_look_changes_no_weight_of_what_comes_out(pocket, tmp_path):
    keys = [
        tuner(preflight=asked, dropout=0.2).tune(
            student(pocket), samples(6), pocket, folder=tmp_path / f"{asked}", seed=0
        )
        for asked in (True, False)
    ]
    assert keys[0].key == keys[1].key
    assert not (tmp_path / "False" / "preflight.json").exists()


def test_a_hub_student_s_report(llava, tmp_path):
    one = hub_student(llava, "llava", precision="nf4")
    tuner(rank=4, alpha=8).tune(one, hub_samples(5), llava, folder=tmp_path, seed=0)
    found = json.loads((tmp_path / "preflight.json").read_text())
    assert found["supervised"]["s1"] == "Step 1: It is green.\nAnswer: green</s>"
    assert found["quantised"] == found["adapted"]
    assert sum(found["quantised"].values()) == 14
    assert all(name.startswith("model.language_model.layers.*.") for name in found["adapted"])
    assert set(found["dtypes"]) == {"float32", "uint8"}
    assert found["reload"].startswith("32 tensors, bit by bit")


def test_weights_that_do_not_come_back_stop_the_training(pocket, tmp_path, monkeypatch):
    monkeypatch.setattr(PocketTrainable, "restore", lambda self, folder: None)
    with pytest.raises(EdtError, match="32 trained weights do not come back"):
        tuner().tune(student(pocket), samples(4), pocket, folder=tmp_path, seed=0)


def test_a_stray_gradient_stops_the_training(pocket, tmp_path):
    trainable = student(pocket).trainable()
    trainable.start(dropout=0.0)
    rows = trainable.rows(samples(2), pocket)
    census, _ = census_of(rows, ["s0", "s1"], limit=None, too_long="error")
    norm = trainable.module.get_submodule("language_model.model.norm").weight
    norm.requires_grad_(True)  # type: ignore[operator]
    with pytest.raises(EdtError, match=r"language_model\.model\.norm"):
        inspect(trainable, rows, ["s0", "s1"], census=census, batch_size=4, folder=tmp_path)


def test_blank_supervision_stops_the_training(pocket, tmp_path, monkeypatch):
    monkeypatch.setattr(PocketTrainable, "words", lambda self, row: " ")
    with pytest.raises(EdtError, match="'s0' has nothing to learn from"):
        tuner().tune(student(pocket), samples(2), pocket, folder=tmp_path, seed=0)


def test_what_is_too_long_is_named_or_left_out_whole(llava, tmp_path):
    some = hub_samples(8)
    one = hub_student(llava, "llava")
    with pytest.raises(
        EdtError, match=r"of 8 samples are longer than tuner.max_tokens=150, first 's1' with \d+ tokens"
    ):
        tuner(rank=2, alpha=4, max_tokens=150).tune(one, some, llava, folder=tmp_path / "a", seed=0)
    tuner(rank=2, alpha=4, max_tokens=150, too_long="drop").tune(one, some, llava, folder=tmp_path / "b", seed=0)
    census = json.loads((tmp_path / "b" / "preflight.json").read_text())["census"]
    assert census["dropped"] == ["s1", "s3", "s5", "s7"]
    assert census["samples"] == 4
    assert census["longest"] <= 150
    with pytest.raises(EdtError, match="all 8 samples are longer"):
        tuner(max_tokens=5, too_long="drop").tune(one, some, llava, folder=tmp_path / "c", seed=0)


def test_the_shape_of_pocket_s_adapter_is_its_own(pocket, tmp_path):
    for settings in ({"rank": 4}, {"kind": "full"}, {"checkpointing": True}):
        with pytest.raises(EdtError, match="has an adapter of one shape"):
            tuner(**settings).tune(student(pocket), samples(2), pocket, folder=tmp_path, seed=0)
    with pytest.raises(EdtError, match="on one device only"):
        tuner(trainer={"devices": 2}).tune(student(pocket), samples(2), pocket, folder=tmp_path, seed=0)


def test_pocket_too_takes_its_steps_in_passes(pocket, tmp_path):
    for name, trainer in (("whole", None), ("passes", {"accumulate": 2})):
        tuner(trainer=trainer).tune(student(pocket), samples(8), pocket, folder=tmp_path / name, seed=0)
    lines = [(tmp_path / name / "training.jsonl").read_text().splitlines() for name in ("whole", "passes")]
    whole, passes = ([json.loads(line)["loss"] for line in each] for each in lines)
    assert passes == pytest.approx(whole, rel=1e-3)
