"""What a student offers to be tuned: the seam between tuning and students. Nothing else is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from edt.types import Adapter, Sample

if TYPE_CHECKING:
    from torch import Tensor, nn


class TrainingRow(Sized, Protocol):
    """One sample, ready to be collated."""

    @property
    def reply(self) -> Sequence[int]:
        """The tokens that are supervised."""
        ...


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

    def rows(self, samples: Sequence[Sample], root: Path) -> Sequence[TrainingRow]:
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


@runtime_checkable
class Shapeable(Protocol):
    """A trainable that leaves open what of it is tuned; asked before it starts."""

    def prepare(self, *, kind: str, rank: int | None, alpha: int | None, checkpointing: bool) -> None:
        """`kind` is lora or full; a null is what is worn already, or the student's default."""
        ...


@runtime_checkable
class Inspectable(Protocol):
    """A trainable that can be looked into before anything expensive begins."""

    def words(self, row: Any) -> str:
        """The supervised tokens of a row as text, marks included."""
        ...

    def activations(self, tokens: int) -> int:
        """Bytes that a batch of so many tokens leaves behind for the backward pass, roughly."""
        ...

    def restore(self, folder: Path) -> None:
        """Take the tuned weights from a folder that `save` made."""
        ...


@runtime_checkable
class Layered(Protocol):
    """A trainable whose layers pass one after the other, and may stand in other places meanwhile."""

    def layers(self) -> nn.ModuleList:
        """The list that the model itself goes through."""
        ...


class Rehearsal(Protocol):
    """Makes the rows of a training without the weights of what is trained."""

    def rows(self, samples: Sequence[Sample], root: Path) -> Sequence[TrainingRow]:
        """As `Trainable.rows`."""
        ...

    def words(self, row: Any) -> str:
        """As `Inspectable.words`."""
        ...


@runtime_checkable
class Rehearsable(Protocol):
    """A student whose rows can be looked at before its weights are loaded."""

    def rehearsal(self) -> Rehearsal: ...


@runtime_checkable
class Repeatable(Protocol):
    """A student that another process can build."""

    @property
    def worn(self) -> Adapter | None:
        """What it wears."""
        ...

    def node(self) -> Mapping[str, Any]:
        """The configuration that it comes from, `_target_` included."""
        ...
