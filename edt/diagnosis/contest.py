"""How well teachers, identifiers and analysts do on errors whose mistaken step is known.

Knows counts and agreement; builds no part, and writes no table.  Skills are
judged by what they find: whether the first hit of BM25 is a supporting sample
that needs the skill which the planted truth puts behind the step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from edt.diagnosis.frozen import PlacedError
from edt.pocket.oracle import planted_skill
from edt.protocols import Analyst, Identifier
from edt.selection.bm25 import document_of
from edt.selection.index import Bm25Index, words_of
from edt.tables.scores import wilson
from edt.teachers.meter import Bill
from edt.types import Gap, Mistake, Sample


@dataclass(frozen=True, kw_only=True)
class Share:
    """A part of a whole, with its 95% interval after Wilson."""

    count: int
    n: int
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Placing:
    """What one way of finding the mistaken step came to."""

    exact: Share
    near: Share
    """Placed on the true step or one beside it."""
    abstained: int
    """Not placed, for whatever reason; counts as not exact."""
    failed: int
    """Of the abstentions, those whose reply could not be read."""
    by_task: Mapping[str, Share]
    found: Share
    """Errors whose skill, named for the step that was blamed, finds a sample that needs the true one."""
    bill: Bill


@dataclass(frozen=True, kw_only=True)
class Naming:
    """What skill analysis came to, given the true step."""

    named: int
    failed: int
    """Replies that could not be read."""
    found: Share
    """Gaps whose first hit needs the true skill; one without a name finds nothing."""
    bill: Bill


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Of two teachers on the same errors."""

    first: str
    second: str
    kappa: float
    """Cohen's, for the step, an abstention being a choice of its own."""
    overlap: float | None
    """Mean share of content words that two skills for the true step have in common; None where none were compared."""
    compared: int
    """Errors that both named a skill for."""


class Judge:
    """Knows the truth about a frozen set, and the supporting samples that skills search in."""

    def __init__(self, errors: Sequence[PlacedError], supporting: Sequence[Sample]) -> None:
        self.errors = errors
        self._needs = {sample.id: sample.truth.needs if sample.truth else () for sample in supporting}
        self._index = Bm25Index([sample.id for sample in supporting], [document_of(sample) for sample in supporting])
        self._first: dict[str, str | None] = {}

    def place(self, identifier: Identifier) -> list[Mistake]:
        return identifier.identify([placed.error for placed in self.errors])

    def name(self, analyst: Analyst, steps: Sequence[int | None]) -> list[Gap]:
        """The skill behind the given step of each error."""
        samples = [placed.error for placed in self.errors]
        mistakes = [
            Mistake(sample_id=e.sample.id, step=step, reason="") for e, step in zip(samples, steps, strict=True)
        ]
        return analyst.analyse(samples, mistakes)

    @property
    def steps(self) -> list[int]:
        """The true ones."""
        return [placed.step for placed in self.errors]

    def placing(self, mistakes: Sequence[Mistake], gaps: Sequence[Gap], bill: Bill) -> Placing:
        """What the mistakes, and the gaps behind them, come to."""
        exact = [mistake.step == placed.step for mistake, placed in zip(mistakes, self.errors, strict=True)]
        pairs = zip(mistakes, self.errors, strict=True)
        near = [mistake.step is not None and abs(mistake.step - placed.step) <= 1 for mistake, placed in pairs]
        tasks = dict.fromkeys(placed.task for placed in self.errors)
        return Placing(
            exact=share(exact),
            near=share(near),
            abstained=sum(mistake.abstained for mistake in mistakes),
            failed=sum(mistake.failed for mistake in mistakes),
            by_task={
                task: share([hit for hit, placed in zip(exact, self.errors, strict=True) if placed.task == task])
                for task in tasks
            },
            found=share(self._found(gaps)),
            bill=bill,
        )

    def naming(self, gaps: Sequence[Gap], bill: Bill) -> Naming:
        """What gaps of the true steps come to."""
        return Naming(
            named=sum(gap.state == "named" for gap in gaps),
            failed=sum(gap.state == "failed" for gap in gaps),
            found=share(self._found(gaps)),
            bill=bill,
        )

    def _found(self, gaps: Sequence[Gap]) -> list[bool]:
        return [self._finds(gap, placed) for gap, placed in zip(gaps, self.errors, strict=True)]

    def _finds(self, gap: Gap, placed: PlacedError) -> bool:
        if gap.skill is None or (first := self._first_hit(gap.skill)) is None:
            return False
        error = placed.error
        true = planted_skill(error.sample, error.prediction.steps[placed.step - 1], placed.step)
        return true in self._needs[first]

    def _first_hit(self, skill: str) -> str | None:
        if skill not in self._first:
            hits = self._index.search(skill, top_k=1)
            self._first[skill] = hits[0].sample_id if len(hits) else None
        return self._first[skill]


def share(hits: Sequence[bool]) -> Share:
    low, high = wilson(sum(hits), len(hits))
    return Share(count=sum(hits), n=len(hits), low=round(low, 4), high=round(high, 4))


def agreements(steps: Mapping[str, Sequence[int | None]], gaps: Mapping[str, Sequence[Gap]]) -> list[Agreement]:
    """Of every two teachers that placed the same errors."""
    found = []
    for first, second in combinations(steps, 2):
        shares = [
            overlap(one.skill, other.skill)
            for one, other in zip(gaps.get(first, ()), gaps.get(second, ()), strict=False)
            if one.skill is not None and other.skill is not None
        ]
        found.append(
            Agreement(
                first=first,
                second=second,
                kappa=round(kappa(steps[first], steps[second]), 4),
                overlap=round(sum(shares) / len(shares), 4) if shares else None,
                compared=len(shares),
            )
        )
    return found


def kappa(first: Sequence[int | None], second: Sequence[int | None]) -> float:
    """Cohen's kappa (1960): agreement beyond what the two tallies give by chance; 1 where both always say the same."""
    n = len(first)
    if n == 0 or n != len(second):
        raise ValueError(f"kappa compares two ratings of the same items, not {n} and {len(second)}")
    agreed = sum(a == b for a, b in zip(first, second, strict=True)) / n
    tally, other = Counter(first), Counter(second)
    chance = sum(count * other[choice] for choice, count in tally.items()) / n**2
    return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)


def overlap(first: str, second: str) -> float:
    """The share of content words that two texts have in common, of those that either has (Jaccard)."""
    one, other = (set(words_of(text, stop_words=True)) for text in (first, second))
    return len(one & other) / len(one | other) if one | other else 1.0
