"""What a student offers to be tuned: the seam between tuning and students. Nothing else is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from edt.types import Adapter, Sample

if TYPE_CHECKING:
    from torch import Tensor, nn


class Trainable(Protocol):
    """A student taken into training: its weights are live."""

    @property
    def module(self) -> nn.Module: ...

    def start(self, *, dropout: float, precision: str) -> None:
        """Into train mode. `precision` is of the frozen weights' products: fp32 or bf16."""
        ...

    def stop(self) -> None:
        """Back to eval mode."""
        ...

    def rows(self, samples: Sequence[Sample], root: Path) -> Sequence[Sized]:
        """One row a sample, checked to be worth training on; its length is its cost."""
        ...

    def collate(self, rows: Any) -> Sequence[tuple[Any, float]]:
        """A batch in parts small enough for memory, each with its share of the supervised tokens."""
        ...

    def loss(self, part: Any) -> Tensor:
        """Mean over the supervised tokens of a part."""
        ...

    def groups(self) -> Mapping[str, list[nn.Parameter]]:
        """The weights that are tuned: `lora` and `projector`."""
        ...

    def state(self) -> dict[str, Tensor]:
        """The tuned weights by name, sharing memory with the module."""
        ...

    def key(self) -> str:
        """Of the weights that training starts from."""
        ...

    def save(self, folder: Path, *, samples: int, steps: int, seconds: float) -> Adapter: ...


@runtime_checkable
class Tunable(Protocol):
    """A student that can be tuned."""

    def trainable(self) -> Trainable: ...
