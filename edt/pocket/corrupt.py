"""Rationales with a planted mistake: right up to a step, then those of another thing.

What the pocket teacher learns from, and what mistake identification is measured
on.  Only supporting-split samples may be corrupted for training.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from edt.pocket import forms, scenes
from edt.pocket.kinds import DOMAINS, kinds_of
from edt.pocket.statements import state
from edt.types import Sample


def corrupt(sample: Sample, rng: random.Random) -> tuple[list[str], str, int] | None:
    """Steps with a mistake, the answer that they imply, and the 1-based index of the first wrong one.

    None where no other facts of the same form lead to another of the sample's answers.
    """
    truth = sample.truth
    if truth is None:
        raise ValueError(f"sample {sample.id} carries no planted truth to corrupt")
    others = [facts for facts in _alternatives(truth.facts, rng) if _switches(facts, sample)]
    if not others:
        return None
    wrong = rng.choice(others)
    steps = [state(slot, wrong[slot]) for slot in truth.slots]
    first = next(index for index, slot in enumerate(truth.slots, 1) if wrong[slot] != truth.facts[slot])
    return steps, _answer_of(wrong), first


def _answer_of(facts: Mapping[str, str]) -> str:
    return (scenes if facts["domain"] == "scene" else forms).answer_of(facts)


def _switches(facts: Mapping[str, str], sample: Sample) -> bool:
    """Whether other facts imply another answer that the sample offers, through a step that differs."""
    assert sample.truth is not None
    answer = _answer_of(facts)
    allowed = not sample.options or answer in sample.options
    differs = any(facts[slot] != sample.truth.facts[slot] for slot in sample.truth.slots)
    return allowed and differs and answer != sample.answer


def _alternatives(facts: Mapping[str, str], rng: random.Random) -> list[dict[str, str]]:
    if facts["domain"] in DOMAINS:
        others = [kind for kind in kinds_of(facts["domain"]) if kind.name != facts["kind"]]
        return [forms.facts_of(kind, facts["form"], facts["asked"]) for kind in others]
    return [dict(facts) | change for change in _scene_changes(facts, rng)]


def _scene_changes(facts: Mapping[str, str], rng: random.Random) -> list[dict[str, str]]:
    """Changed facts of a scene: wrong from some step on, and consistent from there."""
    topic = facts["topic"]
    if topic in scenes.SIDES:
        return [{f"{topic}_is": forms.with_article(k), f"{topic}_life": life} for k, life in scenes.LIFE.items()]
    if topic == "count":
        return [{"count": number, "layout": layout} for number, layout in scenes.LAYOUTS.items()]
    if topic == "ground":
        return [{"ground": ground, "shade": shade} for ground, shade in scenes.SHADES.items()]
    if topic == scenes.PAIR:
        return [{f"{side}_is": forms.with_article(kind)} for side in scenes.SIDES for kind in scenes.LIFE]
    return _larger_changes(facts, rng)


def _larger_changes(facts: Mapping[str, str], rng: random.Random) -> list[dict[str, str]]:
    """The plain wrong verdict, or a wrong thing on one side that makes the verdict follow."""
    verdict = {"larger": "on the right" if facts["larger"] == "on the left" else "on the left"}
    size = scenes.BY_SIZE.index
    left, right = (facts[f"{side}_is"].split(" ", 1)[1] for side in scenes.SIDES)
    changes = [verdict]
    for kind in rng.sample(scenes.BY_SIZE, len(scenes.BY_SIZE)):
        if kind != right and (size(kind) > size(right)) == (verdict["larger"] == "on the left"):
            changes.append({"left_is": forms.with_article(kind), **verdict})
        if kind != left and (size(kind) > size(left)) == (verdict["larger"] == "on the right"):
            changes.append({"right_is": forms.with_article(kind), **verdict})
    return changes
