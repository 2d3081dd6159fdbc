"""Questions about composed scenes: left and right, how many, which ground, which is larger in life.

Like `forms`, but over several things in one picture.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from edt.pocket.forms import Draft, with_article, with_options
from edt.pocket.pictures import GROUNDS, PALE, Placed, Scene
from edt.pocket.things import Thing

LIFE = {
    "mammal": "alive",
    "bird": "alive",
    "flower": "alive",
    "fruit": "alive",
    "tree": "alive",
    "chair": "made by people",
    "sofa": "made by people",
    "car": "made by people",
    "shoe": "made by people",
    "bottle": "made by people",
}
"""Kinds that appear in scenes, and whether they live."""

BY_SIZE = ("fruit", "shoe", "chair", "sofa", "car", "tree")
"""Kinds whose usual size in life is plainly ordered, the smallest first."""

NUMBERS = ("one", "two", "three", "four")
LAYOUTS = {"one": "alone", "two": "side by side", "three": "in a triangle", "four": "in a square"}
SHADES = {
    "white": "without colour",
    "black": "without colour",
    "red": "warm",
    "green": "cold",
    "blue": "cold",
}

QUESTIONS = {
    "left": ("Name the left thing.", "Look at the picture: what is on the left side?"),
    "right": ("Name the right thing.", "Look at the picture: what is on the right side?"),
    "count": ("Count the things.", "Look at the picture: how many things are there?"),
    "ground": ("Name the colour behind the thing.", "Look at the picture: which colour is the ground?"),
    "larger": ("Point to the larger one in life.", "Look at the picture: which side has what is larger in real life?"),
}
"""By topic: the supporting wording, and the wording of the target task, which no supporting sample has."""

SLOTS = {
    "left": ("count", "left_life", "left_is"),
    "right": ("count", "right_life", "right_is"),
    "count": ("all_are", "layout", "count"),
    "ground": ("middle_life", "shade", "ground"),
    "larger": ("left_is", "right_is", "larger"),
}
TOPICS = tuple(SLOTS)
"""What supporting samples ask about a scene."""
PAIR = "pair"
"""A topic that is only a target: which caption names the outer things of a scene."""
SIDES = ("left", "right")

_HALVES = ((0.02, 0.16, 0.49, 0.84), (0.51, 0.16, 0.98, 0.84))
_THIRDS = ((0.01, 0.25, 0.34, 0.75), (0.34, 0.25, 0.66, 0.75), (0.66, 0.25, 0.99, 0.75))
_BOXES = {
    "one": ((0.2, 0.2, 0.8, 0.8),),
    "two": _HALVES,
    "three": ((0.27, 0.02, 0.73, 0.48), (0.02, 0.52, 0.48, 0.98), (0.52, 0.52, 0.98, 0.98)),
    "four": ((0.02, 0.02, 0.48, 0.48), (0.52, 0.02, 0.98, 0.48), (0.02, 0.52, 0.48, 0.98), (0.52, 0.52, 0.98, 0.98)),
}


def answer_of(facts: Mapping[str, str]) -> str:
    """What the facts imply as the answer to the topic that they name."""
    topic = facts["topic"]
    if topic == PAIR:
        return pair_of(facts["left_is"], facts["right_is"])
    if topic in SIDES:
        answer = facts[f"{topic}_is"].split(" ", 1)[1]
    elif topic == "larger":
        answer = facts["larger"].removeprefix("on the ")
    else:
        answer = facts[topic]
    if facts["form"] == "yes_no":
        return "yes" if answer == facts["asked"] else "no"
    return answer


def ask_scene(things: Mapping[str, Sequence[Thing]], topic: str, form: str, rng: random.Random) -> Draft:
    """A draft about a scene made of `things` (by kind). `form` is choice, yes_no or target."""
    facts, scene, shown = _MAKERS[topic](things, rng)
    facts |= {"domain": "scene", "topic": topic, "form": form, "asked": ""}
    candidates = candidates_of(facts)
    gold = answer_of(facts | {"form": "choice"})
    wrong = [candidate for candidate in candidates if candidate != gold]
    if form == "yes_no":
        facts["asked"] = gold if rng.random() < 0.5 else rng.choice(wrong)
        options: tuple[str, ...] = ("yes", "no")
        question = f"{QUESTIONS[topic][0]} Is it: {facts['asked']}?"
    else:
        picked = [gold, *rng.sample(wrong, min(3, len(wrong)))]
        options = tuple(
            sorted(picked, key=candidates.index) if len(candidates) < len(LIFE) else rng.sample(picked, len(picked))
        )
        question = with_options(QUESTIONS[topic][form == "target"], options)
    return Draft(
        source_task=f"scene_{topic}_{form}",
        domain="scene",
        object_id="+".join(sorted({thing.object_id for thing in shown})),
        scene=scene,
        question=question,
        options=options,
        facts=facts,
        slots=SLOTS[topic],
    )


def pair_of(left: str, right: str) -> str:
    return f"{left} and {right}"


def ask_pair(things: Mapping[str, Sequence[Thing]], question: str, rng: random.Random) -> Draft:
    """A draft of four captions: two things left by two right, so that no caption stands out by its words."""
    facts, scene, shown = _row(things, rng)
    facts |= {"domain": "scene", "topic": PAIR, "form": "target", "asked": ""}
    left, right = facts["left_is"], facts["right_is"]
    others = [with_article(kind) for kind in LIFE if with_article(kind) not in (left, right)]
    one, two = rng.sample(others, 2)
    captions = [pair_of(first, second) for first in (left, one) for second in (right, two)]
    options = tuple(rng.sample(captions, len(captions)))
    return Draft(
        source_task="caption_scene_pair_target",
        domain="scene",
        object_id="+".join(sorted({thing.object_id for thing in shown})),
        scene=scene,
        question=with_options(question, options),
        options=options,
        facts=facts,
        slots=("count", "left_is", "right_is"),
    )


def candidates_of(facts: Mapping[str, str]) -> list[str]:
    """All answers that a topic can have."""
    topic = facts["topic"]
    if topic in SIDES:
        return list(LIFE)
    return {"count": list(NUMBERS), "ground": list(GROUNDS), "larger": list(SIDES)}[topic]


def _row(things: Mapping[str, Sequence[Thing]], rng: random.Random) -> tuple[dict[str, str], Scene, list[Thing]]:
    number = "three" if rng.random() < 0.25 else "two"
    shown = [rng.choice(things[kind]) for kind in rng.sample(list(LIFE), NUMBERS.index(number) + 1)]
    left, right = shown[0].kind.name, shown[-1].kind.name
    facts = {"count": number, **_sides(left, right)}
    return facts, _scene(shown, _THIRDS if number == "three" else _HALVES, rng.choice(PALE), rng), shown


def _sides(left: str, right: str) -> dict[str, str]:
    return {
        "left_life": LIFE[left],
        "left_is": with_article(left),
        "right_life": LIFE[right],
        "right_is": with_article(right),
    }


def _count(things: Mapping[str, Sequence[Thing]], rng: random.Random) -> tuple[dict[str, str], Scene, list[Thing]]:
    number, kind = rng.choice(NUMBERS), rng.choice(list(LIFE))
    shown = [rng.choice(things[kind])] * (NUMBERS.index(number) + 1)
    facts = {"count": number, "layout": LAYOUTS[number], "all_are": LIFE[kind]}
    return facts, _scene(shown, _BOXES[number], rng.choice(PALE), rng), shown


def _ground(things: Mapping[str, Sequence[Thing]], rng: random.Random) -> tuple[dict[str, str], Scene, list[Thing]]:
    colour, kind = rng.choice(list(GROUNDS)), rng.choice(list(LIFE))
    shown = [rng.choice(things[kind])]
    facts = {"ground": colour, "shade": SHADES[colour], "middle_life": LIFE[kind]}
    return facts, _scene(shown, ((0.15, 0.15, 0.85, 0.85),), GROUNDS[colour], rng), shown


def _larger(things: Mapping[str, Sequence[Thing]], rng: random.Random) -> tuple[dict[str, str], Scene, list[Thing]]:
    left, right = rng.sample(BY_SIZE, 2)
    side = "left" if BY_SIZE.index(left) > BY_SIZE.index(right) else "right"
    shown = [rng.choice(things[left]), rng.choice(things[right])]
    facts = {**_sides(left, right), "larger": f"on the {side}"}
    return facts, _scene(shown, _HALVES, rng.choice(PALE), rng), shown


def _scene(
    shown: Sequence[Thing],
    boxes: Sequence[tuple[float, float, float, float]],
    ground: tuple[int, int, int],
    rng: random.Random,
) -> Scene:
    placed = tuple(
        Placed(view=rng.choice(thing.views), box=box, mirrored=rng.random() < 0.5)
        for thing, box in zip(shown, boxes, strict=True)
    )
    return Scene(ground=ground, placed=placed)


_MAKERS = {"left": _row, "right": _row, "count": _count, "ground": _ground, "larger": _larger}
