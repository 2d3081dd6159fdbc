"""When a run ends before its last round. Knows scores and missing skills of two rounds; tunes nothing.

Two rounds are compared by how often each missing skill was found: likeness is
1 minus the Jensen-Shannon divergence of the two distributions, in bits, so it
is 1 for equal and 0 for disjoint ones (Lin, 1991).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from edt.config import Budget
from edt.types import Gap, RoundRecord, Score


def reason_to_stop(budget: Budget, rounds: Sequence[RoundRecord], now: Score, gaps: Sequence[Gap]) -> str:
    """Why to stop after `rounds`, in words; empty where there is no reason.

    `now` is the validation score after the last of them, `gaps` what the
    student still lacks.
    """
    if budget.stop == "max_rounds" or not rounds:
        return ""
    last = rounds[-1]
    if budget.stop == "no_gain":
        before, after = (f"{100 * score.score:.1f}%" for score in (last.validation, now))
        gained = now.score > last.validation.score
        return "" if gained else f"no_gain: round {last.index} took the validation score from {before} to {after}"
    found, more_unread = any(gap.skill for gap in last.gaps), now.unparsed > last.validation.unparsed
    if found and not gaps and not more_unread:  # not where the errors that are left could not be named, or not be read
        return f"converged: after round {last.index} no missing skill is found any more"
    alike = likeness(last.gaps, gaps)
    if alike is None or alike < budget.likeness:
        return ""
    return f"converged: after round {last.index} the missing skills are those of before it (likeness {alike:.2f})"


def likeness(first: Sequence[Gap], second: Sequence[Gap]) -> float | None:
    """Of two rounds' missing skills, in [0, 1]; None where one of them has none."""
    shares = [skill_shares(gaps) for gaps in (first, second)]
    if not all(shares):
        return None
    return 1.0 - divergence(*shares)


def skill_shares(gaps: Sequence[Gap]) -> dict[str, float]:
    """How often each missing skill is named, as a share of all that are."""
    counts = Counter(gap.skill for gap in gaps if gap.skill)
    return {skill: count / counts.total() for skill, count in counts.items()}


def divergence(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """Jensen and Shannon's, in bits: from 0, equal, to 1, disjoint."""
    total = 0.0
    for skill in first.keys() | second.keys():
        shares = first.get(skill, 0.0), second.get(skill, 0.0)
        total += sum(share / 2 * math.log2(2 * share / sum(shares)) for share in shares if share)
    return min(1.0, max(0.0, total))
