"""Questions about one thing: the forms in which the facts of a kind are asked for.

A form turns a thing into a draft: scene, question, options, answer, facts and
the slots that the rationale states.  `answer_of` is the one place that says what
facts imply as the answer; the corruption of rationales uses it too.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from edt.pocket.kinds import DOMAINS, Kind, kinds_of
from edt.pocket.pictures import PALE, Placed, Scene
from edt.pocket.things import Thing

SLOT_QUESTIONS = {
    "use": "What is it for?",
    "build": "How is it made?",
    "part": "What does it have?",
    "realm": "Is it an animal or a plant?",
    "way": "How does it live?",
    "cover": "What is it covered with?",
    "task": "What is its task?",
    "place": "Where does it belong?",
    "worn": "Where is it worn?",
    "warmth": "When is it worn?",
    "piece": "What does it show?",
    "travels": "How does it travel?",
    "carries": "What does it carry?",
    "gear": "How does it move?",
    "serves": "What does it serve for?",
    "shape": "How is it shaped?",
    "grip": "What can one see on it?",
}

TARGET_QUESTIONS = {
    "furniture": "Which piece of furniture is this?",
    "living": "What kind of living thing is this?",
    "appliance": "Which machine of the house is this?",
}
"""Questions of the target tasks over one domain. They occur in no supporting sample."""

NEVER_LISTED = ("furniture", "living")
"""Domains that no supporting sample asks to name from a list: their target tasks ask just that.

Appliances may be: naming them from a list is taught in other words than the target task uses.
"""

VARIANTS = 3
"""How many portraits there are of one view."""

FORMS = ("first", "second", "third", "yes_no", "caption", "name")
SLOT_FORMS = FORMS[:3]
"""Those that ask for one slot of a domain, in the order of its slots."""
_SLOT_OF_FORM = {form: number for number, form in enumerate(SLOT_FORMS)}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A question before it has an id: all that a sample needs, with the scene instead of a file."""

    source_task: str
    domain: str
    object_id: str
    scene: Scene
    question: str
    options: tuple[str, ...]
    facts: Mapping[str, str]
    slots: tuple[str, ...]


def forms_of(domain: str) -> tuple[str, ...]:
    """The supporting forms of a domain; see `NEVER_LISTED`."""
    return tuple(form for form in FORMS if form != "name" or domain not in NEVER_LISTED)


def answer_of(facts: Mapping[str, str]) -> str:
    """What the facts imply as the answer to the form that they name (`facts["form"]`)."""
    form = facts["form"]
    if form in _SLOT_OF_FORM:
        return facts[DOMAINS[facts["domain"]].slots[_SLOT_OF_FORM[form]]]
    if form == "yes_no":
        return "yes" if facts["kind"] == facts["asked"] else "no"
    return with_article(facts["kind"]) if form == "article" else facts["kind"]


def with_article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def facts_of(kind: Kind, form: str, asked: str = "") -> dict[str, str]:
    return {"domain": kind.domain, "kind": kind.name, "form": form, "asked": asked, **kind.facts}


def ask(thing: Thing, form: str, rng: random.Random, *, distractors: list[str] | None = None) -> Draft:
    """A draft of `form` about a thing. `distractors` are the kind names that wrong options may come from."""
    kind = thing.kind
    names = [name for name in distractors or [other.name for other in kinds_of(kind.domain)] if name != kind.name]
    asked = ""
    if form == "yes_no":
        asked = kind.name if rng.random() < 0.5 else rng.choice(names)
    facts = facts_of(kind, form, asked)
    question, options = _question(facts, names, rng)
    return Draft(
        source_task=f"{kind.domain}_{form}",
        domain=kind.domain,
        object_id=thing.object_id,
        scene=portrait(thing, rng),
        question=question,
        options=options,
        facts=facts,
        slots=DOMAINS[kind.domain].slots,
    )


def with_options(question: str, options: tuple[str, ...]) -> str:
    return f"{question} Options: {', '.join(options)}."


def _question(facts: Mapping[str, str], names: list[str], rng: random.Random) -> tuple[str, tuple[str, ...]]:
    form = facts["form"]
    if form == "yes_no":
        return f"Is this {with_article(facts['asked'])}?", ("yes", "no")
    if form == "caption":
        return "Say in a word what the picture shows.", ()
    if form in _SLOT_OF_FORM:
        slot = DOMAINS[facts["domain"]].slots[_SLOT_OF_FORM[form]]
        values = sorted({kind.facts[slot] for kind in kinds_of(facts["domain"])} - {facts[slot]})
        options = _shuffled([facts[slot], *rng.sample(values, min(3, len(values)))], rng)
        return with_options(SLOT_QUESTIONS[slot], options), options
    options = _shuffled([facts["kind"], *rng.sample(names, min(4, len(names)))], rng)
    asked = TARGET_QUESTIONS[facts["domain"]] if form == "target" else "Which word names it?"
    return with_options(asked, options), options


def _shuffled(options: list[str], rng: random.Random) -> tuple[str, ...]:
    return tuple(rng.sample(options, len(options)))


def portrait(thing: Thing, rng: random.Random, *, variants: int = VARIANTS) -> Scene:
    """One thing, large, somewhere near the middle of a pale ground.

    Each view has `variants` portraits and no more, so that questions share pictures.
    """
    view = rng.choice(thing.views)
    own = random.Random(f"portrait {view} {rng.randrange(variants)}")
    side = own.choice((0.80, 0.92))
    left, top = own.choice((0.02, (1 - side) / 2, 1 - side - 0.02)), (1 - side) / 2
    box = (round(left, 3), round(top, 3), round(left + side, 3), round(top + side, 3))
    return Scene(ground=own.choice(PALE), placed=(Placed(view=view, box=box, mirrored=own.random() < 0.5),))
