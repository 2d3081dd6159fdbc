"""The grammar of Pocket's reasoning steps: one template a slot, read and written here.

A step states one fact.  `state` writes it, `parse` reads it back, and
`first_wrong_step` judges a rationale against the facts of a sample.  That
judgement only measures the method (and serves the oracle); the method itself
never sees it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from edt.types import Sample

TEMPLATES = {
    "use": "It is for {}.",
    "build": "It is made {}.",
    "part": "It has {}.",
    "realm": "It is {}.",
    "way": "It {}.",
    "cover": "It is covered with {}.",
    "task": "Its task is {}.",
    "place": "It belongs to {}.",
    "worn": "It is worn on {}.",
    "warmth": "It is worn {}.",
    "piece": "It shows {}.",
    "travels": "It travels {}.",
    "carries": "It carries {}.",
    "gear": "It moves with {}.",
    "serves": "It serves for {}.",
    "shape": "It is shaped {}.",
    "grip": "One sees {}.",
    "count": "The number of things is {}.",
    "layout": "They stand {}.",
    "all_are": "All of them are {}.",
    "left_life": "The left one is {}.",
    "left_is": "On the left is {}.",
    "right_life": "The right one is {}.",
    "right_is": "On the right is {}.",
    "larger": "In life the larger one is {}.",
    "middle_life": "The thing there is {}.",
    "shade": "The ground is {}.",
    "ground": "The colour of the ground is {}.",
}

# Longer fixed parts first, so that "It is worn on" is not read as "It is", nor that as "It".
_PATTERNS = [
    (slot, re.compile(re.escape(template).replace(r"\{\}", "(.+)"), re.IGNORECASE))
    for slot, template in sorted(TEMPLATES.items(), key=lambda item: -len(item[1]))
]


def state(slot: str, value: str) -> str:
    """The sentence that says that `slot` has `value`."""
    return TEMPLATES[slot].format(value)


def parse(text: str) -> tuple[str, str] | None:
    """The slot and the value that a sentence states, or None where it is not of the grammar."""
    sentence = text.strip().rstrip(".") + "."
    for slot, pattern in _PATTERNS:
        if match := pattern.fullmatch(sentence):
            return slot, match.group(1).strip().lower()
    return None


def is_true(sample: Sample, step: str) -> bool:
    """Whether a step states a fact of the sample; a sentence outside the grammar does not."""
    if sample.truth is None:
        raise ValueError(f"sample {sample.id} carries no planted truth to judge a step by")
    stated = parse(step)
    return stated is not None and sample.truth.facts.get(stated[0], "").lower() == stated[1]


def first_wrong_step(sample: Sample, steps: Sequence[str]) -> int | None:
    """1-based index of the first step that is not true of the sample; None where all are."""
    return next((index for index, step in enumerate(steps, 1) if not is_true(sample, step)), None)
