"""Searching only as deep as is dealt comes to the picks of whole rankings, and holds none of these."""

import random
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edt.fakes import FakeTask
from edt.selection.deal import Ranking, Terms, deal
from edt.selection.dense import DenseIndex, DenseSelector, HybridSelector
from edt.selection.index import Bm25Index
from edt.selection.question import QuestionSelector
from edt.selection.rank import Ranked
from edt.selection.sentences import SentenceEncoder
from edt.types import Gap, Sample

WORDS = ["red", "green", "blue", "seat", "lamp", "wood", "metal", "handle", "drawer", "count"]


class Shelf:
    """A supporting dataset of any samples."""

    name, root = "shelf", Path()

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples

    def fingerprint(self) -> dict[str, Any]:
        return {}


class Asks(FakeTask):
    """A task of any questions."""

    def __init__(self, questions: Sequence[str]) -> None:
        super().__init__(size=len(questions))
        self._questions = questions

    @property
    def validation(self) -> Sequence[Sample]:
        return [replace(one, question=text) for one, text in zip(super().validation, self._questions, strict=True)]


def sample(name: str, text: str) -> Sample:
    return Sample(
        id=name, image="", question=text, options=(), answer="", rationale=(), required_skills=(text,), source_task="",
    )  # fmt: skip


def text_of(draw: random.Random, most: int = 4) -> str:
    return " ".join(draw.choices(WORDS, k=draw.randint(1, most)))


def case(seed: int) -> dict[str, Any]:
    """Samples in no order and with many ties, errors that ask the same, used samples, and terms."""
    draw = random.Random(seed)
    names = draw.sample([f"s{number:04d}" for number in range(900)], draw.choice([20, 400, 900]))
    queries = [text_of(draw) for _ in range(draw.choice([1, 3, 8]))]
    asked = [draw.choice(queries) for _ in range(10)]
    return {
        "supporting": Shelf([sample(name, text_of(draw)) for name in names]),
        "task": Asks(asked),
        "exclude": frozenset(draw.sample(names, draw.randint(0, len(names) // 2))),
        "budget": draw.choice([5, 60, 300]),
        "terms": {
            "top_k": draw.choice([None, 3, 100]),
            "fill": draw.choice(["random", "strict"]),
            "cap_per_text": draw.choice([None, 2]),
            "share": draw.choice(["skill", "error"]),
        },
    }


def gaps_of(task: FakeTask, *, named: bool) -> list[Gap]:
    return [
        Gap(sample_id=one.id, step=None, step_text="", skill=one.question if named else None, state="named")
        for one in task.validation
    ]


def dealt(found, case):
    """What is picked where every error holds the whole of its ranking, as `found` has it for a query."""
    rankings = [
        Ranking(query=one.question, error_id=one.id, hits=found(one.question)) for one in case["task"].validation
    ]
    pool = [one.id for one in case["supporting"].samples]
    fixed = {"budget": case["budget"], "exclude": case["exclude"], "round": 2, "seed": 1}
    return deal(rankings, pool, terms=Terms(**case["terms"]), **fixed)


def select(selector, case, *, named):
    gaps, fixed = gaps_of(case["task"], named=named), {"budget": case["budget"], "exclude": case["exclude"]}
    return selector.select(gaps, case["supporting"], case["task"], round=2, seed=1, **fixed)


@pytest.mark.parametrize("seed", range(60))
def test_questions_pick_as_whole_rankings_do(seed):
    one = case(seed)
    samples = one["supporting"].samples
    index = Bm25Index([each.id for each in samples], [each.question for each in samples])
    whole = dealt(lambda query: index.search(query, without=one["exclude"]), one)
    assert select(QuestionSelector(**one["terms"]), one, named=False) == whole


@pytest.fixture(scope="module")
def cached(encoder, tmp_path_factory) -> dict[str, str]:
    return {"model": str(encoder), "cache": str(tmp_path_factory.mktemp("vectors"))}


def indexes(one, cached):
    samples = one["supporting"].samples
    ids, texts = [each.id for each in samples], [each.question for each in samples]
    return DenseIndex(ids, texts, SentenceEncoder(cached["model"], cache=cached["cache"])), Bm25Index(ids, texts)


@pytest.mark.parametrize("seed", range(20))
def test_dense_picks_as_whole_rankings_do(seed, cached):
    one = case(seed)
    near, _ = indexes(one, cached)
    whole = dealt(lambda query: Ranked(near.documents, near.scores(query), without=one["exclude"]), one)
    assert select(DenseSelector(**cached, **one["terms"]), one, named=True) == whole


@pytest.mark.parametrize("seed", range(20))
def test_hybrid_picks_as_whole_rankings_do(seed, cached):
    one = case(seed)
    near, words = indexes(one, cached)

    def fused(query):
        scores = dict.fromkeys([name for name, _ in near.documents], 0.0)
        for hits in (Ranked(near.documents, near.scores(query))[:150], words.search(query)[:150]):
            for hit in hits:
                scores[hit.sample_id] += 1 / (60 + hit.rank)
        found = [(name, text) for name, text in near.documents if scores[name]]
        return Ranked(found, np.array([scores[name] for name, _ in found]), without=one["exclude"])

    assert select(HybridSelector(**cached, **one["terms"], depth=150), one, named=True) == dealt(fused, one)


@pytest.mark.parametrize("kind", [QuestionSelector, DenseSelector])
def test_no_whole_ranking_is_held(kind, cached):
    """100 queries that 5,000 samples match are 10 MB of rankings."""
    draw = random.Random(0)
    samples = [sample(f"s{number:04d}", f"thing {text_of(draw)}") for number in range(5000)]
    asked = list(dict.fromkeys(f"thing {text_of(draw, 7)}" for _ in range(130)))[:100]
    one = {"supporting": Shelf(samples), "task": Asks(asked), "budget": 600, "exclude": frozenset()}
    selector = kind(**(cached if kind is DenseSelector else {}))
    select(selector, {**one, "budget": 1}, named=True)  # embeds and imports what has to be
    tracemalloc.start()
    try:
        picks = select(selector, one, named=True)
        assert tracemalloc.get_traced_memory()[1] < 6e6
    finally:
        tracemalloc.stop()
    assert len(picks) == 600
    assert all(pick.targeted for pick in picks)
