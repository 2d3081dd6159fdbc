"""A student's frozen layers dealt out over the devices of a training (FSDP2). Knows layers, not what is tuned in them.

Each device holds a part of every layer's frozen weights, and gathers a layer
while it computes. What is tuned stays whole on each, so that gradients are
averaged, checkpoints written and adapters saved as they are on one device.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edt.errors import EdtError
from edt.tuning.trainable import Layered, Trainable
from edt.tuning.trainer import FSDP

if TYPE_CHECKING:
    import torch
    from torch import nn


def check_shareable(trainable: Trainable, name: str) -> Layered:
    """Raises EdtError where a student's layers cannot be dealt out."""
    if not isinstance(trainable, Layered):
        raise EdtError(f"student {name!r} is small, and its layers stay whole; use tuner.trainer.strategy=ddp")
    if any(not weight.is_floating_point() for weight in trainable.layers().parameters()):
        raise EdtError(
            f"tuner.trainer.strategy={FSDP!r} deals out weights in bf16 or fp32, and those of {name!r} are packed "
            "in 4 bits; use student.precision=bf16, or tuner.trainer.strategy=ddp"
        )
    return trainable


@contextmanager
def layers_put_back(trainable: Trainable) -> Iterator[None]:
    """Whatever stands in the layers' places while the block runs, the whole ones are there again after it."""
    assert isinstance(trainable, Layered), "checked before training"
    layers = trainable.layers()
    whole, homes = list(layers), [(weight, weight.device) for weight in layers.parameters()]
    try:
        yield
    finally:
        for place, layer in enumerate(whole):
            layers[place] = layer
        for weight, home in homes:
            if weight.device != home and not weight.requires_grad:
                weight.data = weight.data.to(home)


def share_layers(layers: nn.ModuleList, mesh: torch.distributed.device_mesh.DeviceMesh) -> None:
    """Put layers that hold their part into the whole ones' places; frozen weights of these wait in the host's memory.

    `mesh` has one dimension: the devices of the training.
    """
    from torch.distributed.fsdp import fully_shard

    for place, layer in enumerate(list(layers)):
        twin = _twin(layer)
        tuned = {weight for weight in twin.parameters() if weight.requires_grad}
        fully_shard(twin, mesh=mesh, reshard_after_forward=True, ignored_params=tuned)
        layers[place] = twin
        for weight in layer.parameters():
            if not weight.requires_grad:
                weight.data = weight.data.cpu()


def shared_names(module: nn.Module) -> list[str]:
    """Full names of the weights that are dealt out."""
    from torch.distributed.tensor import DTensor

    return [name for name, weight in module.named_parameters() if isinstance(weight, DTensor)]


def _twin(layer: nn.Module) -> nn.Module:
    """A layer of its own over the same weights."""
    same = {id(tensor): tensor for tensor in (*layer.parameters(), *layer.buffers())}
    return copy.deepcopy(layer, same)
