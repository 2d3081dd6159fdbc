"""Gradients of single samples as short vectors, at a student that was warmed up: the features of LESS.

After Xia et al. (ICML 2024): the student is tuned for a little on random
samples, so that Adam has moments; a training sample's feature is the step that
Adam would take for it there, a validation sample's its plain gradient, both of
the LoRA weights, projected at random.  Their dense Rademacher matrix is a
sparse one here (a count sketch: every weight goes, with a random sign, to one
of the dimensions), which keeps inner products in expectation as well and costs
an addition a weight.  Knows the seam of tuning; no ranking and no budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from threading import Event
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from edt.paths import replacing
from edt.threads import side_by_side
from edt.tuning.batches import plan_epoch
from edt.types import Sample

if TYPE_CHECKING:
    import numpy as np

    from edt.tuning.trainable import Trainable

BETAS, EPS = (0.9, 0.999), 1e-8
"""Of Adam, as torch has them by default."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The student after an epoch of warm-up, and Adam's moments of the LoRA weights in one row each; on the CPU."""

    state: Mapping[str, Tensor]
    mean: Tensor
    square: Tensor
    steps: int
    rate: float
    """Mean learning rate of the epoch: what the checkpoint's cosines weigh."""

    def put_on(self, trainable: Trainable) -> None:
        """Into the live weights."""
        with torch.no_grad():
            for name, tensor in trainable.state().items():
                tensor.copy_(self.state[name])

    def direction(self, gradient: Tensor) -> Tensor:
        """The step that Adam would take for `gradient` from here, learning rate and sign left out."""
        first, second = BETAS
        step = self.steps + 1
        mean = (first * self.mean + (1 - first) * gradient) / (1 - first**step)
        square = (second * self.square + (1 - second) * gradient**2) / (1 - second**step)
        return mean / (square.sqrt() + EPS)

    def save(self, file: Path) -> None:
        from safetensors.torch import save_file

        moments = {
            "mean": self.mean,
            "square": self.square,
            "at": torch.tensor([self.steps, self.rate], dtype=torch.float64),
        }
        state = {f"state.{name}": tensor for name, tensor in self.state.items()}
        with replacing(file) as beside:
            save_file({**moments, **state}, beside)

    @classmethod
    def load(cls, file: Path) -> Checkpoint | None:
        """None where there is none, or it is damaged."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            found = load_file(file)
            steps, rate = found["at"].tolist()
        except (OSError, SafetensorError, KeyError):
            return None
        state = {name.removeprefix("state."): tensor for name, tensor in found.items() if name.startswith("state.")}
        return cls(state=state, mean=found["mean"], square=found["square"], steps=int(steps), rate=rate)


def warm_up(
    trainable: Trainable,
    samples: Sequence[Sample],
    root: Path,
    *,
    rates: Mapping[str, float],
    batch_size: int,
    epochs: int,
    seed: int,
) -> list[Checkpoint]:
    """Tune in place on `samples`, with a rate a group that falls to zero in a straight line; a checkpoint an epoch."""
    groups, rows = trainable.groups(), trainable.rows(samples, root)
    weights = [weight for group in groups.values() for weight in group]
    optimizer = torch.optim.AdamW(
        [{"params": group, "lr": rates[name], "whole": rates[name]} for name, group in groups.items()],
        betas=BETAS,
        eps=EPS,
        weight_decay=0.0,
    )
    lengths, step, checkpoints = list(map(len, rows)), 0, []
    total = epochs * -(-len(rows) // batch_size)
    for epoch in range(epochs):
        taken = []
        for batch in plan_epoch(lengths, batch_size=batch_size, seed=seed, epoch=epoch):
            for group in optimizer.param_groups:
                group["lr"] = group["whole"] * (1 - step / total)
            taken.append(rates["lora"] * (1 - step / total))
            gradients = _gradients(trainable, [rows[index] for index in batch], weights)
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient
            optimizer.step()
            step += 1
        checkpoints.append(_checkpoint(trainable, optimizer, groups["lora"], steps=step, rate=fmean(taken)))
    optimizer.zero_grad(set_to_none=True)
    return checkpoints


def _checkpoint(
    trainable: Trainable, optimizer: Any, tuned: Sequence[nn.Parameter], *, steps: int, rate: float
) -> Checkpoint:
    return Checkpoint(
        state={name: tensor.detach().to("cpu", copy=True) for name, tensor in trainable.state().items()},
        mean=_flat(optimizer.state[weight]["exp_avg"] for weight in tuned),
        square=_flat(optimizer.state[weight]["exp_avg_sq"] for weight in tuned),
        steps=steps,
        rate=rate,
    )


class Sketch:
    """A random projection of rows of `size` numbers to `dimensions`, the same for the same seed."""

    def __init__(self, size: int, *, dimensions: int, seed: int) -> None:
        chance = torch.Generator().manual_seed(seed)
        self._place = torch.randint(dimensions, (size,), generator=chance)
        self._sign = torch.randint(2, (size,), generator=chance, dtype=torch.int8) * 2 - 1
        self._dimensions = dimensions

    def __call__(self, row: Tensor) -> Tensor:
        return torch.zeros(self._dimensions).index_add_(0, self._place, row * self._sign)


def features(
    trainable: Trainable,
    samples: Sequence[Sample],
    root: Path,
    *,
    sketch: Sketch,
    adam: Checkpoint | None,
) -> np.ndarray:
    """(n, dimensions): each sample's gradient of the LoRA weights, as Adam's step where `adam` is given."""
    tuned = trainable.groups()["lora"]

    def feature(row: Any, _: Event) -> Tensor:
        gradient = _flat(_gradients(trainable, [row], tuned))
        return sketch(adam.direction(gradient) if adam else gradient)

    rows = trainable.rows(samples, root)
    work = [partial(feature, row) for row in rows]
    # a model that takes two rows at a time has all cores, or a GPU's memory, to itself
    whole = len(trainable.collate(rows[:2])) == 1
    return torch.stack([piece(Event()) for piece in work] if whole else side_by_side(work)).numpy()


def _gradients(trainable: Trainable, rows: Sequence[Any], weights: Sequence[nn.Parameter]) -> list[Tensor]:
    """Of the mean loss over the rows' supervised tokens."""
    total: list[Tensor] = []
    for part, share in trainable.collate(rows):
        found = torch.autograd.grad(trainable.loss(part) * share, weights)
        total = [old + new for old, new in zip(total, found, strict=True)] if total else list(found)
    return total


def _flat(tensors: Any) -> Tensor:
    """One row on the CPU, wherever they are: each is moved by itself, so a GPU holds none of them twice."""
    return torch.cat([tensor.detach().reshape(-1).cpu() for tensor in tensors])
