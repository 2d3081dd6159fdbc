"""Targeted selection by sentence embeddings, alone and beside BM25: beyond the paper.

Knows what is a query and what is a document; embedding is `sentences`, sharing `deal`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edt.errors import EdtError
from edt.protocols import Supporting, Task
from edt.selection.bm25 import document_of
from edt.selection.deal import Terms, deal
from edt.selection.deepen import rankings_of
from edt.selection.index import Bm25Index, check_bm25
from edt.selection.rank import Ranked, unit, unit_cosines
from edt.selection.sentences import SentenceEncoder
from edt.types import Gap, Pick

if TYPE_CHECKING:
    import numpy as np


class DenseIndex:
    """Documents by the cosine of their embeddings to a query's; each distinct text is embedded once."""

    def __init__(self, ids: Sequence[str], texts: Sequence[str], encoder: SentenceEncoder) -> None:
        import numpy as np

        self.documents = sorted(zip(ids, texts, strict=True))
        distinct = list(dict.fromkeys(text for _, text in self.documents))
        slots = {text: slot for slot, text in enumerate(distinct)}
        self._slot = np.array([slots[text] for _, text in self.documents])
        self._encoder, self._vectors = encoder, unit(encoder.embed(distinct))

    def scores(self, query: str) -> np.ndarray:
        """A cosine a document, in the order of `documents`."""
        return unit_cosines(self._vectors, unit(self._encoder.embed([query])))[:, 0][self._slot]

    def best(self, query: str, depth: int) -> Ranked:
        """The first `depth` documents, used ones too."""
        return Ranked(self.documents, self.scores(query), top_k=depth)


class DenseSelector:
    """The samples whose required skills are nearest to each error's missing skill; options as of `Bm25Selector`."""

    reads = frozenset({"gaps"})
    makes_features = True
    searches_skills = True

    def __init__(
        self,
        *,
        model: str | None = None,
        revision: str | None = None,
        cap_per_text: int | None = None,
        top_k: int | None = None,
        fill: str = "random",
        share: str = "skill",
        cache: str | None = None,
    ) -> None:
        self._terms = Terms(top_k=top_k, fill=fill, cap_per_text=cap_per_text, share=share)
        self._encoder = SentenceEncoder(model, revision=revision, cache=cache)

    def fingerprint(self) -> dict[str, Any]:
        return {"encoder": self._encoder.fingerprint(), **self._terms.fingerprint()}

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
        """See `Selector`. Every sample is near to a skill in some degree, so only errors without one leave a gap."""
        ids, texts = _documents(supporting)
        index = DenseIndex(ids, texts, self._encoder)
        rankings = rankings_of(_queries(gaps), index.best, budget=budget)
        return deal(rankings, ids, budget=budget, exclude=exclude, round=round, seed=seed, terms=self._terms)


class HybridSelector:
    """BM25 and embeddings by reciprocal rank: a sample scores 1 / (`constant` + rank) in each ranking that has it.

    After Cormack, Clarke and Buettcher (2009), who found 60 to do.  `depth`
    bounds how much of each ranking counts; the other options are those of its two halves.
    """

    reads = frozenset({"gaps"})
    makes_features = True
    searches_skills = True

    def __init__(
        self,
        *,
        model: str | None = None,
        revision: str | None = None,
        k1: float = 1.5,
        b: float = 0.75,
        epsilon: float = 0.25,
        idf: str = "okapi",
        stop_words: bool = True,
        constant: int = 60,
        depth: int = 1000,
        cap_per_text: int | None = None,
        top_k: int | None = None,
        fill: str = "random",
        share: str = "skill",
        cache: str | None = None,
    ) -> None:
        check_bm25(k1=k1, b=b, epsilon=epsilon, idf=idf)
        self._terms = Terms(top_k=top_k, fill=fill, cap_per_text=cap_per_text, share=share)
        for name, value in (("constant", constant), ("depth", depth)):
            if value < 1:
                raise EdtError(f"selector.{name} is {value}; it must be 1 or more")
        self._encoder = SentenceEncoder(model, revision=revision, cache=cache)
        self._words: dict[str, Any] = {"k1": k1, "b": b, "epsilon": epsilon, "idf": idf, "stop_words": stop_words}
        self._constant, self._depth = constant, depth

    def fingerprint(self) -> dict[str, Any]:
        own = {"constant": self._constant, "depth": self._depth, **self._terms.fingerprint()}
        return {"encoder": self._encoder.fingerprint(), **self._words, **own}

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
        """See `Selector`. What neither ranking has within `depth` is not found."""
        import numpy as np

        ids, texts = _documents(supporting)
        near, words = DenseIndex(ids, texts, self._encoder), Bm25Index(ids, texts, **self._words)
        place = {sample_id: at for at, (sample_id, _) in enumerate(near.documents)}

        def best(query: str, depth: int) -> Ranked:
            scores = np.zeros(len(place))
            for hits in (near.best(query, self._depth), words.best(query, self._depth)):
                for hit in hits:
                    scores[place[hit.sample_id]] += 1 / (self._constant + hit.rank)
            found = np.flatnonzero(scores > 0)
            documents = [near.documents[at] for at in found]
            return Ranked(documents, scores[found], top_k=depth)

        rankings = rankings_of(_queries(gaps), best, budget=budget)
        return deal(rankings, ids, budget=budget, exclude=exclude, round=round, seed=seed, terms=self._terms)


def _documents(supporting: Supporting) -> tuple[list[str], list[str]]:
    samples = supporting.samples
    return [sample.id for sample in samples], [document_of(sample) for sample in samples]


def _queries(gaps: Sequence[Gap]) -> list[tuple[str, str | None]]:
    """The skill of each gap that names one, with its error."""
    return [(gap.skill, gap.sample_id) for gap in gaps if gap.skill]
