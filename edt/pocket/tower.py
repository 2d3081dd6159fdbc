"""EfficientNet-lite0 up to its last feature map: Pocket's frozen vision tower.

Knows the network and its weights' file; nothing of students or of caching.
The architecture follows EfficientNet-lite (Tan and Le, 2019; lite variant: no
squeeze-and-excitation, ReLU6) with the paddings of its TensorFlow original.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from edt.errors import EdtError

IMAGE_SIZE = 224
CHANNELS = 1280
GRID = 7
WEIGHTS = "tower.safetensors"

STAGES = (
    # repeats, kernel, stride, expansion, channels in, channels out
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)


class SamePadConv(nn.Conv2d):
    """Convolution whose output is ceil(input / stride), padded as TensorFlow does: more to the right and below."""

    def forward(self, input: Tensor) -> Tensor:
        (height, kernel_h, step_h), (width, kernel_w, step_w) = zip(
            input.shape[-2:], self.kernel_size, self.stride, strict=True
        )
        down, across = _missing(height, kernel_h, step_h), _missing(width, kernel_w, step_w)
        padded = nn.functional.pad(input, (across // 2, across - across // 2, down // 2, down - down // 2))
        return super().forward(padded)


def _missing(size: int, kernel: int, stride: int) -> int:
    return max((-(-size // stride) - 1) * stride + kernel - size, 0)


def _conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> SamePadConv:
    return SamePadConv(inputs, outputs, kernel, stride=stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    """Inverted bottleneck; adds its input where shapes allow. Names follow the weights' file."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.adds_input = stride == 1 and inputs == outputs
        self.expands = expansion != 1
        if self.expands:
            self._expand_conv, self._bn0 = _conv(inputs, inner, 1), _norm(inner)
        self._depthwise_conv, self._bn1 = _conv(inner, inner, kernel, stride=stride, groups=inner), _norm(inner)
        self._project_conv, self._bn2 = _conv(inner, outputs, 1), _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        relu6 = nn.functional.relu6
        inner = relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        inner = relu6(self._bn1(self._depthwise_conv(inner)))
        inner = self._bn2(self._project_conv(inner))
        return inner + x if self.adds_input else inner


class Tower(nn.Module):
    """(batch, 3, 224, 224) pixels by `pixels_of` -> (batch, 1280, 7, 7) features. Always in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _conv(3, 32, 3, stride=2), _norm(32)
        blocks = []
        for repeats, kernel, stride, expansion, inputs, outputs in STAGES:
            for index in range(repeats):
                blocks.append(
                    Block(
                        inputs if index == 0 else outputs,
                        outputs,
                        kernel=kernel,
                        stride=stride if index == 0 else 1,
                        expansion=expansion,
                    )
                )
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = _conv(320, CHANNELS, 1), _norm(CHANNELS)
        self.eval()

    def train(self, mode: bool = True) -> Tower:
        """Stays in eval whatever is asked: the weights are frozen, and BatchNorm must not use batch statistics."""
        super().train(False)
        return self

    def forward(self, pixels: Tensor) -> Tensor:
        x = nn.functional.relu6(self._bn0(self._conv_stem(pixels)))
        for block in self._blocks:
            x = block(x)
        return nn.functional.relu6(self._bn1(self._conv_head(x)))


def load_tower(folder: Path) -> Tower:
    """The tower with its kept weights, frozen.

    Raises EdtError where the weights are missing or do not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    tower = Tower()
    try:
        tower.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        from edt.pocket.home import SETUP_COMMAND

        raise EdtError(
            f"cannot load the vision tower {folder / WEIGHTS} ({str(error).splitlines()[0]}); "
            f"run `{SETUP_COMMAND} --rebuild models`"
        ) from error
    return tower.requires_grad_(False)


def pixels_of(images: Sequence[Image.Image]) -> Tensor:
    """(batch, 3, 224, 224) float32 in about [-1, 1]: (x - 127) / 128 of the pictures on white, stretched to fit."""
    rows = [np.asarray(_flat(image), dtype=np.float32) for image in images]
    return torch.from_numpy((np.stack(rows) - 127.0) / 128.0).permute(0, 3, 1, 2).contiguous()


def _flat(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "P"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB").resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
