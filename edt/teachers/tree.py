"""Texts with common beginnings as one row of tokens that branches, and the mask that keeps branches apart.

Knows token ids; knows no model and no text.  A token of the row sees itself and
its ancestors, at the position that it has in its own text, so that one pass
over the row equals one forward a text.  The trunk stands first in the row, a
text like any other: a model can read it without a mask, and keep what it read
for the branches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

Ids = Sequence[int]
ROOT = -1
"""What the first token of a text comes after."""


@dataclass(frozen=True)
class Read:
    """One token to be judged: the log-probability of `token` after the row's token at `index`."""

    index: int
    token: int


@dataclass
class Tree:
    """The row: token ids, positions, and each token's predecessor by its index."""

    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    trunk: int = 0
    """How many tokens at the beginning of the row are one text."""
    _children: dict[tuple[int, int], int] = field(default_factory=dict)

    def grow(self, ids: Ids, after: int) -> int:
        """Continue the text that ends at index `after`; what is there already is shared. Returns the last index."""
        for token in ids:
            place = self._children.get((after, token))
            if place is None:
                place = self._children[after, token] = len(self.ids)
                self.ids.append(token)
                self.parents.append(after)
                self.positions.append(0 if after == ROOT else self.positions[after] + 1)
            after = place
        return after

    def read(self, ids: Ids, after: int) -> list[Read]:
        """One read a token of `ids` after index `after`; the last token is read, never fed."""
        assert after != ROOT, "there is nothing to read the first token of a text from"
        reads = []
        for n, token in enumerate(ids):
            reads.append(Read(after, token))
            after = self.grow((token,), after) if n < len(ids) - 1 else after
        return reads

    def mask(self, *, size: int | None = None) -> torch.Tensor:
        """Float, (size, size), 0 where a row may look and the smallest float elsewhere; `size` pads at the end.

        A padding row looks at itself, so that no softmax is empty.
        """
        import numpy as np
        import torch

        size = size or len(self.ids)
        seen = np.eye(size, dtype=bool)
        for index, parent in enumerate(self.parents):
            if parent != ROOT:
                seen[index] |= seen[parent]
        return torch.where(torch.from_numpy(seen), 0.0, torch.finfo(torch.float32).min)


def plant(head: Ids, steps: Sequence[Ids], probe: Ids, options: Sequence[Ids]) -> tuple[Tree, list[list[list[Read]]]]:
    """The tree of a rationale, and reads[k][o]: one read a token of option o after k steps and the probe."""
    tree = Tree()
    ends = [tree.grow(head, ROOT)]
    for step in steps:
        ends.append(tree.grow(step, ends[-1]))
    tree.trunk = len(tree.ids)
    asked = [tree.grow(probe, end) for end in ends]
    return tree, [[tree.read(option, after) for option in options] for after in asked]
