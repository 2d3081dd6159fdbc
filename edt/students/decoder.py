"""Greedy decoding of left-padded batches on merged fp32 weights. Knows a plain Llama, not samples.

LoRA is merged into a dense copy of each weight, with q, k, v and gate, up side
by side; keys and values lie in one preallocated cache that is never repeated
over query groups; only the last position gets logits; rows that have ended
leave the batch. Left padding is what makes batches agree with single rows.
Matrices lie as the library of products reads them: with a few dozen rows a
product takes about as long as its weights take to be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import rms_norm, silu

from edt.errors import EdtError
from edt.products import packed, product
from edt.students.lora import LoraLinear
from edt.students.model import PocketModel
from edt.threads import Halted

ROWS = 32
"""Rows of a typical batch on its way, which weights are packed for."""
SHRINK = 0.8
"""A batch is compacted when this share of its rows or less is still going."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layer:
    """Weights of one block; matrices (out, in), packed."""

    before: Tensor
    qkv: Tensor
    out: Tensor
    between: Tensor
    gate_up: Tensor
    down: Tensor


@dataclass(kw_only=True, slots=True)
class _Rows:
    """The rows still going: their place in the batch, cache, what of it they see, next position."""

    place: Tensor
    cache: Tensor
    """(layers, 2, rows, kv heads, length, head size)"""
    seen: Tensor
    """(rows, length) bool"""
    position: Tensor
    token: Tensor

    def keep(self, which: Tensor) -> None:
        self.place, self.seen = self.place[which], self.seen[which]
        self.position, self.token = self.position[which], self.token[which]
        self.cache = self.cache[:, :, which]


class Decoder:
    """A merged copy of a model as it is now; later changes of the model do not reach it."""

    def __init__(self, model: PocketModel) -> None:
        body = model.language_model.model
        config = model.language_model.config
        if config.hidden_act != "silu" or config.attention_bias or config.mlp_bias:
            raise EdtError(f"the decoder knows plain Llama models, and this is {config.model_type} with other parts")
        self._model = model
        self._heads, self._kv_heads = config.num_attention_heads, config.num_key_value_heads
        self._size, self._eps = config.head_dim, config.rms_norm_eps
        self._layers = [_merge(layer) for layer in body.layers]
        self._norm: Tensor = body.norm.weight.detach()
        self._head: Tensor = packed(model.language_model.lm_head.weight.detach(), ROWS)
        self._rotary: Any = body.rotary_emb
        self._words: Any = body.embed_tokens

    @torch.inference_mode()
    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        features: Tensor,
        *,
        end: int,
        max_new_tokens: int,
        stop: Event | None = None,
    ) -> list[list[int]]:
        """The greedy continuation of each prompt, up to the end mark or `max_new_tokens`.

        `features` is (b, n, 1280). Prompts of about one length waste least.
        Raises Halted once `stop` is set.
        """
        ids, seen = _pad_left(prompts, pad=end)
        replies: list[list[int]] = [[] for _ in prompts]
        rows, width = self._read(ids, seen, features, room=max_new_tokens), ids.shape[1]
        for step in range(max_new_tokens):
            for place, token in zip(rows.place.tolist(), rows.token.tolist(), strict=True):
                if not replies[place] or replies[place][-1] != end:
                    replies[place].append(token)
            going = torch.tensor([replies[place][-1] != end for place in rows.place.tolist()])
            if step + 1 == max_new_tokens or not going.any():
                break
            if going.float().mean() <= SHRINK:
                rows.keep(going.nonzero().squeeze(1))
            if stop is not None and stop.is_set():
                raise Halted
            rows.token = self._next(rows, at=width + step)
        return replies

    def _read(self, ids: Tensor, seen: Tensor, features: Tensor, *, room: int) -> _Rows:
        """Pass the prompts once; `room` is left in the cache for what follows."""
        (batch, width), length = ids.shape, ids.shape[1] + room
        cache = torch.zeros(len(self._layers), 2, batch, self._kv_heads, length, self._size)
        places = (seen.cumsum(1) - 1).clamp(min=0)
        causal = torch.ones(width, width, dtype=torch.bool).tril()
        hidden = self._pass(self._model.embed(ids, features), places, cache, seen[:, None, :] & causal, start=0)
        room_seen = torch.ones(batch, room, dtype=torch.bool)
        return _Rows(
            place=torch.arange(batch),
            cache=cache,
            seen=torch.cat([seen, room_seen], 1),
            position=places[:, -1] + 1,
            token=self._choose(hidden[:, -1]),
        )

    def _next(self, rows: _Rows, *, at: int) -> Tensor:
        embedded = self._words(rows.token[:, None])
        mask = rows.seen[:, None, : at + 1]
        hidden = self._pass(embedded, rows.position[:, None], rows.cache, mask, start=at)
        rows.position = rows.position + 1
        return self._choose(hidden[:, -1])

    def _choose(self, hidden: Tensor) -> Tensor:
        return product(rms_norm(hidden, hidden.shape[-1:], self._norm, self._eps), self._head).argmax(-1)

    def _pass(self, x: Tensor, positions: Tensor, cache: Tensor, mask: Tensor, *, start: int) -> Tensor:
        """`x` (b, t, width) through all blocks; `mask` (b, t, start + t) says what each place sees."""
        cos, sin = (part.unsqueeze(2) for part in self._rotary(x, positions))
        bias = torch.zeros(mask.shape).masked_fill_(~mask, torch.finfo(x.dtype).min)[:, None, None]
        for layer, (keys, values) in zip(self._layers, cache, strict=True):
            normed = rms_norm(x, x.shape[-1:], layer.before, self._eps)
            x = x + product(self._attend(product(normed, layer.qkv), cos, sin, keys, values, bias, start), layer.out)
            normed = rms_norm(x, x.shape[-1:], layer.between, self._eps)
            gate, up = product(normed, layer.gate_up).chunk(2, -1)
            x = x + product(silu(gate) * up, layer.down)
        return x

    def _attend(
        self, qkv: Tensor, cos: Tensor, sin: Tensor, keys: Tensor, values: Tensor, bias: Tensor, start: int
    ) -> Tensor:
        """Attention of a chunk over the cache, which it is added to; (b, t, heads * size)."""
        batch, width, _ = qkv.shape
        heads, groups, size = self._heads, self._kv_heads, self._size
        q, k, v = qkv.view(batch, width, -1, size).split([heads, groups, groups], 2)
        keys[:, :, start : start + width] = _turn(k, cos, sin).transpose(1, 2)
        values[:, :, start : start + width] = v.transpose(1, 2)
        q = _turn(q, cos, sin).transpose(1, 2).reshape(batch, groups, -1, size)
        scores = q @ keys[:, :, : start + width].transpose(2, 3)
        shaped = scores.view(batch, groups, heads // groups, width, -1).mul_(size**-0.5).add_(bias)
        weights = shaped.softmax(-1).view_as(scores)
        mixed = (weights @ values[:, :, : start + width]).view(batch, heads, width, size)
        return mixed.transpose(1, 2).reshape(batch, width, -1)


def _turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding of (b, t, heads, size)."""
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


def _merge(block: Any) -> _Layer:
    attention, mlp = block.self_attn, block.mlp
    return _Layer(
        before=block.input_layernorm.weight.detach(),
        qkv=_side_by_side(attention.q_proj, attention.k_proj, attention.v_proj),
        out=_side_by_side(attention.o_proj),
        between=block.post_attention_layernorm.weight.detach(),
        gate_up=_side_by_side(mlp.gate_proj, mlp.up_proj),
        down=_side_by_side(mlp.down_proj),
    )


def _side_by_side(*layers: LoraLinear) -> Tensor:
    return packed(torch.cat([layer.merged() for layer in layers]), ROWS)


def _pad_left(prompts: Sequence[Sequence[int]], *, pad: int) -> tuple[Tensor, Tensor]:
    """(b, t) ids, and which of them are no padding."""
    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), pad, dtype=torch.int64)
    seen = torch.zeros((len(prompts), width), dtype=torch.bool)
    for index, prompt in enumerate(prompts):
        ids[index, width - len(prompt) :] = torch.tensor(prompt)
        seen[index, width - len(prompt) :] = True
    return ids, seen
