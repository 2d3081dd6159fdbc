"""Samples as rows of token ids, and rows as padded batches. Knows shapes, not training or generation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from edt.errors import EdtError
from edt.students.chat import IMAGE, Chat
from edt.students.features import FeatureStore
from edt.students.format import format_reply
from edt.types import Sample

if TYPE_CHECKING:
    from edt.students.model import Batch

T = TypeVar("T")
MAX_TOKENS = 1024
"""Of one row; nothing is ever cut off, a longer row is refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One sample in token ids. `reply` is empty where it is to be generated."""

    sample_id: str
    prompt: tuple[int, ...]
    reply: tuple[int, ...]
    image: Path

    def __len__(self) -> int:
        return len(self.prompt) + len(self.reply)


def make_rows(samples: Sequence[Sample], root: Path, chat: Chat, *, with_reply: bool) -> list[Row]:
    """A row a sample, in order; raises EdtError where one is too long."""
    rows = []
    for sample in samples:
        reply = chat.reply(format_reply(sample.rationale, sample.answer)) if with_reply else []
        row = Row(
            sample_id=sample.id,
            prompt=tuple(chat.prompt(sample.question)),
            reply=tuple(reply),
            image=root / sample.image,
        )
        if len(row) > MAX_TOKENS:
            raise EdtError(f"sample {sample.id!r} has {len(row)} tokens, and {MAX_TOKENS} is the most; shorten it")
        rows.append(row)
    return rows


def even_parts(rows: Sequence[Row], *, tokens: int) -> list[Sequence[Row]]:
    """The rows in order, in an even number of runs of like size, about `tokens` with padding or less in each."""
    pairs = -(-max(map(len, rows)) * len(rows) // (2 * tokens))
    return runs(rows, min(2 * pairs, len(rows)))


def runs(items: Sequence[T], count: int) -> list[Sequence[T]]:
    """The items in order, in `count` runs whose sizes differ by one at most."""
    cuts = [round(number * len(items) / count) for number in range(count + 1)]
    return [items[start:end] for start, end in pairwise(cuts)]


def collate(rows: Sequence[Row], store: FeatureStore, *, pad: int) -> Batch:
    """Rows with replies, padded on the right."""
    import numpy as np
    import torch

    from edt.students.model import Batch

    width = max(map(len, rows))
    ids = torch.full((len(rows), width), pad, dtype=torch.int64)
    supervised = torch.zeros((len(rows), width), dtype=torch.bool)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row.prompt + row.reply)
        supervised[index, len(row.prompt) : len(row)] = True
    features = torch.from_numpy(np.stack([store.load(row.image) for row in rows])).float()
    return Batch(ids=ids, supervised=supervised, features=features)


def check_rows(rows: Sequence[Row], *, num_image_tokens: int) -> None:
    """Raise EdtError unless every row has something to learn from and its whole picture."""
    if not rows:
        raise EdtError("there is no sample to train on; choose a larger scale or another selector")
    for row in rows:
        if not row.reply:
            raise EdtError(f"sample {row.sample_id!r} has no supervised tokens; it needs an answer")
        if row.prompt.count(IMAGE) != num_image_tokens:
            raise EdtError(f"sample {row.sample_id!r} has {row.prompt.count(IMAGE)} of {num_image_tokens} image tokens")
