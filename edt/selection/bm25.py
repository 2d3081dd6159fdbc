"""Targeted selection: missing skills search the required skills of supporting samples.

Knows what is a query and what is a document; ranking is `index`, sharing `deal`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edt.errors import EdtError
from edt.protocols import Supporting, Task
from edt.selection.deal import Ranking, check_share, deal
from edt.selection.index import Bm25Index, check_bm25
from edt.types import Gap, Pick, Sample


def document_of(sample: Sample) -> str:
    """What selection searches in: a sample's required skills."""
    return " ; ".join(sample.required_skills)


class Bm25Selector:
    """BM25 between each error's missing skill and required skills, dealt rank by rank.

    `top_k` bounds how deep a ranking is dealt; None goes as deep as the budget
    asks.  `cap_per_text` bounds how many samples of one text are dealt.
    `share` is "skill" or "error", see `deal`.
    """

    reads = frozenset({"gaps"})

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
        share: str = "skill",
    ) -> None:
        check_bm25(k1=k1, b=b, epsilon=epsilon, idf=idf)
        check_share(share)
        for name, value in (("cap_per_text", cap_per_text), ("top_k", top_k)):
            if value is not None and value < 1:
                raise EdtError(f"selector.{name} is {value}; it must be 1 or more, or null for no bound")
        self._scoring: dict[str, Any] = {"k1": k1, "b": b, "epsilon": epsilon, "idf": idf, "stop_words": stop_words}
        self._top_k, self._cap, self._share = top_k, cap_per_text, share

    def fingerprint(self) -> dict[str, Any]:
        return {**self._scoring, "top_k": self._top_k, "cap_per_text": self._cap, "share": self._share}

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
        """See `Selector`. Gaps without a skill, and skills that find nothing, leave a shortfall to be filled."""
        queries = [(gap.skill, gap.sample_id) for gap in gaps if gap.skill]
        return self.select_by(queries, supporting, budget=budget, exclude=exclude, round=round, seed=seed)

    def select_by(
        self,
        queries: Sequence[tuple[str, str | None]],
        supporting: Supporting,
        *,
        budget: int,
        exclude: frozenset[str],
        round: int,
        seed: int,
    ) -> list[Pick]:
        """Picks for (query, error id) pairs; identical queries are searched once."""
        ids = [sample.id for sample in supporting.samples]
        index = Bm25Index(ids, [document_of(sample) for sample in supporting.samples], **self._scoring)
        found = {
            query: index.search(query, without=exclude, top_k=self._top_k)
            for query in dict.fromkeys(query for query, _ in queries)
        }
        rankings = [Ranking(query=query, error_id=error_id, hits=found[query]) for query, error_id in queries]
        return deal(
            rankings,
            ids,
            budget=budget,
            exclude=exclude,
            round=round,
            seed=seed,
            share=self._share,
            cap_per_text=self._cap,
        )
