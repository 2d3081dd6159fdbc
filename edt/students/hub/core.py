"""A hub student's loaded parts: model, processor, what pictures looked like. Knows batches and losses, no setting.

The tower is frozen, so each picture passes it once; what is projected of it is
computed anew, for the projector may be tuned. The language model is then called
with embeddings: the same path for training, answering and weighing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edt.errors import EdtError
from edt.students.hub import adapters
from edt.students.hub.adapters import Shape
from edt.students.hub.family import Facts, Family
from edt.students.hub.hardware import Hardware, Numbers
from edt.students.hub.processor import Pictures, decode
from edt.students.hub.prompts import HubRow, Prompts, facts_of
from edt.students.hub.sight import Sight, name_of, read_picture
from edt.students.hub.weights import load_model, read_config


@dataclass(frozen=True, kw_only=True)
class Glimpse:
    """One picture of a batch: what the tower saw in it, or the pixels that it has still to look at."""

    name: str
    facts: Facts
    seen: Tensor | None = None
    pixels: dict[str, Tensor] | None = None


@dataclass(frozen=True, kw_only=True)
class HubBatch:
    """Rows side by side, padded on one side."""

    ids: Tensor
    """(b, t) int64"""
    seen: Tensor
    """(b, t) int64: 1 at a row's own tokens, 0 at padding."""
    supervised: Tensor
    """(b, t) bool: the token at this place is to be predicted."""
    glimpses: tuple[Glimpse, ...]
    """Of the rows' pictures, in order."""

    def to(self, device: Any) -> HubBatch:
        """Pictures are moved where they are used: Lightning calls this before anything is looked at."""
        return HubBatch(
            ids=self.ids.to(device),
            seen=self.seen.to(device),
            supervised=self.supervised.to(device),
            glimpses=self.glimpses,
        )


class HubCore:
    """Loads everything at once: build it when it is needed."""

    def __init__(
        self,
        folder: Path,
        family: Family,
        *,
        numbers: Numbers,
        hardware: Hardware,
        style: str,
        features: Path,
        gigabytes: float,
        checksum: str,
    ) -> None:
        self.family = family
        self.checksum = checksum
        self.numbers = numbers
        read_config(folder, family)
        self.pictures = Pictures(folder, family)
        self.prompts = Prompts(self.pictures, family, style=style)
        self.model: Any = load_model(folder, family, numbers=numbers, hardware=hardware)
        self.body: Any = self.model.model
        self.language_model: Any = getattr(self.body, family.language_model)
        self.shape: Shape | None = None
        self._projector = {name: value.clone() for name, value in adapters.projector_of(self.model, family).items()}
        depends_on = {
            "weights": checksum,
            "pixels": self.pictures.fingerprint(),
            "dtype": str(numbers.dtype),
            "version": family.version,
        }
        self.sight = Sight(features, depends_on=depends_on, gigabytes=gigabytes)

    @property
    def device(self) -> torch.device:
        return self.language_model.embed_tokens.weight.device

    def undress(self) -> None:
        """Back to the checkpoint's own weights; whoever tuned all of them has to load the model again."""
        assert self.shape is None or self.shape.kind == "lora", "fully tuned weights cannot be taken off"
        adapters.take_off(self.model)
        self.model.requires_grad_(False)
        self.shape = None
        with torch.no_grad():
            for name, value in adapters.projector_of(self.model, self.family).items():
                value.data = self._projector[name].clone()

    def dress(self, shape: Shape) -> None:
        """Ready for weights of this shape: LoRA that changes nothing yet, or everything as it came."""
        self.undress()
        if shape.kind == "lora":
            adapters.put_on(self.model, self.family, shape)
        for value in adapters.projector_of(self.model, self.family).values():
            value.data = value.data.float()  # small steps are lost in bf16
        self.shape = shape

    def state(self) -> dict[str, Tensor]:
        """What is worn now."""
        assert self.shape is not None, "a student that wears nothing has no state"
        return adapters.state_of(self.model, self.family, self.shape)

    def collate(self, rows: Sequence[HubRow], *, left: bool = False) -> HubBatch:
        """Rows padded on the right, or on the left where they are to be continued; pictures are decoded here."""
        width = max(map(len, rows))
        shape = (len(rows), width)
        ids = torch.full(shape, self.prompts.pad, dtype=torch.int64)
        seen = torch.zeros(shape, dtype=torch.int64)
        supervised = torch.zeros(shape, dtype=torch.bool)
        for index, row in enumerate(rows):
            start = width - len(row) if left else 0
            ids[index, start : start + len(row)] = torch.tensor(row.prompt + row.reply)
            seen[index, start : start + len(row)] = 1
            supervised[index, start + len(row.prompt) : start + len(row)] = True
        images = {row.image: row for row in rows if row.image is not None}
        known = {image: self.glimpse(row) for image, row in images.items()}
        glimpses = tuple(known[row.image] for row in rows if row.image is not None)
        return HubBatch(ids=ids, seen=seen, supervised=supervised, glimpses=glimpses)

    def glimpse(self, row: HubRow) -> Glimpse:
        assert row.image is not None
        content = read_picture(row.image)
        name, facts = name_of(content), facts_of(row)
        if (known := self.sight.find(name)) is not None:
            return Glimpse(name=name, facts=facts, seen=known)
        pixels = self.pictures.pixels(decode(content, row.image))
        tensors = {key: value for key, value in pixels.items() if isinstance(value, Tensor)}
        return Glimpse(name=name, facts=facts, pixels=tensors)

    @torch.no_grad()
    def look(self, glimpse: Glimpse) -> Tensor:
        """What the tower sees, now or when it first looked."""
        if glimpse.seen is not None:
            return glimpse.seen.to(self.device)
        assert glimpse.pixels is not None
        dtype = self.numbers.dtype
        moved = {
            key: value.to(self.device, dtype if value.is_floating_point() else None)
            for key, value in glimpse.pixels.items()
        }
        seen = self.family.look(self.body, moved)
        self.sight.keep(glimpse.name, seen)
        return seen

    def embed(self, ids: Tensor, glimpses: Sequence[Glimpse]) -> Tensor:
        """Embeddings (b, t, width), with what is projected of the pictures at their tokens."""
        words = self.language_model.embed_tokens(ids)
        if not glimpses:
            return words
        kind = next(iter(adapters.projector_of(self.model, self.family).values()), words).dtype
        seen = {name: self.look(one).to(kind) for name, one in {one.name: one for one in glimpses}.items()}
        pictures = [self.family.project(self.body, seen[one.name], one.facts) for one in glimpses]
        where = ids == self.pictures.image_id
        values = torch.cat([picture.reshape(-1, words.shape[-1]) for picture in pictures]).to(words.dtype)
        if len(values) != int(where.sum()):
            raise EdtError(
                f"{len(values)} image features meet {int(where.sum())} image tokens: processor and model of this "
                "checkpoint do not belong together; fetch it again"
            )
        return words.masked_scatter(where.unsqueeze(-1), values)

    def positions(self, ids: Tensor, seen: Tensor, glimpses: Sequence[Glimpse]) -> Tensor:
        """(b, t) or (3, b, t), see `Family.positions`."""
        pictures = ids == self.pictures.image_id
        return self.family.positions(self.body, ids, seen, pictures, [one.facts for one in glimpses])

    def hidden(self, batch: HubBatch) -> Tensor:
        """(b, t, width) after the last layer."""
        return self.language_model(
            inputs_embeds=self.embed(batch.ids, batch.glimpses),
            attention_mask=batch.seen,
            position_ids=self.positions(batch.ids, batch.seen, batch.glimpses),
            use_cache=False,
        ).last_hidden_state

    def loss(self, batch: HubBatch) -> Tensor:
        """Mean cross-entropy over supervised tokens; logits are computed at these places only."""
        where = batch.supervised[:, 1:]
        logits = self.model.lm_head(self.hidden(batch)[:, :-1][where])
        return nn.functional.cross_entropy(logits.float(), batch.ids[:, 1:][where])
