"""What a question makes one rule out: the skill that its wrong option would have needed.

Who answers whether a picture shows a bird when it shows a fish has to tell
flying from swimming too.  So a supporting sample that offers a wrong answer
also requires the skill behind one, and what is retrieved for a missing skill
shows both sides of it.  Knows questions and facts; no picture and no search.
"""

from __future__ import annotations

import random

from edt.pocket import forms, scenes
from edt.pocket.forms import SLOT_FORMS, Draft
from edt.pocket.kinds import DOMAINS, kinds
from edt.pocket.skills import SCENE, skill_id

_NUMBER_OF = {form: number for number, form in enumerate(SLOT_FORMS)}


def ruled_out(draft: Draft, answer: str) -> str:
    """Id of the skill that one wrong option of the draft would have needed; empty where none is offered.

    A wrong name is ruled out by the first step at which it parts from the true one.
    """
    if draft.facts["form"] == "yes_no":
        wrong = draft.facts["asked"] if answer == "no" else ""
    else:
        others = [option for option in draft.options if option != answer]
        wrong = random.Random(f"ruled out\n{draft.question}\n{draft.object_id}").choice(others) if others else ""
    if not wrong:
        return ""
    return _of_scene(draft, wrong) if draft.domain == SCENE else _of_thing(draft, wrong)


def _of_thing(draft: Draft, wrong: str) -> str:
    slots = DOMAINS[draft.domain].slots
    if draft.facts["form"] in _NUMBER_OF:
        return skill_id(draft.domain, slots[_NUMBER_OF[draft.facts["form"]]], wrong)
    other = kinds()[wrong.split(" ", 1)[1] if draft.facts["form"] == "article" else wrong]
    if other.domain != draft.domain:  # nothing is told apart there: no slot is shared
        return ""
    slot = next(slot for slot in slots if other.facts[slot] != draft.facts[slot])
    return skill_id(draft.domain, slot, other.facts[slot])


def _of_scene(draft: Draft, wrong: str) -> str:
    topic = draft.facts["topic"]
    if topic == scenes.PAIR:
        return ""
    slot = scenes.SLOTS[topic][-1]
    value = {"larger": f"on the {wrong}"}.get(topic, forms.with_article(wrong) if topic in scenes.SIDES else wrong)
    return skill_id(SCENE, slot, value)
