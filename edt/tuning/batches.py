"""The order of training: every batch of every epoch, a pure function of lengths and seed. Knows no tensor."""

from __future__ import annotations

import random
from collections.abc import Sequence

POOL = 32
"""Batches whose rows are sorted by length together."""


def plan_epoch(lengths: Sequence[int], *, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Indices into `lengths`, each once, in batches of similar length, in random order."""
    chance = random.Random(f"{seed}/{epoch}")
    order = list(range(len(lengths)))
    chance.shuffle(order)
    batches: list[list[int]] = []
    for start in range(0, len(order), batch_size * POOL):
        pool = sorted(order[start : start + batch_size * POOL], key=lambda index: lengths[index])
        batches += [pool[first : first + batch_size] for first in range(0, len(pool), batch_size)]
    chance.shuffle(batches)
    return batches


def plan(lengths: Sequence[int], *, batch_size: int, seed: int, epochs: int) -> list[list[int]]:
    """All epochs in a row: `epochs * ceil(n / batch_size)` batches."""
    return [
        batch for epoch in range(epochs) for batch in plan_epoch(lengths, batch_size=batch_size, seed=seed, epoch=epoch)
    ]
