"""The LightningModule of QLoRA tuning: loss, two rates, a schedule, adapter-only checkpoints.

Knows optimisation, not samples, files or a model family. A checkpoint holds
the tuned weights, the losses so far and the state of chance, so that training
goes on bit by bit where it was killed, dropout included.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from edt.clock import model_time
from edt.threads import side_by_side
from edt.tuning.trainable import Trainable


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How weights are moved. `warm_up` is a share of all steps; `schedule` is constant or cosine."""

    lora: float
    projector: float
    warm_up: float
    schedule: str
    clip: float
    weight_decay: float
    steps: int

    def factor(self, step: int) -> float:
        """What the rates are multiplied by at a 0-based step."""
        rising = max(1, round(self.warm_up * self.steps)) if self.warm_up else 0
        if step < rising:
            return (step + 1) / rising
        if self.schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, self.steps - rising)))


class QLoraModule(pl.LightningModule):
    """One trainable student under its rates. `losses` has a value a step."""

    strict_loading = False  # type: ignore[assignment]

    def __init__(self, trainable: Trainable, rates: Rates, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.automatic_optimization = False  # a batch is passed in parts, to bound memory
        self._trainable = trainable
        self.inner = trainable.module
        self._rates = rates
        self._tuned = [weight for group in trainable.groups().values() for weight in group]
        self._apart = not dropout
        self.losses: list[float] = []
        self._chance: Tensor | None = None
        self._timed = ExitStack()

    def configure_optimizers(self) -> Any:
        groups = self._trainable.groups()
        optimizer = torch.optim.AdamW(
            [
                {"params": groups["lora"], "lr": self._rates.lora},
                {"params": groups["projector"], "lr": self._rates.projector},
            ],
            weight_decay=self._rates.weight_decay,
            fused=True,
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rates.factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def training_step(self, batch: Sequence[tuple[Any, float]], index: int) -> None:
        """One step on a batch that comes in parts with their shares of its supervised tokens."""
        optimizer: Any = self.optimizers()
        schedule: Any = self.lr_schedulers()
        total = 0.0
        for loss, gradients in self._gradients(batch):
            for weight, gradient in zip(self._tuned, gradients, strict=True):
                weight.grad = gradient if weight.grad is None else weight.grad.add_(gradient)
            total += loss
        self.clip_gradients(optimizer, gradient_clip_val=self._rates.clip, gradient_clip_algorithm="norm")
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
        self.losses.append(total)

    def _gradients(self, batch: Sequence[tuple[Any, float]]) -> Iterable[tuple[float, Sequence[Tensor]]]:
        """Loss and gradients of each part, in order; parts pass side by side unless dropout needs its one order."""

        def gradients(part: Any, share: float, _: Event) -> tuple[float, Sequence[Tensor]]:
            loss = self._trainable.loss(part) * share
            return loss.item(), torch.autograd.grad(loss, self._tuned)

        work = [partial(gradients, part, share) for part, share in batch]
        return side_by_side(work) if self._apart else (piece(Event()) for piece in work)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        if self._chance is not None:
            torch.set_rng_state(self._chance)
            self._chance = None
        self._timed.enter_context(model_time("train"))

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._timed.close()

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Only what is tuned; the frozen weights are known by their checksums."""
        return self._trainable.state()

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        own = self._trainable.state()
        if set(own) != set(state_dict):
            raise ValueError("the checkpoint is of another student")
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(state_dict[name])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["chance"] = torch.get_rng_state()
        checkpoint["losses"] = list(self.losses)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._chance = checkpoint["chance"]
        self.losses = list(checkpoint["losses"])
