"""What a tuner gets of a pocket student: weights to change, rows to change them on, a loss. Knows no optimiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edt.students.adapter import AdapterFacts, load_state, read_facts, read_state, save_adapter, state_of
from edt.students.lora import check_lora, lora_layers
from edt.students.rows import check_rows, even_parts
from edt.types import Adapter, Sample

if TYPE_CHECKING:
    from torch import Tensor, nn

    from edt.students.model import Batch
    from edt.students.pocket import PocketStudent
    from edt.students.rows import Row

PART_TOKENS = 384
"""Tokens that pass the model at once: activations take about 2 MB each. Larger parts are no faster."""


class PocketTrainable:
    """A student taken into training. Its weights are live: the student is undressed until it loads them again."""

    def __init__(self, student: PocketStudent) -> None:
        self._core = student.dress()
        self._parent = student.adapter_key()
        self._facts = read_facts(student.adapter_folder)
        student.undress()
        check_lora(self._core.model)

    @property
    def module(self) -> nn.Module:
        return self._core.model

    def key(self) -> str:
        """Of the adapter that training starts from."""
        return self._parent

    def start(self, *, dropout: float, precision: str = "fp32") -> None:
        """Into train mode, with the adapter's dropout set and frozen weights in `precision`."""
        for layer in lora_layers(self._core.model).values():
            layer.set_dropout(dropout)
        self._core.training(precision=precision)

    def stop(self) -> None:
        """Back to eval mode; no dropout."""
        for layer in lora_layers(self._core.model).values():
            layer.set_dropout(0.0)
        self._core.answering()

    def rows(self, samples: Sequence[Sample], root: Path) -> list[Row]:
        """Checked rows in order, their pictures encoded."""
        rows = self._core.rows(samples, root)
        check_rows(rows, num_image_tokens=self._core.grid**2)
        return rows

    def collate(self, rows: Sequence[Row]) -> list[tuple[Batch, float]]:
        """A batch in parts of about `PART_TOKENS` tokens at most, with their shares of its supervised tokens.

        Parts are of even size and come in pairs, a half of the batch for each of two cores.
        """
        total = sum(len(row.reply) for row in rows)
        return [
            (self._core.collate(part), sum(len(row.reply) for row in part) / total)
            for part in even_parts(rows, tokens=PART_TOKENS)
        ]

    def loss(self, part: Batch) -> Tensor:
        return self._core.model.loss(part)

    def groups(self) -> Mapping[str, list[nn.Parameter]]:
        """The weights that are tuned: `lora` and `projector`."""
        return {"lora": self._core.model.lora_parameters(), "projector": self._core.model.projector_parameters()}

    def state(self) -> dict[str, Tensor]:
        """The trained weights by name, sharing memory with the model."""
        return state_of(self._core.model)

    def restore(self, folder: Path) -> None:
        """Take the weights from a folder that `save` made."""
        load_state(self._core.model, read_state(folder))

    def words(self, row: Row) -> str:
        """The supervised tokens of a row, without the end mark."""
        return self._core.chat.text(list(row.reply))

    def activations(self, tokens: int) -> int:
        """Bytes: about 2 MB a token of the parts that pass at a time, two of them side by side."""
        return 2_000_000 * min(tokens, 2 * PART_TOKENS)

    def save(self, folder: Path, *, samples: int, steps: int, seconds: float) -> Adapter:
        """The weights as an adapter that says where it came from."""
        facts = AdapterFacts(
            rank=self._facts.rank,
            alpha=self._facts.alpha,
            grid=self._facts.grid,
            parent=self._parent,
            samples=samples,
            steps=steps,
            seconds=round(seconds, 3),
        )
        return save_adapter(folder, self.state(), facts)
