"""Selections for other trainers, read back as they read them; adapters merged and loaded as any checkpoint is."""

import json
import shutil
import sys
from typing import Any

import pytest
import torch

from edt.errors import EdtError
from edt.students.format import format_reply
from edt.students.hub.processor import load_processor
from edt.students.qwen2_vl import Qwen2Vl
from edt.tuning.export import export_selection, main, merge_adapter, picks_of
from edt.tuning.tuner import LightningTuner
from tests.harness import ROOT, run_apart, run_here
from tests.students.hub.tiny import TINY, pictures, samples, save, student
from tests.tuning.exported import written


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run over fakes whose supporting dataset has pictures."""
    return run_here(tmp_path_factory.mktemp("runs"), "scale.samples=12").folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Samples with real pictures, with and without steps."""
    return pictures(tmp_path_factory.mktemp("data"))


def load(kind, folder) -> Any:
    from datasets import load_dataset

    file = "selection.json" if kind == "llamafactory" else "selection.jsonl"
    return load_dataset("json", data_files=str(folder / file), split="train", cache_dir=str(folder / "cache"))


@pytest.mark.parametrize("kind", ["llamafactory", "ms_swift"])
def test_messages_mark_as_many_pictures_as_there_are(data, tmp_path, kind):
    some = written(kind, data, tmp_path)
    rows = load(kind, tmp_path)
    assert len(rows) == len(some)
    for row, sample in zip(rows, some, strict=True):
        user, assistant = row["messages"]
        assert (user["role"], assistant["role"]) == ("user", "assistant")
        assert user["content"].count("<image>") == len(row["images"]) == 1
        assert sample.question in user["content"]
        assert assistant["content"].endswith(f"Answer: {sample.answer}")
        assert (data / sample.image).samefile(row["images"][0])
    if kind == "llamafactory":
        (about,) = json.loads((tmp_path / "dataset_info.json").read_text()).values()
        assert set(rows.column_names) == set(about["columns"].values())
        assert {about["tags"]["user_tag"], about["tags"]["assistant_tag"]} == {"user", "assistant"}
    lineage = [json.loads(line) for line in (tmp_path / "lineage.jsonl").read_text().splitlines()]
    assert [line["sample_id"] for line in lineage] == [sample.id for sample in some]


def test_trl_takes_prompts_completions_and_pictures(data, tmp_path):
    from datasets import Image
    from trl.data_utils import is_conversational

    some = written("trl", data, tmp_path, style="plain")
    rows: Any = load("trl", tmp_path).cast_column("images", [Image()])
    assert all(is_conversational(row) for row in rows)
    assert [row["completion"][0]["content"] for row in rows] == [sample.answer for sample in some]
    assert [row["prompt"][0]["content"] for row in rows] == [sample.question for sample in some]
    assert rows[1]["images"][0].size == (64, 30)


def test_trl_s_own_preprocessing_learns_the_reply_and_sees_the_picture(data, tmp_path):
    from datasets import Image
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    some = written("trl", data, tmp_path)
    rows: Any = load("trl", tmp_path).cast_column("images", [Image()])
    processor = load_processor(save(TINY["qwen2_vl"], tmp_path / "model"), Qwen2Vl.family)
    collate = DataCollatorForVisionLanguageModeling(processor, completion_only_loss=True)
    batch = collate([dict(rows[1])])
    (ids,), (labels,) = batch["input_ids"], batch["labels"]
    learnt = processor.tokenizer.decode(ids[labels != -100])
    assert learnt.strip() == f"{format_reply(some[1].rationale, some[1].answer)}<|im_end|>"
    whole = processor.tokenizer.decode(ids)
    assert whole.count("<|vision_start|>") == 1
    assert whole.index("<|vision_start|>") < whole.index(some[1].question)
    pads = int((ids == processor.image_token_id).sum())
    assert pads == int(batch["image_grid_thw"].prod()) // 4 > 0
    assert batch["pixel_values"].shape[0] == int(batch["image_grid_thw"].prod())


def test_a_run_s_picks_come_in_their_order(run, tmp_path):
    picks = picks_of(run)
    assert len(picks) == 12
    assert picks == [*picks_of(run, round=1), *picks_of(run, round=2)]
    with pytest.raises(EdtError, match="picked nothing in round 7; it has 2 rounds"):
        picks_of(run, round=7)
    with pytest.raises(EdtError, match="name the folder of a finished run"):
        picks_of(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    (copy / "report.json").write_text("{")
    with pytest.raises(EdtError, match="cannot be read"):
        picks_of(copy)


def test_a_run_is_exported_with_the_data_of_its_configuration(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the fakes' pictures lie in the current folder
    with pytest.raises(EdtError, match=r"picture\.png of sample .* is missing"):
        export_selection(run, tmp_path / "out", kind="ms_swift")
    (tmp_path / "picture.png").touch()
    selection, lineage = export_selection(run, tmp_path / "out", kind="ms_swift")
    assert len(selection.read_text().splitlines()) == 12
    named = [json.loads(line)["sample_id"] for line in lineage.read_text().splitlines()]
    assert named == [pick.sample_id for pick in picks_of(run)]


def test_a_missing_picture_is_named(data, tmp_path):
    root = pictures(tmp_path / "gone")
    (root / "images" / "red.png").unlink()
    with pytest.raises(EdtError, match=r"red\.png of sample 's0' is missing"):
        written("trl", root, tmp_path / "out")


@pytest.mark.parametrize("precision", ["fp32", "nf4"])
def test_a_merged_checkpoint_answers_as_the_student_that_wears_the_adapter(data, precision, tmp_path):
    root = tmp_path
    save(TINY["qwen2_vl"], root / "qwen2_vl")
    one, trained = student(root, "qwen2_vl"), student(root, "qwen2_vl", precision=precision)
    settings = {"batch_size": 4, "epochs": 3, "lr": 1e-2, "rank": 4, "alpha": 8, "progress": False}
    adapter = LightningTuner(**settings).tune(trained, samples(8), data, folder=root / "adapter", seed=0)
    main([
        "merge", str(root / "adapter"), "--student", "qwen2_vl_7b", "--out", str(root / "merged"),
        "--model", str(root / "qwen2_vl"),
    ])  # fmt: skip
    merged = student(root, "qwen2_vl", model=str(root / "merged"))
    (row,) = merged.dress().prompts.rows(samples(1), data, with_reply=True)
    worn = one.wearing(adapter).dress()
    with torch.no_grad():
        ours = worn.hidden(worn.collate([row]))
        theirs = merged.dress().hidden(merged.dress().collate([row]))
    assert torch.allclose(ours, theirs, atol=1e-4)
    assert merged.answer(samples(4), data) == one.wearing(adapter).answer(samples(4), data)
    with pytest.raises(EdtError, match="another checkpoint"):
        merge_adapter(root / "adapter", root / "no", student="qwen2_vl_7b", model=str(root / "merged"))
    with pytest.raises(EdtError, match="no checkpoint of transformers"):
        merge_adapter(root / "adapter", root / "no", student="pocket")


def test_the_command_says_what_it_needs(tmp_path):
    command = [sys.executable, "-m", "edt.tuning.export", "selection", str(tmp_path), "--to", "trl", "--out", "x"]
    done = run_apart(command)
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no report.json in")
    assert not (ROOT / "x").exists()
