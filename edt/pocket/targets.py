"""The seven target tasks of Pocket: who asks what. Knows wordings that no supporting sample has; no file and no split.

Counterparts of the paper's tasks in its columns' order, each over the facts
that the supporting dataset teaches in other words and on other objects.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from edt.pocket import scenes
from edt.pocket.forms import SLOT_FORMS, SLOT_QUESTIONS, Draft, ask, with_article, with_options
from edt.pocket.kinds import DOMAINS, kinds_of
from edt.pocket.makers import Maker, domain_maker, kind_maker, scene_maker
from edt.pocket.things import Thing

TASKS = ("mmbench", "appliance", "furniture", "living_thing", "vqa", "caption", "scienceqa")

CLASSIFIED = {"appliance": "appliance", "furniture": "furniture", "living_thing": "living"}
"""Tasks that name the kind of a thing of one domain."""

CAPTION_QUESTION = "Which caption fits the picture?"

_SCIENCE = {
    "living": "Living things differ in how they live and in what covers them.",
    "appliance": "Machines are built for a task, and have a place and a part for it.",
    "vehicle": "Vehicles differ in where they go, what they carry and what drives them.",
}
"""The lecture of each domain that the science task asks about."""

_SCIENCE_QUESTIONS = {
    "way": "Which way of life is its own?",
    "cover": "Which cover protects it?",
    "place": "Where is its place?",
    "part": "Which part does its task need?",
    "carries": "Which load is it built for?",
    "gear": "Which gear drives it?",
}


def target_makers(things: Mapping[str, Sequence[Thing]], task: str, *, shy: bool = False) -> list[Maker]:
    """Makers of a target task, one a kind or topic, so that its classes come evenly. `shy`: see `makers`."""
    if task in CLASSIFIED:
        return [
            kind_maker(things[kind.name], "target", shy) for kind in kinds_of(CLASSIFIED[task]) if things[kind.name]
        ]
    if task == "vqa":
        return [scene_maker(things, topic, "target") for topic in scenes.TOPICS]
    if task == "caption":
        return _captions(things)
    return _science(things) if task == "scienceqa" else _choices(things)


def _science(things: Mapping[str, Sequence[Thing]]) -> list[Maker]:
    """A lecture and a question on what belongs to the thing that is shown."""

    def maker(domain: str, number: int) -> Maker:
        slot = DOMAINS[domain].slots[number]
        asked = domain_maker(things, domain, SLOT_FORMS[number], shy=False)
        return lambda rng: _reworded(asked(rng), f"{_SCIENCE[domain]} {_SCIENCE_QUESTIONS[slot]}", "science")

    return [maker(domain, number) for domain in _SCIENCE for number in (1, 2)]


def _captions(things: Mapping[str, Sequence[Thing]]) -> list[Maker]:
    """One of four captions: of a thing among its like, or of two things of a scene."""

    def portrait(domain: str) -> Maker:
        shown = [kind.name for kind in kinds_of(domain) if things[kind.name]]
        return lambda rng: _captioned(ask(rng.choice(things[rng.choice(shown)]), "name", rng), rng)

    portraits = [portrait(domain) for domain in CLASSIFIED.values()]
    return [*portraits, *portraits, lambda rng: scenes.ask_pair(things, CAPTION_QUESTION, rng)]


def _captioned(draft: Draft, rng: random.Random) -> Draft:
    """A draft of names as one of captions, three of the wrong ones kept."""
    gold = draft.facts["kind"]
    kept = [gold, *rng.sample([name for name in draft.options if name != gold], 3)]
    captions = tuple(with_article(name) for name in draft.options if name in kept)
    return _reworded(
        replace(draft, options=captions, facts={**draft.facts, "form": "article"}), CAPTION_QUESTION, "caption"
    )


def _choices(things: Mapping[str, Sequence[Thing]]) -> list[Maker]:
    """Multiple choice over everything: names among those of two domains, single facts, and scenes."""

    def naming(domain: str) -> Maker:
        shown = [kind.name for kind in kinds_of(domain) if things[kind.name]]

        def make(rng: random.Random) -> Draft:
            thing = rng.choice(things[rng.choice(shown)])
            other = rng.choice([name for name in DOMAINS if name != domain])
            wrong = rng.sample([kind.name for kind in kinds_of(domain) if kind != thing.kind], 1)
            wrong += rng.sample([kind.name for kind in kinds_of(other)], 2)
            return _reworded(ask(thing, "name", rng, distractors=wrong), "Pick the word for what is shown.", "choice")

        return make

    def fact(domain: str, number: int) -> Maker:
        asked = domain_maker(things, domain, SLOT_FORMS[number], shy=False)
        question = SLOT_QUESTIONS[DOMAINS[domain].slots[number]]
        return lambda rng: _reworded(asked(rng), _pick_one(question), "choice")

    def scene(topic: str) -> Maker:
        asked = scene_maker(things, topic, "choice")
        return lambda rng: _reworded(asked(rng), _pick_one(scenes.QUESTIONS[topic][0]), "choice")

    facts = [fact(domain, number % 3) for number, domain in enumerate(DOMAINS)]
    return [*(naming(domain) for domain in DOMAINS), *facts, *(scene(topic) for topic in scenes.TOPICS)]


def _pick_one(question: str) -> str:
    return f"Pick one: {question[0].lower()}{question[1:]}"


def _reworded(draft: Draft, question: str, task: str) -> Draft:
    """The same draft, asked in the words of a target task."""
    return replace(
        draft, question=with_options(question, draft.options), source_task=f"{task}_{draft.source_task}_target"
    )
