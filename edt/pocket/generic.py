"""Data for the recipes of the base student and the pocket teacher, over supporting objects only.

    python -m edt.pocket.generic base        # pictures and questions, gaps left out
    python -m edt.pocket.generic align       # all kinds to be named at once, without reasoning, and the scenes of base
    python -m edt.pocket.generic mixed       # all of align and of base, shuffled
    python -m edt.pocket.generic teacher     # text alone, no gaps

All supporting forms, and the wording of the target tasks on supporting objects,
so that a reply's schema is known before a target task is seen.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from edt.paths import pocket_root
from edt.pocket.forms import Draft, ask, portrait
from edt.pocket.generate import draw, save
from edt.pocket.kinds import kinds
from edt.pocket.makers import Maker, by_kind, rarely, supporting_makers
from edt.pocket.samples import read_samples
from edt.pocket.skills import SCENE
from edt.pocket.targets import TASKS, target_makers
from edt.pocket.things import Thing, load_things
from edt.types import Sample

GAP_RATE = 0.0
"""How much of the planted gaps the base student gets to reason about."""

KNOWN_TASKS = TASKS
"""Whose wording the base student and the teacher have met: what they lack is skills, not the form."""

NUM_SAMPLES = {"base": 14_000, "align": 8_000, "teacher": 12_000}

PORTRAITS = 12
"""Of a view, to be named at once: more than a question ever shows, so that a kind is known in any place and size."""


def build_generic(root: Path, *, number: int, gap_rate: float, name: str, pictures: bool = True) -> Path:
    """Generic training data over supporting objects: all forms, the target tasks' wording included.

    Gap kinds and topics are kept at `gap_rate` of their share (1 plants no gaps).
    Returns the file `root/data/NAME.jsonl`.
    """
    pack, data = root / "pack", root / "data"
    things = by_kind(load_things(pack), "supporting")
    makers = supporting_makers(things, shy=True)
    for task in KNOWN_TASKS:
        targets = target_makers(things, task, shy=True)
        makers += [lambda rng, targets=targets: rng.choice(targets)(rng) for _ in range(4 if task == "vqa" else 3)]
    filtered = [rarely(maker, makers, gap_rate) for maker in makers]
    samples, drafts = draw(filtered, number, f"generic {name}")
    file = data / f"{name}.jsonl"
    save(file, samples, drafts if pictures else [], pack)
    return file


def build_align(root: Path, reasoned: Sequence[Sample]) -> Path:
    """Things of all kinds, gaps too, and the scenes of `reasoned`, to be named at once.

    Short rows, in which nearly every token needs the picture.
    """
    pack, data = root / "pack", root / "data"
    things = by_kind(load_things(pack), "supporting")
    makers = [_portraits(things[kind]) for kind in kinds() if things[kind]]
    samples, drafts = draw(makers, NUM_SAMPLES["align"], "generic align")
    direct = [_at_once(sample, "What is it?") for sample in samples]
    direct += [_at_once(scene, scene.question) for scene in _scenes(reasoned)]
    random.Random("alignment").shuffle(direct)
    file = data / "align.jsonl"
    save(file, direct, drafts, pack)
    return file


def _portraits(things: Sequence[Thing]) -> Maker:
    def make(rng: random.Random) -> Draft:
        thing = rng.choice(things)
        return replace(ask(thing, "caption", rng), scene=portrait(thing, rng, variants=PORTRAITS))

    return make


def _scenes(samples: Sequence[Sample]) -> Iterator[Sample]:
    """Each picture of a scene once a topic, where it is not asked for yes or no."""
    seen: set[tuple[str, str]] = set()
    for sample in samples:
        facts = sample.truth.facts if sample.truth else {}
        key = sample.image, facts.get("topic", "")
        if facts["domain"] == SCENE and facts["form"] != "yes_no" and key not in seen:
            seen.add(key)
            yield sample


def _at_once(sample: Sample, question: str) -> Sample:
    bare = {"question": f"Answer at once. {question}", "options": (), "rationale": (), "required_skills": ()}
    return replace(sample, id=f"align-{sample.id}", **bare)


def mixture(direct: Sequence[Sample], reasoned: Sequence[Sample]) -> list[Sample]:
    """All of both, shuffled."""
    mixed = [*direct, *reasoned]
    random.Random(2).shuffle(mixed)
    return mixed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m edt.pocket.generic", description=__doc__)
    parser.add_argument("name", choices=[*sorted(NUM_SAMPLES), "mixed"])
    name, root = parser.parse_args().name, pocket_root()
    if name == "mixed":
        file = root / "data" / "mixed.jsonl"
        base, align = (read_samples(file.with_name(f"{part}.jsonl")) for part in ("base", "align"))
        save(file, mixture(align, base), [], root / "pack")
    elif name == "align":
        file = build_align(root, read_samples(root / "data" / "base.jsonl"))
    else:
        rate = GAP_RATE if name == "base" else 1.0
        file = build_generic(root, number=NUM_SAMPLES[name], gap_rate=rate, name=name, pictures=name == "base")
    print(f"{len(read_samples(file))} samples in {file}")


if __name__ == "__main__":
    main()
