"""Retrieval by the question that was answered wrong, without asking what went wrong. Knows no skill."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from edt.protocols import Supporting, Task
from edt.selection.deal import Terms, deal
from edt.selection.deepen import rankings_of
from edt.selection.index import Bm25Index, check_bm25
from edt.types import Gap, Pick, by_id

OPTIONS = re.compile(r"[\s(]*\b(?:options|choices)\b.*", re.IGNORECASE | re.DOTALL)


def stem_of(question: str) -> str:
    """A question without the list of options that ends it; as it is where nothing else is there."""
    return OPTIONS.sub("", question).strip() or question


class QuestionSelector:
    """BM25 between the questions of errors and those of supporting samples, dealt as missing skills are."""

    reads = frozenset({"errors", "task"})

    def __init__(
        self,
        *,
        k1: float = 1.5,
        b: float = 0.75,
        epsilon: float = 0.25,
        idf: str = "okapi",
        stop_words: bool = True,
        cap_per_text: int | None = None,
        top_k: int | None = None,
        fill: str = "random",
        share: str = "skill",
    ) -> None:
        check_bm25(k1=k1, b=b, epsilon=epsilon, idf=idf)
        self._terms = Terms(top_k=top_k, fill=fill, cap_per_text=cap_per_text, share=share)
        self._scoring: dict[str, Any] = {"k1": k1, "b": b, "epsilon": epsilon, "idf": idf, "stop_words": stop_words}

    def fingerprint(self) -> dict[str, Any]:
        return {**self._scoring, **self._terms.fingerprint()}

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
        """See `Selector`; of `gaps` only their samples are read."""
        asked = by_id(task.validation)
        ids = [sample.id for sample in supporting.samples]
        index = Bm25Index(ids, (sample.question for sample in supporting.samples), **self._scoring)
        queries = [(asked[gap.sample_id].question, gap.sample_id) for gap in gaps]
        rankings = rankings_of(queries, index.best, budget=budget)
        return deal(rankings, ids, budget=budget, exclude=exclude, round=round, seed=seed, terms=self._terms)
