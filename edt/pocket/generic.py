"""Data for the recipes of the base student and the pocket teacher, over supporting objects only.

    python -m edt.pocket.generic base        # pictures and questions, gaps nearly left out
    python -m edt.pocket.generic align       # the pictures of base, named at once without reasoning
    python -m edt.pocket.generic mixed       # all of align and of base, shuffled
    python -m edt.pocket.generic teacher     # text alone, no gaps

All supporting forms, and the wording of the target tasks on supporting objects,
so that a reply's schema is known before a target task is seen.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edt.paths import pocket_root
from edt.pocket.forms import Draft
from edt.pocket.generate import draw, save
from edt.pocket.makers import Maker, by_kind, is_gap, supporting_makers
from edt.pocket.samples import read_samples
from edt.pocket.targets import TASKS, target_makers
from edt.pocket.things import load_things
from edt.types import Sample

GAP_RATE = 0.04
"""How much of the planted gaps the base student gets to see."""

KNOWN_TASKS = TASKS
"""Whose wording the base student and the teacher have met: what they lack is skills, not the form."""

NUM_SAMPLES = {"base": 14_000, "teacher": 12_000}


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
    filtered = [_without_gaps(maker, makers, gap_rate) for maker in makers]
    samples, drafts = draw(filtered, number, f"generic {name}")
    file = data / f"{name}.jsonl"
    save(file, samples, drafts if pictures else [], pack)
    return file


def _without_gaps(maker: Maker, makers: Sequence[Maker], rate: float) -> Maker:
    """The same maker, giving its turn to another where it drew a planted gap that is not to be kept."""

    def make(rng: random.Random) -> Draft:
        draft = maker(rng)
        while is_gap(draft.facts) and rng.random() >= rate:
            draft = rng.choice(makers)(rng)
        return draft

    return make


def alignment(samples: Sequence[Sample]) -> list[Sample]:
    """Each picture of `samples` once, to be named at once: short rows in which nearly every token needs the picture."""
    seen: set[tuple[str, str]] = set()
    direct: list[Sample] = []
    for sample in samples:
        facts = sample.truth.facts if sample.truth else {}
        if (key := (sample.image, facts.get("topic", ""))) in seen:
            continue
        seen.add(key)
        if facts["domain"] != "scene":
            question, answer = "What is it?", facts["kind"]
        elif facts["form"] != "yes_no":
            question, answer = sample.question, sample.answer
        else:
            continue
        bare = {"question": f"Answer at once. {question}", "answer": answer, "options": (), "rationale": ()}
        direct.append(replace(sample, id=f"align-{sample.id}", required_skills=(), **bare))
    random.Random("alignment").shuffle(direct)
    return direct


def mixture(direct: Sequence[Sample], reasoned: Sequence[Sample]) -> list[Sample]:
    """All of both, shuffled."""
    mixed = [*direct, *reasoned]
    random.Random(2).shuffle(mixed)
    return mixed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m edt.pocket.generic", description=__doc__)
    parser.add_argument("name", choices=[*sorted(NUM_SAMPLES), "align", "mixed"])
    name = parser.parse_args().name
    if name not in NUM_SAMPLES:
        data = pocket_root() / "data"
        samples = read_samples(data / "base.jsonl")
        samples = alignment(samples) if name == "align" else mixture(read_samples(data / "align.jsonl"), samples)
        save(data / f"{name}.jsonl", samples, [], data)
        print(f"{len(samples)} samples in {data / f'{name}.jsonl'}")
        return
    rate = GAP_RATE if name == "base" else 1.0
    file = build_generic(pocket_root(), number=NUM_SAMPLES[name], gap_rate=rate, name=name, pictures=name == "base")
    print(f"{NUM_SAMPLES[name]} samples in {file}")


if __name__ == "__main__":
    main()
