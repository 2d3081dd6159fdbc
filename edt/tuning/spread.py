"""A step's samples shared out over devices and passes, in Lightning's own way of optimising.

Every share knows its part of the step's supervised tokens, so that any number
of devices and passes comes to the gradient of the whole batch: the same step,
up to rounding. Knows places and weights, not what is in a row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edt.tuning.module import QLoraModule, Rates
from edt.tuning.shards import share_layers, shared_names
from edt.tuning.trainable import Layered, Trainable
from edt.tuning.trainer import TrainerOptions


@dataclass(frozen=True, kw_only=True)
class Share:
    """Rows that one device passes at once, and their part of their step's supervised tokens."""

    places: tuple[int, ...]
    weight: float


def shares_of(
    batches: Sequence[Sequence[int]], supervised: Sequence[int], *, devices: int, accumulate: int, rank: int
) -> list[Share]:
    """One device's shares, `accumulate` of them a batch.

    A batch that is too small for all gives some of them its first row at no
    weight: every device takes part in every step.
    """
    ways, shares = devices * accumulate, []
    for batch in batches:
        total = sum(supervised[place] for place in batch)
        for number in range(accumulate):
            places = tuple(batch[number * devices + rank :: ways])
            weight = sum(supervised[place] for place in places) / total
            shares.append(Share(places=places or (batch[0],), weight=weight))
    return shares


@dataclass(frozen=True)
class ShareCollator:
    """From a share to the parts of its rows, weighed within their step."""

    collate: Callable[[Any], Sequence[tuple[Any, float]]]
    rows: Sequence[Any]

    def __call__(self, share: Share) -> list[tuple[Any, float]]:
        parts = self.collate([self.rows[place] for place in share.places])
        return [(part, within * share.weight) for part, within in parts]


class SpreadModule(QLoraModule):
    """The same student and rates, with steps that Lightning takes: for GPUs, several devices, passes and precisions."""

    def __init__(
        self, trainable: Trainable, rates: Rates, options: TrainerOptions, *, dropout: float = 0.0, seed: int, rank: int
    ) -> None:
        super().__init__(trainable, rates, dropout=dropout)
        self.automatic_optimization = True
        self._ways, self._devices, self._accumulate = options.ways, options.devices, options.accumulate
        self._sharded = options.sharded
        self._seed, self._rank = seed, rank
        self._passed: list[Tensor] = []

    def configure_model(self) -> None:
        """Lightning calls this when the processes know of each other, and before it looks at the weights."""
        if not self._sharded:
            return
        assert isinstance(self._trainable, Layered), "checked before training"
        kind = self.trainer.strategy.root_device.type
        mesh = torch.distributed.device_mesh.init_device_mesh(kind, (self._devices,))
        share_layers(self._trainable.layers(), mesh)
        # frozen, and of parts: there is nothing in them for DistributedDataParallel to make equal
        self._ddp_params_and_buffers_to_ignore = shared_names(self)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        if self._devices > 1:
            torch.manual_seed(chance_of(self._seed, self._rank, step=len(self.losses), number=len(self._passed)))

    def training_step(self, batch: Sequence[tuple[Any, float]], index: int) -> Any:  # type: ignore[override]
        """The share of the step's loss; Lightning takes means over passes and devices, where sums are meant."""
        loss = torch.stack([self._trainable.loss(part) * weight for part, weight in batch]).sum()
        self._passed.append(loss.detach())
        return loss * self._ways

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        """Note the step's loss before a checkpoint of the step is written: one without it is not gone on from.

        A strategy that adds up passes itself, as DeepSpeed does, has Lightning call this after every pass.
        """
        if len(self._passed) < self._accumulate:
            return
        total = torch.stack(self._passed).sum()
        self._passed.clear()
        if self._devices > 1:
            torch.distributed.all_reduce(total)
        self.losses.append(total.item())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["chance_of_gpus"] = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        if (states := checkpoint["chance_of_gpus"]) and self._devices == 1:
            torch.cuda.set_rng_state_all(states)


def chance_of(seed: int, rank: int, *, step: int, number: int) -> int:
    """The seed of one pass on one device. A checkpoint holds the state of chance of process 0 alone, so that devices
    which are to go on bit by bit begin each pass anew."""
    content = f"{seed} {rank} {step} {number}".encode()
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") >> 1
