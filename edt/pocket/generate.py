"""Samples of Pocket: target tasks and the supporting dataset.

Everything is drawn from seeds that are text, so the same pack gives the same
samples everywhere.  The recipes of the base student and the teacher draw their
data in `generic`, with the makers of this module.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from edt.pocket import forms, scenes
from edt.pocket.forms import Draft
from edt.pocket.kinds import DOMAINS, kinds_of
from edt.pocket.pictures import file_of, write
from edt.pocket.skills import skill_id, wording
from edt.pocket.statements import state
from edt.pocket.things import Thing, load_things
from edt.types import Sample, Truth, to_json

VERSION = 1
"""Raised when the same pack gives other samples than before."""

TASKS = ("furniture", "living_thing", "vqa")
NUM_VALIDATION = 64
NUM_TEST = 132
NUM_SUPPORTING = 4400

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


def sample_of(draft: Draft) -> Sample:
    """The sample of a draft; its id is a hash of its content, so ids carry no order."""
    answer = (scenes if draft.domain == "scene" else forms).answer_of(draft.facts)
    image = file_of(draft.scene)
    digest = hashlib.sha256(json.dumps([image, draft.question, answer]).encode()).hexdigest()[:12]
    identity = f"{draft.source_task}-{digest}"
    skills = tuple(skill_id(draft.domain, slot, draft.facts[slot]) for slot in draft.slots)
    return Sample(
        id=identity,
        image=image,
        question=draft.question,
        options=draft.options,
        answer=answer,
        rationale=tuple(state(slot, draft.facts[slot]) for slot in draft.slots),
        required_skills=tuple(wording(skill, identity) for skill in skills),
        source_task=draft.source_task,
        truth=Truth(object_id=draft.object_id, facts=draft.facts, slots=draft.slots, skills=skills),
    )


def draw(makers: Sequence[Maker], number: int, seed: str) -> tuple[list[Sample], list[Draft]]:
    """`number` different samples, the makers taking turns; fewer where they run dry."""
    samples: dict[str, Sample] = {}
    drafts: list[Draft] = []
    for turn in range(number * 20):
        if len(samples) >= number:
            break
        draft = makers[turn % len(makers)](random.Random(f"pocket {VERSION} {seed} {turn}"))
        sample = sample_of(draft)
        if sample.id not in samples:
            samples[sample.id] = sample
            drafts.append(draft)
    return list(samples.values()), drafts


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
        makers += [_domain_maker(things, domain, form, shy) for form in forms.forms_of(domain)]
    for topic in scenes.TOPICS:
        makers += [_scene_maker(things, topic, form) for form in ("choice", "yes_no")]
    return makers


def target_makers(things: Mapping[str, Sequence[Thing]], task: str, *, shy: bool = False) -> list[Maker]:
    """Makers of a target task, one a kind or topic, so that its classes come evenly."""
    if task == "vqa":
        return [_scene_maker(things, topic, "target") for topic in scenes.TOPICS]
    domain = {"furniture": "furniture", "living_thing": "living"}[task]
    return [_kind_maker(things[kind.name], "target", shy) for kind in kinds_of(domain) if things[kind.name]]


def _domain_maker(things: Mapping[str, Sequence[Thing]], domain: str, form: str, shy: bool) -> Maker:
    shown = [kind.name for kind in kinds_of(domain) if things[kind.name]]
    return lambda rng: _ask(rng.choice(things[rng.choice(shown)]), form, rng, shy)


def _kind_maker(things: Sequence[Thing], form: str, shy: bool) -> Maker:
    return lambda rng: _ask(rng.choice(things), form, rng, shy)


def _ask(thing: Thing, form: str, rng: random.Random, shy: bool) -> Draft:
    """A draft; a shy one leaves gap kinds out of every other list of options.

    Else a student that hardly ever sees them as the answer learns that they never are.
    """
    distractors = None
    if shy and thing.kind.name not in GAP_KINDS and rng.random() < 0.5:
        distractors = [kind.name for kind in kinds_of(thing.kind.domain) if kind.name not in GAP_KINDS]
    return forms.ask(thing, form, rng, distractors=distractors)


def _scene_maker(things: Mapping[str, Sequence[Thing]], topic: str, form: str) -> Maker:
    return lambda rng: scenes.ask_scene(things, topic, form, rng)


def build(root: Path) -> int:
    """Make the target tasks and the supporting dataset in `root/data` where they are missing.

    Returns how many pictures were painted.  A stamp, written last, says that all is whole.
    """
    pack, data = root / "pack", root / "data"
    stamp = data / "complete.json"
    mark = {"version": VERSION, "pack": json.loads((pack / "manifest.json").read_text())["fingerprint"]}
    if stamp.exists() and stamp.read_text() == json.dumps(mark):
        return 0
    stamp.unlink(missing_ok=True)
    things = load_things(pack)
    painted = 0
    for task in TASKS:
        for split, number in (("validation", NUM_VALIDATION), ("test", NUM_TEST)):
            makers = target_makers(by_kind(things, split), task)
            painted += save(data / f"{task}.{split}.jsonl", *draw(makers, number, f"{task} {split}"), pack)
    makers = supporting_makers(by_kind(things, "supporting"))
    painted += save(data / "supporting.jsonl", *draw(makers, NUM_SUPPORTING, "supporting"), pack)
    beside = stamp.with_suffix(".part")
    beside.write_text(json.dumps(mark))
    beside.replace(stamp)
    return painted


def is_gap(facts: Mapping[str, str]) -> bool:
    """Whether facts are of a kind or a topic that the base student was kept from."""
    return facts.get("kind") in GAP_KINDS or facts.get("topic") in GAP_TOPICS


def save(file: Path, samples: Sequence[Sample], drafts: Sequence[Draft], pack: Path) -> int:
    """Write samples to a file and paint the scenes of the drafts beside it; returns how many were painted."""
    painted = write([draft.scene for draft in drafts], pack, file.parent)
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".part")
    beside.write_text("".join(json.dumps(to_json(sample)) + "\n" for sample in samples), encoding="utf-8")
    beside.replace(file)
    return painted
