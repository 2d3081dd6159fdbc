"""What training is about to do, looked at before it costs anything: a report, and checks that stop it.

Knows modules, rows and folders; no model family. What only a student can tell
comes through `Inspectable`.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.errors import EdtError
from edt.paths import write_whole
from edt.tuning.trainable import Inspectable, Trainable

if TYPE_CHECKING:
    from torch import nn

REPORT = "preflight.json"
SHOWN = 3
"""Samples whose supervised tokens are shown."""
LARGE = 4_000_000_000
"""Bytes of trained weights from which on the reload is not tried: it would write them once more."""
log = logging.getLogger("edt")


@dataclass(frozen=True, kw_only=True)
class Census:
    """How long samples are. Nothing is ever cut off: what is too long is an error, or left out whole."""

    samples: int
    longest: int
    mean: float
    limit: int | None
    dropped: tuple[str, ...] = ()
    """Ids of samples that were left out."""


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """The report. Names of layers have `*` for the number of a layer, with how many they stand for."""

    census: Census
    supervised: Mapping[str, str]
    """By sample: the words that are learnt."""
    quantised: Mapping[str, int]
    adapted: Mapping[str, int]
    tuned: int
    """Weights that are changed."""
    weights: int
    """Weights in all; one that is packed in 4 bits counts as one."""
    dtypes: Mapping[str, int]
    """Tensors by the type that they are held in."""
    memory: Mapping[str, int] = field(default_factory=dict)
    """Bytes by what needs them: an estimate."""
    reload: str = "not tried"
    """What became of the trained weights when they were saved and read again."""


def census_of(
    rows: Sequence[Sized], ids: Sequence[str], *, limit: int | None, too_long: str
) -> tuple[Census, list[int]]:
    """The count, and the places of the rows that stay; EdtError where one is too long and none may be left out."""
    lengths = list(map(len, rows))
    long = [place for place, length in enumerate(lengths) if limit is not None and length > limit]
    if long and too_long == "error":
        first = long[0]
        raise EdtError(
            f"{len(long)} of {len(rows)} samples are longer than tuner.max_tokens={limit}, first {ids[first]!r} with "
            f"{lengths[first]} tokens; cut, they would lose image tokens or their answer. Raise the limit, or leave "
            "them out: tuner.too_long=drop"
        )
    kept = sorted(set(range(len(rows))) - set(long))
    if not kept:
        raise EdtError(f"all {len(rows)} samples are longer than tuner.max_tokens={limit}; raise the limit")
    left = [lengths[place] for place in kept]
    census = Census(
        samples=len(kept),
        longest=max(left),
        mean=round(sum(left) / len(left), 1),
        limit=limit,
        dropped=tuple(ids[place] for place in long),
    )
    return census, kept


def inspect(
    trainable: Trainable, rows: Sequence[Any], ids: Sequence[str], *, census: Census, batch_size: int, folder: Path
) -> Preflight:
    """Look at a trainable that has started; raises EdtError where it would learn nothing, or be lost on reload."""
    module = trainable.module
    tuned = [weight for group in trainable.groups().values() for weight in group]
    asked = {id(weight) for weight in tuned}
    stray = [name for name, weight in module.named_parameters() if weight.requires_grad and id(weight) not in asked]
    if stray or not all(weight.requires_grad for weight in tuned):
        raise EdtError(f"weights that want a gradient are not those that are tuned, among them {stray[:1]}")
    supervised = dict(zip(ids[:SHOWN], _words(trainable, rows[:SHOWN]), strict=False))
    if empty := [name for name, words in supervised.items() if not words.strip()]:
        raise EdtError(f"sample {empty[0]!r} has nothing to learn from: its supervised tokens are blank")
    return Preflight(
        census=census,
        supervised=supervised,
        quantised=_patterns(_quantised(module)),
        adapted=_patterns(_adapted(module)),
        tuned=sum(weight.numel() for weight in tuned),
        weights=sum(_count(weight) for weight in module.parameters()),
        dtypes=dict(Counter(str(weight.dtype).removeprefix("torch.") for weight in module.parameters())),
        memory=_memory(trainable, tuned, tokens=census.longest * batch_size),
        reload=_reload(trainable, min(rows, key=len), folder / ".preflight"),
    )


def report(found: Preflight, folder: Path) -> None:
    """Said at info level, and kept in the folder."""
    for line in lines(found):
        log.info("%s", line)
    write_whole(folder / REPORT, json.dumps(asdict(found), indent=1, ensure_ascii=False) + "\n")


def lines(found: Preflight) -> Iterable[str]:
    """For a reader."""
    census = found.census
    limit = f", limit {census.limit}" if census.limit else ""
    dropped = f"; {len(census.dropped)} too long and left out" if census.dropped else ""
    tokens = f"{census.mean:.0f} tokens each, at most {census.longest}"
    yield f"pre-flight: {census.samples} samples, {tokens}{limit}{dropped}"
    for name, words in found.supervised.items():
        yield f"  {name} learns: {words!r}"
    for what, names in (("in 4 bits", found.quantised), ("adapted", found.adapted)):
        shown = ", ".join(f"{name} ({count})" for name, count in names.items()) or "none"
        yield f"  {what}: {shown}"
    held = ", ".join(f"{count} tensors in {kind}" for kind, count in found.dtypes.items())
    yield f"  tuned: {found.tuned:,} of {found.weights:,} weights ({found.tuned / found.weights:.2%}); {held}"
    needs = ", ".join(f"{what} {_bytes(size)}" for what, size in found.memory.items())
    yield f"  memory, about: {needs}"
    yield f"  saved and read again: {found.reload}"


def _bytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _words(trainable: Trainable, rows: Sequence[Any]) -> list[str]:
    return [trainable.words(row) for row in rows] if isinstance(trainable, Inspectable) else []


def _adapted(module: nn.Module) -> Iterable[str]:
    from peft.tuners.lora import LoraLayer

    return (name.removesuffix(".peft") for name, part in module.named_modules() if isinstance(part, LoraLayer))


def _quantised(module: nn.Module) -> Iterable[str]:
    """By the kind of their weight, so that bitsandbytes is not loaded where nothing is packed."""
    packed = (name for name, weight in module.named_parameters() if type(weight).__name__ == "Params4bit")
    return (name.removesuffix(".weight").removesuffix(".base_layer").removesuffix(".peft") for name in packed)


def _patterns(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(re.sub(r"\.\d+\.", ".*.", name) for name in names))


def _count(weight: Any) -> int:
    """Two weights of 4 bits share a byte."""
    packed = type(weight).__name__ == "Params4bit" and weight.dtype.itemsize == 1
    return weight.numel() * (2 if packed else 1)


def _memory(trainable: Trainable, tuned: Sequence[Any], *, tokens: int) -> dict[str, int]:
    """Weights as they are held; a gradient and AdamW's two moments for each that is tuned; activations."""
    held = sum(weight.numel() * weight.element_size() for weight in trainable.module.parameters())
    moved = sum(3 * weight.numel() * weight.element_size() for weight in tuned)
    rest = {"activations": trainable.activations(tokens)} if isinstance(trainable, Inspectable) else {}
    return {"weights": held, "gradients and moments": moved, **rest}


def _reload(trainable: Trainable, row: Any, folder: Path) -> str:
    """Save, spoil, read again: the weights have to come back bit by bit, and the loss with them."""
    if not isinstance(trainable, Inspectable):
        return "not tried: this student cannot be looked into"
    size = sum(value.numel() * value.element_size() for value in trainable.state().values())
    if size > LARGE:
        return f"not tried: {size / 1e9:.0f} GB of trained weights"
    before = {name: value.clone() for name, value in trainable.state().items()}
    loss = _loss(trainable, row)
    try:
        trainable.save(folder, samples=0, steps=0, seconds=0.0)
        for value in trainable.state().values():
            value.add_(1)
        trainable.restore(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    lost = [name for name, value in trainable.state().items() if not bool((value == before[name]).all())]
    if lost or _loss(trainable, row) != loss:
        raise EdtError(f"{len(lost)} trained weights do not come back when saved and read again, first {lost[:1]}")
    return f"{len(before)} tensors, bit by bit, and the loss of a sample with them ({loss:.3f})"


def _loss(trainable: Trainable, row: Any) -> float:
    """Of one row, always with the same chance; leaves the state of chance alone."""
    import torch

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        return float(sum(trainable.loss(part) * share for part, share in trainable.collate([row])))
