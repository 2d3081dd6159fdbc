"""How a budget is shared among errors: ranked hits in, picks out.

Knows the rule of dealing and nothing of scores, texts or models.  The rule has
two properties that the tables lean on: picks never repeat, and the picks of a
smaller budget are a prefix of those of a larger one (same seed, same hits).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from edt.errors import EdtError
from edt.types import Pick

SHARES = ("skill", "error")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """One supporting sample that a query found."""

    sample_id: str
    rank: int
    """1-based, in the whole ranking of the query."""
    score: float
    text: str
    """What was searched in: hits of the same text count against the same cap."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranking:
    """What one query found, best first."""

    query: str
    error_id: str | None
    hits: Sequence[Hit]


def check_share(share: str) -> str:
    """`share` itself, or an EdtError that names the choices."""
    if share not in SHARES:
        raise EdtError(f"selector.share is {share!r}; choose one of {', '.join(SHARES)}")
    return share


def deal(
    rankings: Sequence[Ranking],
    pool: Sequence[str],
    *,
    budget: int,
    exclude: frozenset[str],
    round: int,
    seed: int,
    share: str = "skill",
    cap_per_text: int | None = None,
) -> list[Pick]:
    """`budget` picks out of `pool` (fewer only where it has no more), none in `exclude`.

    Hits are dealt rank by rank over `rankings`, in their order.  With share
    "skill" rank r of every ranking is offered once, so that identical queries
    count as one; with "error" every ranking takes its best hit that is still
    free, so that a skill missing behind ten errors gets ten times as much.
    At most `cap_per_text` hits of one text are dealt.  What the hits leave
    open is filled at random from the pool and marked `targeted=False`.
    """
    if budget < 0:
        raise ValueError(f"a budget of {budget} samples cannot be met")
    free = {sample_id for sample_id in pool if sample_id not in exclude}
    picks = list(islice(_dealt(rankings, free, check_share(share), cap_per_text, round), budget))
    return picks + fill(pool, budget=budget - len(picks), exclude=exclude | _ids(picks), round=round, seed=seed)


def fill(pool: Sequence[str], *, budget: int, exclude: frozenset[str], round: int, seed: int) -> list[Pick]:
    """Up to `budget` untargeted picks from `pool`, in an order that `seed` and `round` fix."""
    order = sorted(set(pool) - exclude)
    random.Random(f"{seed}/{round}").shuffle(order)
    return [Pick(sample_id=sample_id, round=round, targeted=False) for sample_id in order[:budget]]


def _ids(picks: Sequence[Pick]) -> frozenset[str]:
    return frozenset(pick.sample_id for pick in picks)


def _dealt(rankings: Sequence[Ranking], free: set[str], share: str, cap: int | None, round: int) -> Iterator[Pick]:
    """Targeted picks in the order of dealing; takes them out of `free`."""
    per_text: Counter[str] = Counter()
    hands = [(ranking, iter(ranking.hits)) for ranking in rankings]
    while hands:
        holding = []
        for ranking, hits in hands:
            for hit in hits:
                if hit.sample_id in free and (cap is None or per_text[hit.text] < cap):
                    free.remove(hit.sample_id)
                    per_text[hit.text] += 1
                    yield _pick(ranking, hit, round)
                elif share == "error":
                    continue
                holding.append((ranking, hits))
                break
        hands = holding


def _pick(ranking: Ranking, hit: Hit, round: int) -> Pick:
    return Pick(
        sample_id=hit.sample_id,
        round=round,
        targeted=True,
        error_id=ranking.error_id,
        query=ranking.query,
        rank=hit.rank,
        score=hit.score,
    )
