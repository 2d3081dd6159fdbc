"""The pocket student's loaded parts: model, tokenizer and feature store. Knows no adapter folder and no setting file.

One core serves every student that differs only in what it wears: the packed
language model is loaded once, adapters are copied in and out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edt.students.chat import Chat
from edt.students.features import FeatureStore
from edt.students.quantisation import load_language_model, quiet
from edt.students.rows import Row, collate, make_rows
from edt.types import Sample

if TYPE_CHECKING:
    from edt.students.model import Batch, PocketModel


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a pocket student's parts are on this machine."""

    language_model: Path
    tower: Path
    features: Path

    @classmethod
    def of_pocket(cls) -> Places:
        from edt.pocket.home import default_home

        home = default_home()
        return cls(language_model=home.language_model, tower=home.tower, features=home.features)


class Core:
    """Loads everything at once: build it when it is needed."""

    def __init__(
        self,
        places: Places,
        *,
        rank: int,
        alpha: int,
        grid: int = 4,
        quantisation: str = "nf4",
        materialise: bool = True,
        progress: bool = True,
    ) -> None:
        from edt.students.model import PocketModel

        self.grid = grid
        self.chat = Chat(places.language_model, num_image_tokens=grid * grid)
        self.store = FeatureStore(places.features, tower=places.tower, grid=grid, progress=progress)
        language_model = load_language_model(places.language_model, quantisation=quantisation)
        with quiet():
            self.model: PocketModel = PocketModel(language_model, rank=rank, alpha=alpha)
        self._materialise = materialise
        self.model.eval()

    @classmethod
    def of_pocket(cls, *, rank: int, alpha: int) -> Core:
        return cls(Places.of_pocket(), rank=rank, alpha=alpha)

    def rows(self, samples: Sequence[Sample], root: Path, *, with_reply: bool = True) -> list[Row]:
        """Rows of samples in order, their pictures' features on disk."""
        rows = make_rows(samples, root, self.chat, with_reply=with_reply)
        self.store.encode([row.image for row in rows])
        return rows

    def collate(self, rows: Sequence[Row]) -> Batch:
        return collate(rows, self.store, pad=self.chat.end)

    def training(self, *, precision: str = "fp32") -> None:
        """Train mode, dense weights at hand: from_pretrained leaves a model in eval mode, and trainers keep it."""
        from edt.students.lora import materialise

        materialise(self.model, precision if self._materialise else None)
        self.model.train()

    def answering(self) -> None:
        """Eval mode; the dense weights of a training stay at hand for the next one."""
        self.model.eval()
