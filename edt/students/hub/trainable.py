"""What a tuner gets of a hub student: weights to change, rows to change them on, a loss. Knows no optimiser."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

from edt.errors import EdtError
from edt.students.hub.adapters import (
    HubFacts,
    Shape,
    copy_into,
    language_of,
    lora_parameters,
    projector_of,
    read_facts,
    read_state,
    save_state,
    set_dropout,
)
from edt.students.hub.prompts import training_rows
from edt.types import Adapter, Sample

if TYPE_CHECKING:
    from torch import Tensor, nn

    from edt.students.hub.core import HubBatch
    from edt.students.hub.prompts import HubRow
    from edt.students.hub.student import HubStudent

log = logging.getLogger("edt")


class HubTrainable:
    """A student taken into training. Its weights are live: the student is undressed until it loads them again."""

    def __init__(self, student: HubStudent) -> None:
        self._core = student.dress()
        self._parent = student.adapter_key()
        folder = student.adapter_folder
        self._worn = read_facts(folder).shape if folder else None
        self._shape: Shape | None = self._worn
        self._device = self._core.device
        self._checkpointing = False
        student.undress()

    @property
    def module(self) -> nn.Module:
        return self._core.model

    def layers(self) -> nn.ModuleList:
        """Of the language model."""
        return self._core.language_model.layers

    def key(self) -> str:
        """Of the adapter that training starts from; empty for none."""
        return self._parent

    def prepare(self, *, kind: str, rank: int | None, alpha: int | None, checkpointing: bool) -> None:
        """Choose what is tuned; a null is as what is worn, or a default.

        Raises EdtError where it is not what is worn, or is packed in 4 bits.
        """
        default = self._worn or Shape()
        shape = Shape(kind=kind, rank=rank or default.rank, alpha=alpha or default.alpha)
        if self._worn not in (None, shape):
            raise EdtError(
                f"tuner.kind, rank and alpha come to {astuple(shape)}, and the adapter that training starts from has "
                f"{astuple(default)}; keep them over the rounds, or start each from the untuned student: "
                "budget.start=base"
            )
        if kind == "full" and self._core.numbers.weights == "nf4":
            raise EdtError("tuner.kind='full' cannot tune weights packed in 4 bits; use student.precision=bf16 or fp32")
        if self._worn is None:
            self._core.dress(shape)
        self._shape, self._checkpointing = shape, checkpointing

    def start(self, *, dropout: float, precision: str) -> None:
        """Into train mode; the tower stays in eval. Products are in the student's own numbers, whatever `precision`."""
        core = self._core
        if precision != core.numbers.compute:
            log.info("tuner.precision=%s is Pocket's; this student computes in %s", precision, core.numbers.compute)
        for weights in self.groups().values():
            for weight in weights:
                weight.requires_grad_(True)
        set_dropout(core.model, dropout)
        if self._checkpointing:
            core.language_model.activation_checkpointing_enable({"use_reentrant": False})
        core.model.train()

    def stop(self) -> None:
        """Back to eval mode on its own device, which Lightning takes a model off; nothing wants gradients any more."""
        core = self._core
        core.language_model.activation_checkpointing_disable()
        set_dropout(core.model, 0.0)
        core.model.requires_grad_(False)
        if core.device != self._device:
            core.model.to(self._device)
        core.model.eval()

    def rows(self, samples: Sequence[Sample], root: Path) -> list[HubRow]:
        """Checked rows in order; of pictures, only the headers are read."""
        if not samples:
            raise EdtError("there is no sample to train on; choose a larger scale or another selector")
        return training_rows(self._core.prompts, samples, root)

    def collate(self, rows: Sequence[HubRow]) -> list[tuple[HubBatch, float]]:
        """A batch in one part: how many rows pass at a time is the trainer's to say (`tuner.trainer.accumulate`)."""
        return [(self._core.collate(rows), 1.0)]

    def loss(self, part: HubBatch) -> Tensor:
        loss = self._core.loss(part.to(self._core.device))
        if part.glimpses:
            return loss
        # without a picture nothing passes the projector, and its gradient is to be zero, not missing
        return loss + 0.0 * sum(weight.sum() for weight in self.groups()["projector"])

    def groups(self) -> Mapping[str, list[nn.Parameter]]:
        """The weights that are tuned: `lora` (all of the language model, tuned in full) and `projector`."""
        core = self._core
        full = self._chosen.kind == "full"
        main = list(language_of(core.model, core.family).values()) if full else lora_parameters(core.model)
        return {"lora": main, "projector": list(projector_of(core.model, core.family).values())}

    def state(self) -> dict[str, Tensor]:
        """The trained weights by name, sharing memory with the model."""
        return self._core.state()

    def restore(self, folder: Path) -> None:
        """Take the weights from a folder that `save` made."""
        copy_into(self.state(), read_state(folder))

    def words(self, row: HubRow) -> str:
        """The supervised tokens of a row, marks included."""
        return self._core.prompts.raw(row.reply)

    def activations(self, tokens: int) -> int:
        """Bytes that so many tokens leave behind for the backward pass: a rough count, of the language model alone.

        A layer keeps about eight vectors of its width and four of its MLP's a
        token; with checkpoints it keeps one, and one layer at a time all of them.
        """
        config, size = self._core.language_model.config, self._core.numbers.dtype.itemsize
        layer = tokens * size * (8 * config.hidden_size + 4 * config.intermediate_size)
        layers = config.num_hidden_layers
        kept = tokens * size * config.hidden_size * layers
        return kept + layer if self._checkpointing else layers * layer

    def save(self, folder: Path, *, samples: int, steps: int, seconds: float) -> Adapter:
        """The weights as an adapter that says where it came from."""
        shape = self._chosen
        facts = HubFacts(
            family=self._core.family.name,
            kind=shape.kind,
            rank=shape.rank,
            alpha=shape.alpha,
            base=self._core.checksum,
            parent=self._parent or None,
            samples=samples,
            steps=steps,
            seconds=round(seconds, 3),
        )
        return save_state(folder, self.state(), facts, self._core.family)

    @property
    def _chosen(self) -> Shape:
        assert self._shape is not None, "prepare() chooses what is tuned before anything else is asked"
        return self._shape
