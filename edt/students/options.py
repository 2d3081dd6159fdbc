"""A pocket student's options weighed in one forward. Knows its core and rows, not what the weights are for.

A row is a question once, with its options as branches that do not see each
other; several rows pass side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edt.students.chat import IMAGE
from edt.students.core import Core
from edt.students.format import format_reply
from edt.students.lora import materialise
from edt.students.rows import Row
from edt.teachers.tree import ROOT, Read, Tree
from edt.types import Sample


@torch.inference_mode()
def weigh_options(core: Core, samples: Sequence[Sample], root: Path, *, batch_size: int = 16) -> list[list[float]]:
    """Log-probability of each sample's options as its reply, end mark included."""
    rows = core.rows([replace(sample, rationale=()) for sample in samples], root, with_reply=False)
    order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
    weights: list[list[float]] = [[] for _ in rows]
    core.answering()
    materialise(core.model, "fp32")
    try:
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            replies = [[core.chat.reply(format_reply((), option)) for option in samples[n].options] for n in places]
            for place, logs in zip(places, _weigh(core, [rows[n] for n in places], replies), strict=True):
                weights[place] = logs
    finally:
        core.answering()
    return weights


def _weigh(core: Core, rows: Sequence[Row], replies: Sequence[Sequence[Sequence[int]]]) -> list[list[float]]:
    grown = [_grow(row, options) for row, options in zip(rows, replies, strict=True)]
    width = max(len(tree.ids) for tree, _ in grown)
    ids = torch.full((len(rows), width), core.chat.end)
    positions = torch.zeros((len(rows), width), dtype=torch.int64)
    for index, (tree, _) in enumerate(grown):
        ids[index, : len(tree.ids)] = torch.tensor(tree.ids)
        positions[index, : len(tree.ids)] = torch.tensor(tree.positions)
    features = torch.from_numpy(np.stack([core.store.load(row.image) for row in rows])).float()
    language_model: Any = core.model.language_model
    hidden = language_model.model(
        inputs_embeds=core.model.embed(ids, features),
        attention_mask=torch.stack([tree.mask(size=width) for tree, _ in grown])[:, None],
        position_ids=positions,
        use_cache=False,
    ).last_hidden_state
    return [_sums(language_model, hidden[index], reads) for index, (_, reads) in enumerate(grown)]


def _grow(row: Row, options: Sequence[Sequence[int]]) -> tuple[Tree, list[list[Read]]]:
    """Image tokens are all one id, so the tree must not take the second for the first: it goes by parent and id."""
    tree = Tree()
    trunk = tree.grow(row.prompt, ROOT)
    assert tree.ids.count(IMAGE) == row.prompt.count(IMAGE)
    return tree, [tree.read(option, trunk) for option in options]


def _sums(language_model: Any, hidden: Tensor, reads: Sequence[Sequence[Read]]) -> list[float]:
    flat = [read for option in reads for read in option]
    places = sorted({read.index for read in flat})
    row_of = {place: number for number, place in enumerate(places)}
    chances = language_model.lm_head(hidden[places]).log_softmax(-1)
    values = iter(chances[[row_of[read.index] for read in flat], [read.token for read in flat]].tolist())
    return [sum(next(values) for _ in option) for option in reads]
