"""The things that Pocket shows: packed assets with a kind, split by object before any question is made.

An object is what must not be in two splits: a furniture model, or a kind of
animal or plant whatever the artist (the stamp and the drawing of a cow are one
object).  This module knows objects and splits, and nothing of questions.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edt.errors import EdtError
from edt.pocket.kinds import DOMAINS, Kind, asset_key, kind_of

SPLITS = {"supporting": 0.55, "validation": 0.15, "test": 0.30}

MISFITS = (
    ("sh3d/blendswap-cc-0/lamp2", "table lamp", "a chandelier"),
    ("sh3d/blendswap-cc-0/stove", "oven", "a cooktop"),
    ("sh3d/scopia/sandwichmaker", "cooktop", "a sandwich maker"),
    ("sh3d/scopia/toaster", "cooktop", "a toaster"),
    ("sh3d/scopia/squeezer", "coffee machine", "a juice squeezer"),
    ("sh3d/scopia/video-projector", "television", "a projector"),
    ("sh3d/scopia/gaz-water-heater", "radiator", "a water heater"),
    ("sh3d/scopia/electric-water-heater-big", "radiator", "a water heater"),
    ("sh3d/scopia/inkjet-and-scanner-printer", "computer", "a printer"),
    ("sh3d/scopia/japanese-style-screen", "television", "a folding screen"),
    ("sh3d/katorlegaz/midi-keyboard", "computer", "a piano keyboard"),
)
"""Asset, the kind that it counts as, what the picture shows: labels that are wrong, as looking found.

No target task shows them. They stay in the supporting dataset, whose labels were never said to be clean.
"""

# First words that do not name an animal or a plant by themselves.
_OWN_NAMES = {"baby_rabbit": "rabbit", "guinea_pig": "guinea pig", "lion_cub": "lion", "little-penguin": "penguin"}


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One packed asset of a known kind. `views` are picture files with alpha, under the pack's root."""

    asset: str
    kind: Kind
    object_id: str
    split: str
    views: tuple[str, ...]


def load_things(pack: Path) -> list[Thing]:
    """Every asset of a known kind in `pack/assets.jsonl`, with its split, in the file's order.

    Raises EdtError where the pack is not there.
    """
    index = pack / "assets.jsonl"
    if not index.exists():
        raise EdtError(f"the Pocket pack has no {index}; build it with `python -m edt.pocket.setup`")
    assets = [json.loads(line) for line in index.read_text(encoding="utf-8").splitlines()]
    known = [(asset, kind) for asset in assets if (kind := kind_of(asset_key(asset)))]
    objects: dict[str, set[str]] = defaultdict(set)
    for asset, kind in known:
        objects[kind.name].add(_object_id(asset, kind))
    split_of = {obj: split for name, ids in objects.items() for obj, split in _split(name, ids).items()}
    return [
        Thing(
            asset=asset["id"],
            kind=kind,
            object_id=_object_id(asset, kind),
            split=split_of[_object_id(asset, kind)],
            views=tuple(asset["views"]),
        )
        for asset, kind in known
    ]


def _object_id(asset: Mapping[str, object], kind: Kind) -> str:
    if str(asset["id"]).startswith("sh3d/"):
        return str(asset["id"])
    last = str(asset["id"]).rsplit("/", 1)[-1]
    name = _OWN_NAMES.get(last) or re.split(r"[_-]", last.lower())[0]
    if not re.fullmatch(r"flower\d+", name):
        name = re.sub(r"\d+$", "", name)
    return f"{DOMAINS[kind.domain].name}/{kind.name}/{name}"


def _split(kind: str, objects: Iterable[str]) -> dict[str, str]:
    """Objects of one kind dealt over the splits by their shares, at least one each where there are three."""
    order = sorted(objects, key=lambda obj: hashlib.sha256(f"split 1\n{kind}\n{obj}".encode()).hexdigest())
    total = len(order)
    test = max(round(total * SPLITS["test"]), 1) if total > 2 else 0
    validation = max(round(total * SPLITS["validation"]), 1) if total > 2 else 0
    names = ["test"] * test + ["validation"] * validation + ["supporting"] * (total - test - validation)
    return dict(zip(order, names, strict=True))


def fit_for_targets(things: Iterable[Thing]) -> list[Thing]:
    """Without those whose label is known to be wrong."""
    wrong = {(asset, kind) for asset, kind, _ in MISFITS}
    return [thing for thing in things if (thing.asset, thing.kind.name) not in wrong]
