"""Selectors that analyse no error: the task's description, chance, and everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edt.protocols import Supporting, Task
from edt.selection.bm25 import Bm25Selector
from edt.selection.deal import fill
from edt.types import Gap, Pick


class TaskDescription:
    """BM25 with the task's description as the only query: retrieval without errors."""

    reads = frozenset({"task"})
    searches_skills = True

    def __init__(
        self,
        *,
        k1: float = 1.5,
        b: float = 0.75,
        epsilon: float = 0.25,
        idf: str = "okapi",
        stop_words: bool = True,
        cap_per_text: int | None = None,
    ) -> None:
        self._bm25 = Bm25Selector(
            k1=k1, b=b, epsilon=epsilon, idf=idf, stop_words=stop_words, cap_per_text=cap_per_text
        )

    def fingerprint(self) -> dict[str, Any]:
        return self._bm25.fingerprint()

    def select(
        self,
        gaps: Sequence[Gap],
        supporting: Supporting,
        task: Task,
        *,
        budget: int,
        exclude: frozenset[str],
        round: int,
        seed: int,
    ) -> list[Pick]:
        """See `Selector`; `gaps` are not read."""
        queries = [(task.description, None)]
        return self._bm25.select_by(queries, supporting, budget=budget, exclude=exclude, round=round, seed=seed)


class RandomSelector:
    """Picks at random, the same for the same seed and round."""

    reads = frozenset[str]()

    def fingerprint(self) -> dict[str, Any]:
        return {}

    def select(
        self,
        gaps: Sequence[Gap],
        supporting: Supporting,
        task: Task,
        *,
        budget: int,
        exclude: frozenset[str],
        round: int,
        seed: int,
    ) -> list[Pick]:
        """See `Selector`; `gaps` and `task` are not read, no pick is targeted."""
        ids = [sample.id for sample in supporting.samples]
        return fill(ids, budget=budget, exclude=exclude, round=round, seed=seed)


class AllSelector:
    """The whole supporting dataset, whatever the budget: the Full Data baseline."""

    reads = frozenset[str]()

    def fingerprint(self) -> dict[str, Any]:
        return {}

    def select(
        self,
        gaps: Sequence[Gap],
        supporting: Supporting,
        task: Task,
        *,
        budget: int,
        exclude: frozenset[str],
        round: int,
        seed: int,
    ) -> list[Pick]:
        """Every sample that is not in `exclude`, in the dataset's order; no pick is targeted."""
        return [
            Pick(sample_id=sample.id, round=round, targeted=False)
            for sample in supporting.samples
            if sample.id not in exclude
        ]
