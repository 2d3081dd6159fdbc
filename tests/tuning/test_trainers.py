"""Exports read by the very trainers that they are for, where these are installed: loaded, tokenised, labelled.

LLaMA-Factory and ms-swift want other versions than ours and are put beside them: CONTRIBUTING.md says how.
"""

import importlib.machinery
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from edt.students.hub.processor import load_processor
from edt.students.qwen2_vl import Qwen2Vl
from tests.students.hub.tiny import TINY, pictures, save
from tests.tuning.exported import NASTY, awkward, reply_of, written

PLAIN = NASTY.replace("<", "< ")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return pictures(tmp_path_factory.mktemp("data"))


@pytest.fixture
def llamafactory(monkeypatch):
    """LLaMA-Factory, without a sound library: it imports torchaudio, whose wheel wants CUDA, and a picture never it."""
    if importlib.util.find_spec("llamafactory") is None:
        pytest.skip("LLaMA-Factory is not installed; see CONTRIBUTING.md")
    if importlib.util.find_spec("torchaudio") is None:
        silent = types.ModuleType("torchaudio")
        silent.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
        monkeypatch.setitem(sys.modules, "torchaudio", silent)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def swift(monkeypatch, tmp_path):
    if importlib.util.find_spec("swift") is None:
        pytest.skip("ms-swift is not installed; see CONTRIBUTING.md")
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return [importlib.import_module(f"swift.{name}") for name in ("dataset", "model", "template")]


def learnt(tokenizer: Any, row: Any) -> str:
    return tokenizer.decode([token for token in row["labels"] if token != -100])


def test_llamafactory_tokenises_an_export(llamafactory, data, tmp_path):
    data_of, hparams, models = (
        importlib.import_module(f"llamafactory.{name}") for name in ("data", "hparams", "model")
    )
    some = written("llamafactory", data, tmp_path / "selection", awkward())
    checkpoint = save(TINY["llava"], tmp_path / "model")
    model, about, training, _, _ = hparams.get_train_args({
        "model_name_or_path": str(checkpoint), "template": "llava", "stage": "sft", "do_train": True,
        "dataset_dir": str(tmp_path / "selection"), "dataset": "selection", "overwrite_cache": True,
        "output_dir": str(tmp_path / "out"), "cutoff_len": 4096, "use_cpu": True, "report_to": "none",
    })  # fmt: skip
    loaded = models.load_tokenizer(model)
    tokenizer = loaded["tokenizer"]
    template = data_of.get_template_and_fix_tokenizer(tokenizer, about)
    rows = data_of.get_dataset(template, model, about, training, stage="sft", **loaded)["train_dataset"]
    assert len(rows) == len(some)
    for row, sample in zip(rows, some, strict=True):
        assert learnt(tokenizer, row) == f"{reply_of(sample)}</s>"
        said = tokenizer.decode(row["input_ids"])
        assert (PLAIN if sample.question == NASTY else sample.question) in said
        assert said.count("<image>") == (4 if sample.image else 0)
        assert [Path(image) for image in row["images"] or []] == ([data / sample.image] if sample.image else [])


def test_ms_swift_encodes_an_export(swift, data, tmp_path):
    datasets, models, templates = swift
    some = written("ms_swift", data, tmp_path, awkward())
    rows, none = datasets.load_dataset(str(tmp_path / "selection.jsonl"), strict=True, load_from_cache_file=False)
    assert none is None
    assert len(rows) == len(some)
    checkpoint = save(TINY["llava"], tmp_path / "model")
    processor = models.get_processor(str(checkpoint), model_type="llava1_5_hf")
    template = templates.get_template(processor, template_type="llava1_5_hf")
    template.set_mode("train")
    for row, sample in zip(rows, some, strict=True):
        encoded = template.encode(row)
        assert learnt(template.tokenizer, encoded) == f"{reply_of(sample)}</s>"
        said = template.tokenizer.decode(encoded["input_ids"])
        assert (PLAIN if sample.question == NASTY else sample.question) in said
        assert said.count("<image>") == (4 if sample.image else 0)
        pixels = encoded.get("pixel_values")
        assert (pixels is not None and len(pixels) == 1) == bool(sample.image)


def test_trl_trains_on_an_export(data, tmp_path):
    pytest.importorskip("trl")
    import torch
    from datasets import Image, load_dataset
    from transformers import AutoModelForImageTextToText
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    written("trl", data, tmp_path)
    files = str(tmp_path / "selection.jsonl")
    rows: Any = load_dataset("json", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    checkpoint = save(TINY["qwen2_vl"], tmp_path / "model")
    settings = SFTConfig(
        output_dir=str(tmp_path / "out"), max_steps=8, learning_rate=1e-2, per_device_train_batch_size=4,
        completion_only_loss=True, max_length=None, logging_steps=1, save_strategy="no", report_to="none",
        use_cpu=True, bf16=False, gradient_checkpointing=False, disable_tqdm=True,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=AutoModelForImageTextToText.from_pretrained(checkpoint, dtype=torch.float32),
        args=settings,
        train_dataset=rows.cast_column("images", [Image()]),
        processing_class=load_processor(checkpoint, Qwen2Vl.family),
    )
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert len(losses) == 8
    assert losses[-1] < losses[0]
