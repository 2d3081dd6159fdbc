"""The pocket model: a language model and a projector that turns picture features into its tokens.

LLaVA's structure at its smallest. The frozen vision tower is not in here: the
model takes its cached features, so nothing can put the tower into train mode.
Knows tensors, not samples or files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edt.products import head_loss
from edt.students.chat import IMAGE
from edt.students.lora import add_lora, lora_layers

CHANNELS = 1280
"""Of the vision tower's map."""


class Projector(nn.Module):
    """Picture features (b, n, 1280) to token embeddings (b, n, width), through GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(CHANNELS, width)
        self.second = nn.Linear(width, width)

    def forward(self, features: Tensor) -> Tensor:
        normed = nn.functional.layer_norm(features, (CHANNELS,))
        return self.second(nn.functional.gelu(self.first(normed)))


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows padded on the right: with causal attention no row sees its padding, so no mask is needed."""

    ids: Tensor
    """(b, t) int64, `IMAGE` at image tokens, the end mark as padding."""
    supervised: Tensor
    """(b, t) bool: the token at this place is to be predicted."""
    features: Tensor
    """(b, n, 1280) of each row's picture."""

    def to(self, device: Any) -> Batch:
        """Called by Lightning, which refuses to move a frozen dataclass that cannot move itself."""
        return Batch(ids=self.ids.to(device), supervised=self.supervised.to(device), features=self.features.to(device))


class PocketModel(nn.Module):
    """Frozen `language_model` (a LlamaForCausalLM) with LoRA, and a `projector`."""

    def __init__(self, language_model: Any, *, rank: int, alpha: int) -> None:
        super().__init__()
        self.language_model = language_model
        self.projector = Projector(language_model.config.hidden_size)
        add_lora(self, rank=rank, alpha=alpha)
        self.projector.requires_grad_(True)  # peft freezes everything that is not its own

    def embed(self, ids: Tensor, features: Tensor) -> Tensor:
        """Embeddings (b, t, width), with the projected features at the image tokens."""
        words = self.language_model.model.embed_tokens(ids.clamp(min=0))
        picture = self.projector(features.to(words.dtype))
        return words.masked_scatter((ids == IMAGE).unsqueeze(-1), picture)

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy over supervised tokens; logits are computed at these places only."""
        hidden = self.language_model.model(
            inputs_embeds=self.embed(batch.ids, batch.features), use_cache=False
        ).last_hidden_state
        where = batch.supervised[:, 1:]
        return head_loss(hidden[:, :-1][where], self.language_model.lm_head.weight, batch.ids[:, 1:][where])

    def lora_parameters(self) -> list[nn.Parameter]:
        return [weight for layer in lora_layers(self).values() for weight in (layer.a, layer.b)]

    def projector_parameters(self) -> list[nn.Parameter]:
        return list(self.projector.parameters())


def fresh_weights(model: PocketModel, *, seed: int) -> None:
    """Start the adapter and the projector anew: LoRA that changes nothing, tokens as large as words."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in lora_layers(model).values():
            layer.a.copy_(torch.randn(layer.a.shape, generator=generator) / layer.a.shape[1] ** 0.5)
            layer.b.zero_()
        for linear in (model.projector.first, model.projector.second):
            linear.weight.copy_(torch.randn(linear.weight.shape, generator=generator) / linear.in_features**0.5)
            linear.bias.zero_()
        size = model.language_model.model.embed_tokens.weight.std()
        model.projector.second.weight.mul_(size / 0.6)
