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
        *("bird", "insect", "flower", "fruit", "vegetable"),
        *("oven", "fridge", "computer", "phone", "stereo"),
        *("truck", "motorcycle", "boat"),
        *("hat", "coat", "trousers"),
        *("bottle", "bowl", "knife"),
    }
)
"""Planted gaps: kinds that the last stage of the base student's training names at sight and never reasons about."""

GAP_TOPICS = frozenset({"right", "ground"})
"""Planted gaps: topics of scenes that it leaves out."""

GAP_SHARE = 0.2
"""How much of its planted gaps the supporting dataset keeps: skills that are missing are rare ones."""

Maker = Callable[[random.Random], Draft]


def is_gap(facts: Mapping[str, str]) -> bool:
    """Whether facts are of a kind or a topic that the base student was kept from."""
    return facts.get("kind") in GAP_KINDS or facts.get("topic") in GAP_TOPICS


def rarely(maker: Maker, makers: Sequence[Maker], rate: float) -> Maker:
    """The same maker, keeping `rate` of the planted gaps that it draws and giving its other turns away."""

    def make(rng: random.Random) -> Draft:
        draft = maker(rng)
        while is_gap(draft.facts) and rng.random() >= rate:
            draft = rng.choice(makers)(rng)
        return draft

    return make


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
