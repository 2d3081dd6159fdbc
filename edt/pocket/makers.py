"""Makers of drafts: each draws one question of a source task from a seed. Knows the planted gaps, no file."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from edt.pocket import forms, scenes
from edt.pocket.forms import Draft
from edt.pocket.kinds import DOMAINS, kinds_of
from edt.pocket.things import Thing

GAP_KINDS = frozenset(
    {
        *("bookcase", "cupboard", "drawers", "wardrobe", "ceiling lamp", "table lamp", "street lamp"),
        *("bird", "insect", "flower", "vegetable"),
        *("oven", "fridge", "washing machine", "computer", "stereo"),
    }
)
"""Planted gaps: kinds that the base student's generic training nearly leaves out."""

GAP_TOPICS = frozenset({"count", "ground"})
"""Planted gaps: topics of scenes that it nearly leaves out."""

Maker = Callable[[random.Random], Draft]


def is_gap(facts: Mapping[str, str]) -> bool:
    """Whether facts are of a kind or a topic that the base student was kept from."""
    return facts.get("kind") in GAP_KINDS or facts.get("topic") in GAP_TOPICS


def by_kind(things: Iterable[Thing], split: str) -> dict[str, list[Thing]]:
    table: dict[str, list[Thing]] = defaultdict(list)
    for thing in things:
        if thing.split == split:
            table[thing.kind.name].append(thing)
    return table


def supporting_makers(things: Mapping[str, Sequence[Thing]], *, shy: bool = False) -> list[Maker]:
    """One maker a source task of the supporting dataset. `shy`: see `_ask`."""
    makers: list[Maker] = []
    for domain in DOMAINS:
        makers += [domain_maker(things, domain, form, shy) for form in forms.forms_of(domain)]
    for topic in scenes.TOPICS:
        makers += [scene_maker(things, topic, form) for form in ("choice", "yes_no")]
    return makers


def domain_maker(things: Mapping[str, Sequence[Thing]], domain: str, form: str, shy: bool) -> Maker:
    shown = [kind.name for kind in kinds_of(domain) if things[kind.name]]
    return lambda rng: _ask(rng.choice(things[rng.choice(shown)]), form, rng, shy)


def kind_maker(things: Sequence[Thing], form: str, shy: bool) -> Maker:
    return lambda rng: _ask(rng.choice(things), form, rng, shy)


def _ask(thing: Thing, form: str, rng: random.Random, shy: bool) -> Draft:
    """A draft; a shy one leaves gap kinds out of every other list of options.

    Else a student that hardly ever sees them as the answer learns that they never are.
    """
    distractors = None
    if shy and thing.kind.name not in GAP_KINDS and rng.random() < 0.5:
        distractors = [kind.name for kind in kinds_of(thing.kind.domain) if kind.name not in GAP_KINDS]
    return forms.ask(thing, form, rng, distractors=distractors)


def scene_maker(things: Mapping[str, Sequence[Thing]], topic: str, form: str) -> Maker:
    return lambda rng: scenes.ask_scene(things, topic, form, rng)
