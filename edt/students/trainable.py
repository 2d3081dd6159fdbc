"""What a tuner gets of a pocket student: weights to change, rows to change them on, a loss. Knows no optimiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edt.students.adapter import AdapterFacts, read_facts, save_adapter, state_of
from edt.students.lora import check_lora, lora_layers
from edt.students.rows import check_rows
from edt.types import Adapter, Sample

if TYPE_CHECKING:
    from torch import Tensor, nn

    from edt.students.model import Batch
    from edt.students.pocket import PocketStudent
    from edt.students.rows import Row


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

    def start(self, *, dropout: float) -> None:
        """Into train mode, with the adapter's dropout set."""
        for layer in lora_layers(self._core.model).values():
            layer.set_dropout(dropout)
        self._core.training()

    def stop(self) -> None:
        """Back to eval mode; no dropout, no dense weights kept."""
        for layer in lora_layers(self._core.model).values():
            layer.set_dropout(0.0)
        self._core.answering()

    def rows(self, samples: Sequence[Sample], root: Path) -> list[Row]:
        """Checked rows in order, their pictures encoded."""
        rows = self._core.rows(samples, root)
        check_rows(rows, num_image_tokens=self._core.grid**2)
        return rows

    def collate(self, rows: Sequence[Row]) -> Batch:
        return self._core.collate(rows)

    def loss(self, batch: Batch) -> Tensor:
        return self._core.model.loss(batch)

    def groups(self) -> Mapping[str, list[nn.Parameter]]:
        """The weights that are tuned: `lora` and `projector`."""
        return {"lora": self._core.model.lora_parameters(), "projector": self._core.model.projector_parameters()}

    def state(self) -> dict[str, Tensor]:
        """The trained weights by name, sharing memory with the model."""
        return state_of(self._core.model)

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
