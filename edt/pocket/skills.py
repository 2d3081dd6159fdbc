"""The skills of Pocket, each in several wordings: what a step needs, in words that can be searched.

A skill is the ability to tell one value of one slot of one domain; its id reads
`domain.slot=value`.  Wordings of one skill share its content words and differ in
the rest, so that retrieval has to work for its living.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache

from edt.pocket.kinds import DOMAINS

SCENE = "scene"

# Per slot: what kind of ability it is; {value} and {noun} are filled in.
_ABILITIES = {
    "use": ("{noun} that is for {value}", "that {noun} serves for {value}", "{noun} whose purpose is {value}"),
    "build": ("{noun} made {value}", "whether {noun} is built {value}", "the build of {noun} {value}"),
    "part": ("{noun} with {value}", "{value} on {noun}", "the parts of {noun}: {value}"),
    "realm": ("{noun} that is {value}", "that {noun} is {value}", "signs of {noun} being {value}"),
    "way": ("{noun} that {value}", "how {noun} {value}", "the way of {noun} that {value}"),
    "cover": ("{noun} covered with {value}", "{value} on {noun}", "the outside of {noun}: {value}"),
    "task": ("{noun} for {value}", "that {noun} does {value}", "{noun} whose task is {value}"),
    "place": ("{noun} that belongs to {value}", "{value} as the place of {noun}", "where {noun} stands: {value}"),
    "worn": ("{noun} worn on {value}", "that {noun} goes on {value}", "{noun} that covers {value}"),
    "warmth": ("{noun} worn {value}", "that {noun} suits people {value}", "the weather for {noun}: {value}"),
    "piece": ("{noun} with {value}", "{value} on {noun}", "the cut of {noun}: {value}"),
    "travels": ("{noun} that travels {value}", "that {noun} goes {value}", "{noun} made to move {value}"),
    "carries": ("{noun} that carries {value}", "{value} as the load of {noun}", "what {noun} carries: {value}"),
    "gear": ("{noun} with {value}", "{value} on {noun}", "the running gear of {noun}: {value}"),
    "serves": ("{noun} that serves for {value}", "that {noun} is used for {value}", "{noun} meant for {value}"),
    "shape": ("{noun} shaped {value}", "the {value} form of {noun}", "the outline of {noun}: {value}"),
    "grip": ("{noun} with {value}", "{value} on {noun}", "the details of {noun}: {value}"),
    "count": ("{value} things in a scene", "the number {value} of things", "a scene that holds {value} things"),
    "layout": ("things that stand {value}", "the order of things {value}", "a scene laid out {value}"),
    "all_are": ("a group of things: {value}", "that all things are {value}", "things of one sort, {value}"),
    "left_life": ("a left thing that is {value}", "that the left side is {value}", "on the left what is {value}"),
    "left_is": ("{value} on the left side", "{value} standing left", "the thing to the left: {value}"),
    "right_life": ("a right thing that is {value}", "that the right side is {value}", "on the right what is {value}"),
    "right_is": ("{value} on the right side", "{value} standing right", "the thing to the right: {value}"),
    "larger": (
        "the larger in life {value}",
        "that the real size is larger {value}",
        "by real size the larger, {value}",
    ),
    "middle_life": (
        "a thing before a ground that is {value}",
        "that what stands there is {value}",
        "the thing in front: {value}",
    ),
    "shade": ("a ground that is {value}", "the brightness {value} of a ground", "{value} shades of the ground"),
    "ground": ("the colour {value} of the ground", "a ground coloured {value}", "{value} behind the thing"),
}
_VERBS = ("recognise", "tell", "identify", "notice", "see", "make out")


def skill_id(domain: str, slot: str, value: str) -> str:
    return f"{domain}.{slot}={value}"


def read_id(skill: str) -> tuple[str, str, str]:
    """Domain, slot and value of a skill's id."""
    domain, rest = skill.split(".", 1)
    slot, value = rest.split("=", 1)
    return domain, slot, value


@cache
def wordings(skill: str) -> tuple[str, ...]:
    """All wordings of a skill, the plainest first."""
    domain, slot, value = read_id(skill)
    noun = DOMAINS[domain].noun if domain in DOMAINS else "the scene"
    abilities = [ability.format(noun=noun, value=value) for ability in _ABILITIES[slot]]
    return tuple(f"{verb} {ability}" for verb in _VERBS for ability in abilities)[: 3 * len(_VERBS)]


def wording(skill: str, seed: str) -> str:
    """One wording of a skill, chosen by the seed text."""
    choices = wordings(skill)
    digest = hashlib.sha256(f"{skill}\n{seed}".encode()).digest()
    return choices[int.from_bytes(digest[:4], "big") % len(choices)]


def nearest(text: str, skills: Mapping[str, str]) -> str:
    """Id of the wording that shares most words with `text`, in proportion (Jaccard)."""
    words = set(text.lower().split())

    def likeness(wording: str) -> float:
        other = set(wording.lower().split())
        return len(words & other) / len(words | other)

    return skills[max(sorted(skills), key=likeness)]
