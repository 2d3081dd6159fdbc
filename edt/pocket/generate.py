"""Samples of Pocket: target tasks and the supporting dataset.

Everything is drawn from seeds that are text, so the same pack gives the same
samples everywhere.  The recipes of the base student and the teacher draw their
data in `generic`, with the makers of this module.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path

from edt.paths import write_whole
from edt.pocket import forms, scenes
from edt.pocket.contrasts import ruled_out
from edt.pocket.forms import Draft
from edt.pocket.makers import GAP_SHARE, Maker, by_kind, rarely, supporting_makers
from edt.pocket.pictures import file_of, write
from edt.pocket.skills import skill_id, wording
from edt.pocket.statements import state
from edt.pocket.targets import TASKS, target_makers
from edt.pocket.things import fit_for_targets, load_things
from edt.types import Sample, Truth, to_json

VERSION = 2
"""Raised when the same pack gives other samples than before."""

TARGETS_VERSION = 2
"""Raised when the target tasks alone change."""

NUM_VALIDATION = 64
NUM_TEST = 132
NUM_SUPPORTING = 4400


def sample_of(draft: Draft) -> Sample:
    """The sample of a draft; its id is a hash of its content, so ids carry no order."""
    answer = (scenes if draft.domain == "scene" else forms).answer_of(draft.facts)
    image = file_of(draft.scene)
    digest = hashlib.sha256(json.dumps([image, draft.question, answer]).encode()).hexdigest()[:12]
    identity = f"{draft.source_task}-{digest}"
    skills = tuple(skill_id(draft.domain, slot, draft.facts[slot]) for slot in draft.slots)
    out = ruled_out(draft, answer)
    rules_out = (out,) if out and out not in skills else ()
    return Sample(
        id=identity,
        image=image,
        question=draft.question,
        options=draft.options,
        answer=answer,
        rationale=tuple(state(slot, draft.facts[slot]) for slot in draft.slots),
        required_skills=tuple(wording(skill, identity) for skill in (*skills, *rules_out)),
        source_task=draft.source_task,
        truth=Truth(
            object_id=draft.object_id, facts=draft.facts, slots=draft.slots, skills=skills, rules_out=rules_out
        ),
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


def build(root: Path) -> int:
    """Make the target tasks and the supporting dataset in `root/data` where they are missing.

    Returns how many pictures were painted.  A stamp, written last, says that all is whole.
    """
    pack, data = root / "pack", root / "data"
    stamp = data / "complete.json"
    fingerprint = json.loads((pack / "manifest.json").read_text())["fingerprint"]
    mark = {"version": VERSION, "targets": TARGETS_VERSION, "gaps": GAP_SHARE, "tasks": TASKS, "pack": fingerprint}
    if stamp.exists() and stamp.read_text() == json.dumps(mark):
        return 0
    stamp.unlink(missing_ok=True)
    things = load_things(pack)
    painted, fit = 0, fit_for_targets(things)
    for task in TASKS:
        for split, number in (("validation", NUM_VALIDATION), ("test", NUM_TEST)):
            makers = target_makers(by_kind(fit, split), task)
            painted += save(data / f"{task}.{split}.jsonl", *draw(makers, number, f"{task} {split}"), pack)
    makers = supporting_makers(by_kind(things, "supporting"))
    makers = [rarely(maker, makers, GAP_SHARE) for maker in makers]
    painted += save(data / "supporting.jsonl", *draw(makers, NUM_SUPPORTING, "supporting"), pack)
    write_whole(stamp, json.dumps(mark))
    return painted


def save(file: Path, samples: Sequence[Sample], drafts: Sequence[Draft], pack: Path) -> int:
    """Write samples to a file and paint the scenes of the drafts beside it; returns how many were painted."""
    painted = write([draft.scene for draft in drafts], pack, file.parent)
    write_whole(file, "".join(json.dumps(to_json(sample)) + "\n" for sample in samples))
    return painted
