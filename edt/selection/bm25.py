"""Targeted selection: missing skills search the required skills of supporting samples.

Knows what is a query and what is a document; ranking is `index`, sharing `deal`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from edt.protocols import Supporting, Task, fingerprint_of
from edt.selection.deal import Terms, deal
from edt.selection.deepen import rankings_of
from edt.selection.index import Bm25Index, check_bm25
from edt.types import Gap, Pick, Sample

SAVED_FROM = 20_000
"""Samples from which on an index is kept on disk; over fewer it is built in the time that reading takes."""


def document_of(sample: Sample) -> str:
    """What selection searches in: a sample's required skills."""
    return " ; ".join(sample.required_skills)


class Bm25Selector:
    """BM25 between each error's missing skill and required skills, dealt rank by rank.

    `top_k`, `fill`, `cap_per_text` and `share` are its `Terms`.  `backend` and what an index
    is made with, see `Bm25Index`; indexes over `saved_from` samples or more are
    kept on disk.
    """

    reads = frozenset({"gaps"})
    searches_skills = True

    def __init__(
        self,
        *,
        k1: float = 1.5,
        b: float = 0.75,
        epsilon: float = 0.25,
        idf: str = "okapi",
        stop_words: bool = True,
        stem: bool = False,
        backend: str = "indexed",
        cap_per_text: int | None = None,
        top_k: int | None = None,
        fill: str = "random",
        share: str = "skill",
        saved_from: int = SAVED_FROM,
    ) -> None:
        check_bm25(k1=k1, b=b, epsilon=epsilon, idf=idf, backend=backend)
        self._terms = Terms(top_k=top_k, fill=fill, cap_per_text=cap_per_text, share=share)
        self._scoring: dict[str, Any] = {"k1": k1, "b": b, "epsilon": epsilon, "idf": idf, "stop_words": stop_words}
        self._stem, self._backend, self._saved_from = stem, backend, saved_from
        self._last: tuple[Supporting, Bm25Index] | None = None

    def fingerprint(self) -> dict[str, Any]:
        """Both backends pick the same."""
        return {**self._scoring, **({"stem": True} if self._stem else {}), **self._terms.fingerprint()}

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
        index = self._index(supporting)
        rankings = rankings_of(queries, index.best, budget=budget)
        return deal(rankings, index.ids, budget=budget, exclude=exclude, round=round, seed=seed, terms=self._terms)

    def _index(self, supporting: Supporting) -> Bm25Index:
        """Of this round, of an earlier one, or of an earlier run."""
        if self._last is None or self._last[0] is not supporting:
            self._last = supporting, self._saved_or_new(supporting)
        return self._last[1]

    def _saved_or_new(self, supporting: Supporting) -> Bm25Index:
        make = partial(self._new, supporting)
        if self._backend != "indexed" or len(supporting.samples) < self._saved_from:
            return make()
        from edt.selection.postings import Scoring
        from edt.selection.saved import saved_index

        samples = {"of": fingerprint_of(supporting), "text": "required skills"}
        return saved_index(make, samples=samples, scoring=Scoring(**self._scoring, stem=self._stem))

    def _new(self, supporting: Supporting) -> Bm25Index:
        samples = supporting.samples
        texts = (document_of(sample) for sample in samples)
        return Bm25Index(
            [sample.id for sample in samples], texts, **self._scoring, stem=self._stem, backend=self._backend
        )
