"""Replies and weights of options from a loaded core. Knows rows, caches and masks, no sample.

Batches are padded on the left: on the right, the shorter rows would go on from
their padding. Decoding is greedy, whatever sampling a checkpoint suggests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from edt.students.hub.core import HubBatch, HubCore
from edt.students.hub.prompts import HubRow
from edt.teachers.tree import ROOT, Read, Tree

SHRINK = 0.8
"""A batch is compacted when this share of its rows or less is still going."""


@torch.inference_mode()
def generate(core: HubCore, rows: Sequence[HubRow], *, max_new_tokens: int) -> list[list[int]]:
    """The greedy continuation of each prompt, up to an end mark or `max_new_tokens`."""
    from transformers import DynamicCache

    batch = core.collate(rows, left=True).to(core.device)
    positions, seen = core.positions(batch.ids, batch.seen, batch.glimpses), batch.seen
    cache: Any = DynamicCache(config=core.language_model.config)
    token = _next(core, core.embed(batch.ids, batch.glimpses), seen, positions, cache)
    position = (positions.amax(0) if positions.dim() == 3 else positions).amax(-1) + 1
    place = torch.arange(len(rows))
    replies: list[list[int]] = [[] for _ in rows]
    for step in range(max_new_tokens):
        for index, chosen in zip(place.tolist(), token.tolist(), strict=True):
            if not replies[index] or replies[index][-1] not in core.prompts.stops:
                replies[index].append(chosen)
        going = torch.tensor([replies[index][-1] not in core.prompts.stops for index in place.tolist()])
        if step + 1 == max_new_tokens or not going.any():
            break
        if going.float().mean() <= SHRINK:
            which = going.nonzero().squeeze(1)
            place, there = place[which], which.to(core.device)
            token, position, seen = token[there], position[there], seen[there]
            cache.batch_select_indices(there)
        seen = torch.cat([seen, torch.ones_like(seen[:, :1])], dim=1)
        at = position[:, None].expand(3, -1, -1) if positions.dim() == 3 else position[:, None]
        token = _next(core, core.language_model.embed_tokens(token[:, None]), seen, at, cache)
        position = position + 1
    return replies


def _next(core: HubCore, embeddings: Tensor, seen: Tensor, positions: Tensor, cache: Any) -> Tensor:
    """The likeliest token after each row's last."""
    hidden = core.language_model(
        inputs_embeds=embeddings, attention_mask=seen, position_ids=positions, past_key_values=cache, use_cache=True
    ).last_hidden_state
    return core.model.lm_head(hidden[:, -1]).float().argmax(-1)


@torch.inference_mode()
def weigh(core: HubCore, asked: Sequence[tuple[HubRow, Sequence[Sequence[int]]]]) -> list[list[float]]:
    """Log-probabilities of each question's options, given as replies: all in one forward.

    A row is a prompt once, with its options as branches that do not see each
    other. A plain 4D mask is what it says for full attention only: see `takes_branches`.
    """
    trees, reads = zip(*(_plant(row, options) for row, options in asked), strict=True)
    width = max(len(tree.ids) for tree in trees)
    prompts = core.collate([_prompt_of(row) for row, _ in asked])
    ids, positions = _laid_out(core, prompts, [len(row.prompt) for row, _ in asked], trees, width)
    mask = torch.stack([tree.mask(size=width) for tree in trees])[:, None]
    dtype = core.language_model.embed_tokens.weight.dtype
    hidden = core.language_model(
        inputs_embeds=core.embed(ids, prompts.glimpses),
        attention_mask=mask.clamp(min=torch.finfo(dtype).min).to(core.device, dtype),
        position_ids=positions,
        use_cache=False,
    ).last_hidden_state
    return [_sums(core, hidden[index], of) for index, of in enumerate(reads)]


def takes_branches(core: HubCore) -> bool:
    """Whether every layer attends to all that the mask allows."""
    layers = getattr(core.language_model.config, "layer_types", None) or []
    return all(layer == "full_attention" for layer in layers)


@torch.inference_mode()
def weigh_plainly(core: HubCore, row: HubRow, options: Sequence[Sequence[int]]) -> list[float]:
    """The same by one forward an option: the judge of `weigh`, and its stand-in where masks are not taken."""
    logs = []
    for option in options:
        whole = HubRow(
            sample_id=row.sample_id, prompt=row.prompt, reply=tuple(option), image=row.image, facts=row.facts
        )
        batch = core.collate([whole]).to(core.device)
        chances = core.model.lm_head(core.hidden(batch)[0, :-1]).float().log_softmax(-1)
        where = batch.supervised[0, 1:]
        logs.append(chances[where].gather(1, batch.ids[0, 1:][where][:, None]).sum().item())
    return logs


def _plant(row: HubRow, options: Sequence[Sequence[int]]) -> tuple[Tree, list[list[Read]]]:
    tree = Tree()
    trunk = tree.grow(row.prompt, ROOT)
    return tree, [tree.read(option, trunk) for option in options]


def _prompt_of(row: HubRow) -> HubRow:
    return HubRow(sample_id=row.sample_id, prompt=row.prompt, reply=(), image=row.image, facts=row.facts)


def _laid_out(
    core: HubCore, prompts: HubBatch, lengths: Sequence[int], trees: Sequence[Tree], width: int
) -> tuple[Tensor, Tensor]:
    """Ids (b, width), and positions: of the prompts by the family's rule, of branches counted on from their ends."""
    base = core.positions(prompts.ids, prompts.seen, prompts.glimpses)
    many = base if base.dim() == 3 else base[None]
    ids = torch.full((len(trees), width), core.prompts.pad, dtype=torch.int64)
    positions = torch.zeros((len(many), len(trees), width), dtype=torch.int64)
    for index, (tree, length) in enumerate(zip(trees, lengths, strict=True)):
        ids[index, : len(tree.ids)] = torch.tensor(tree.ids)
        positions[:, index, :length] = many[:, index, :length]
        behind = int(many[:, index, :length].max()) + 1 - length
        positions[:, index, length : len(tree.ids)] = torch.tensor(tree.positions[length:], dtype=torch.int64) + behind
    positions = positions if base.dim() == 3 else positions[0]
    return ids.to(core.device), positions.to(core.device)


def _sums(core: HubCore, hidden: Tensor, reads: Sequence[Sequence[Read]]) -> list[float]:
    flat = [read for option in reads for read in option]
    places = sorted({read.index for read in flat})
    row_of = {place: number for number, place in enumerate(places)}
    chances = core.model.lm_head(hidden[torch.tensor(places, device=hidden.device)]).float().log_softmax(-1)
    rows, tokens = torch.tensor([row_of[read.index] for read in flat]), torch.tensor([read.token for read in flat])
    values = iter(chances[rows.to(hidden.device), tokens.to(hidden.device)].tolist())
    return [sum(next(values) for _ in option) for option in reads]
