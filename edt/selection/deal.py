"""How a budget is shared among errors: ranked hits in, picks out.

Knows the rule of dealing and nothing of scores, texts or models.  The rule has
two properties that the tables lean on: picks never repeat, and the picks of a
smaller budget are a prefix of those of a larger one (same seed, same hits).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from edt.errors import EdtError
from edt.types import Pick

SHARES = ("skill", "error")
FILLS = ("random", "strict")


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
    """What one query found, best first; read only as deep as it is dealt."""

    query: str
    error_id: str | None
    hits: Iterable[Hit]


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """How a selector deals, as its configuration says it; see `deal`. Raises EdtError for what is no choice."""

    top_k: int | None = None
    """The paper's K, how deep each ranking is dealt at first; None goes as deep as the budget asks."""
    fill: str = "random"
    """What meets a shortfall: random | strict."""
    cap_per_text: int | None = None
    """At most so many samples of one text."""
    share: str = "skill"
    """skill | error"""

    def __post_init__(self) -> None:
        for name, value, known in (("share", self.share, SHARES), ("fill", self.fill, FILLS)):
            if value not in known:
                raise EdtError(f"selector.{name} is {value!r}; choose one of {', '.join(known)}")
        for name, value in (("cap_per_text", self.cap_per_text), ("top_k", self.top_k)):
            if value is not None and value < 1:
                raise EdtError(f"selector.{name} is {value}; it must be 1 or more, or null for no bound")

    def fingerprint(self) -> dict[str, Any]:
        """`fill` means something only where `top_k` leaves a shortfall."""
        fills = {} if self.top_k is None or self.fill == "strict" else {"fill": self.fill}
        return {"top_k": self.top_k, **fills, "cap_per_text": self.cap_per_text, "share": self.share}


PLAIN = Terms()


def deal(
    rankings: Sequence[Ranking],
    pool: Sequence[str],
    *,
    budget: int,
    exclude: frozenset[str],
    round: int,
    seed: int,
    terms: Terms = PLAIN,
) -> list[Pick]:
    """`budget` picks out of `pool` (fewer only where it has no more), none in `exclude`.

    Hits are dealt rank by rank over `rankings`, in their order.  With share
    "skill" rank r of every ranking is offered once, so that identical queries
    count as one; with "error" every ranking takes its best hit that is still
    free, so that a skill missing behind ten errors gets ten times as much.
    At most `cap_per_text` hits of one text are dealt.

    The first `top_k` hits of every ranking are dealt before any deeper one.
    What they leave open is met by deeper ranks with the fill "random", and
    what is open then is filled at random from the pool and marked
    `targeted=False`; with "strict" no rank is dealt beyond `top_k`.
    """
    if budget < 0:
        raise ValueError(f"a budget of {budget} samples cannot be met")
    free = {sample_id for sample_id in pool if sample_id not in exclude}
    dealt = _dealt(_hands(rankings, exclude), free, terms, round)
    picks = list(islice(dealt, budget))
    return picks + fill(pool, budget=budget - len(picks), exclude=exclude | _ids(picks), round=round, seed=seed)


def fill(pool: Sequence[str], *, budget: int, exclude: frozenset[str], round: int, seed: int) -> list[Pick]:
    """Up to `budget` untargeted picks from `pool`, in an order that `seed` and `round` fix."""
    if not budget:
        return []
    order = sorted(set(pool) - exclude)
    random.Random(f"{seed}/{round}").shuffle(order)
    return [Pick(sample_id=sample_id, round=round, targeted=False) for sample_id in order[:budget]]


def _ids(picks: Sequence[Pick]) -> frozenset[str]:
    return frozenset(pick.sample_id for pick in picks)


Hand = tuple[Ranking, Iterator[Hit]]


def _hands(rankings: Sequence[Ranking], exclude: frozenset[str]) -> list[Hand]:
    """Each ranking with its hits from the top, without those that are not to be had."""

    def hand(ranking: Ranking) -> Hand:
        return ranking, (hit for hit in ranking.hits if hit.sample_id not in exclude)

    return [hand(ranking) for ranking in rankings]


def _dealt(hands: list[Hand], free: set[str], terms: Terms, round: int) -> Iterator[Pick]:
    """Targeted picks in the order of dealing; takes them out of `free`."""
    per_text: Counter[str] = Counter()
    first: Sequence[Hand] = [(ranking, islice(hits, terms.top_k)) for ranking, hits in hands]
    for turn in [first, hands] if terms.fill == "random" else [first]:
        yield from _turn(turn, free, per_text, terms, round)


def _turn(hands: Sequence[Hand], free: set[str], per_text: Counter[str], terms: Terms, round: int) -> Iterator[Pick]:
    """Rank by rank until no hand holds a hit."""
    cap = terms.cap_per_text
    while hands:
        holding = []
        for ranking, hits in hands:
            for hit in hits:
                if hit.sample_id in free and (cap is None or per_text[hit.text] < cap):
                    free.remove(hit.sample_id)
                    per_text[hit.text] += 1
                    yield _pick(ranking, hit, round)
                elif terms.share == "error":
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
