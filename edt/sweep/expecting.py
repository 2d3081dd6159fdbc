"""What stages that are still to be made may be expected to ask, going by finished ones of the same part.

Knows the stages of a store and the calls that a book says were looked at for
each.  Beside the bound, never in its place: another task or student makes
other errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from edt.protocols import Cost
from edt.store.folders import MANIFEST
from edt.store.keys import canonical
from edt.teachers.callbook import CallBook
from edt.teachers.prices import Price


class Past:
    """Finished stages under `root` whose calls are in `book`, priced at `price` (None: they cost nothing)."""

    def __init__(self, root: Path, book: Path, price: Price | None) -> None:
        self._root, self._book, self._price = root, book, price

    def mean(self, kind: str, part: Mapping[str, Any], task: Mapping[str, Any]) -> Cost | None:
        """Of stages with the same part, on the same task where there are any; None where none of
        them is finished and asked something."""
        alike = [(of_task, cost) for of_task, of_part, cost in self._stages(kind) if of_part == canonical(part)]
        costs = [cost for of_task, cost in alike if of_task == canonical(task)] or [cost for _, cost in alike]
        if not costs:
            return None
        calls, tokens_in, tokens_out = (round(sum(column) / len(costs)) for column in zip(*costs, strict=True))
        usd = self._price.of(tokens_in, tokens_out) if self._price else 0.0
        return Cost(calls=calls, tokens_in=tokens_in, tokens_out=tokens_out, usd=usd)

    def _stages(self, kind: str) -> list[tuple[str, str, tuple[int, int, int]]]:
        """Task, part, and calls and tokens of each."""
        return [(*about, self._taken[key]) for key, about in self._about.get(kind, {}).items() if key in self._taken]

    @cached_property
    def _taken(self) -> dict[str, tuple[int, int, int]]:
        return CallBook(self._book).taken(key for stages in self._about.values() for key in stages)

    @cached_property
    def _about(self) -> dict[str, dict[str, tuple[str, str]]]:
        """Task and part of every stage that may have asked, by kind and key."""
        found: dict[str, dict[str, tuple[str, str]]] = {"identify": {}, "analyse": {}}
        for kind, stages in found.items():
            for path in self._root.glob(f"{kind}/*/{MANIFEST}"):
                try:
                    parts = json.loads(path.read_text("utf-8"))["parts"]
                    stages[path.parent.name] = canonical(parts["0"]), canonical(parts["1"])
                except (OSError, ValueError, KeyError, TypeError):
                    continue  # damaged, or another process is putting it away
        return found
