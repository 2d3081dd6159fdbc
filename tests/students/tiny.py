"""A whole pocket student of a few thousand weights: language model, tower, pictures, base adapter."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from edt.pocket.tower import WEIGHTS, Tower
from edt.students.adapter import AdapterFacts, save_adapter, state_of
from edt.students.core import Core, Places
from edt.students.model import fresh_weights
from edt.students.pocket import PocketStudent
from edt.types import Sample
from tests.teachers.tiny import save_tiny

COLOURS = ("red", "green", "blue")
RANK = 4


def build(root: Path) -> Path:
    """All of it under `root`; the base adapter in `root/base` changes the model's answers."""
    save_tiny(root / "language_model")
    torch.manual_seed(1)
    (root / "tower").mkdir()
    save_file({name: value.contiguous() for name, value in Tower().state_dict().items()}, root / "tower" / WEIGHTS)
    (root / "images").mkdir()
    for colour in range(3):
        pixels = np.zeros((32, 32, 3), dtype=np.uint8)
        pixels[:, :, colour] = 200
        Image.fromarray(pixels).save(root / "images" / f"{COLOURS[colour]}.png")
    core = load_core(root)
    fresh_weights(core.model, seed=3)
    torch.manual_seed(2)
    for name, value in state_of(core.model).items():
        if name.endswith(".b"):
            value.copy_(torch.randn(value.shape) * 0.05)
    save_adapter(root / "base", state_of(core.model), AdapterFacts(rank=RANK, alpha=2 * RANK, grid=2))
    return root


def places(root: Path) -> Places:
    return Places(language_model=root / "language_model", tower=root / "tower", features=root / "features")


def load_core(root: Path, **settings) -> Core:
    return Core(places(root), rank=RANK, alpha=2 * RANK, grid=2, progress=False, **settings)


def student(root: Path, **settings) -> PocketStudent:
    return PocketStudent(
        base=str(root / "base"),
        language_model=str(root / "language_model"),
        tower=str(root / "tower"),
        features=str(root / "features"),
        progress=False,
        **{"max_new_tokens": 12, **settings},
    )


def samples(num: int) -> list[Sample]:
    """Questions of several lengths about the three pictures."""
    return [
        Sample(
            id=f"s{number}",
            image=f"images/{COLOURS[number % 3]}.png",
            question="Which colour" + " is it, then" * (number % 4) + "?",
            answer=COLOURS[number % 3],
            rationale=(f"It is {COLOURS[number % 3]}.",) if number % 2 else (),
        )
        for number in range(num)
    ]
