"""Two splits that share no question and no picture, drawn by seed. Knows items and the bytes of their pictures."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edt.errors import EdtError
from edt.tasks.items import Item

Contents = Callable[[Sequence[Item]], Sequence[str]]
"""What each item's picture is, by its bytes: equal where the pictures are."""


@dataclass(frozen=True, kw_only=True)
class Pools:
    """What a dataset has. Without `test`, both splits are drawn from `validation`."""

    validation: Sequence[Item]
    test: Sequence[Item] | None = None


@dataclass(frozen=True, kw_only=True)
class Splits:
    """What is asked."""

    validation: tuple[Item, ...]
    test: tuple[Item, ...]
    shared: int
    """Questions that were left out, because the other split has their picture."""


def draw(pools: Pools, *, num_validation: int | None, num_test: int | None, seed: int, contents: Contents) -> Splits:
    """The splits, in the order of ids. A number is of questions; None takes all that are left.

    A question that is asked in several ways is asked in one of them on
    validation, and in all of them on test. Where the dataset has splits of its
    own the test split stays whole, so that a score can be compared with others',
    and validation gives way; else validation is drawn first. Raises EdtError
    where there are too few.
    """
    first, second = _questions(pools.validation), _questions(pools.test or ())
    pictures = _pictures([*pools.validation, *(pools.test or ())], contents)
    dice = random.Random(f"splits {seed}")

    def drawn(questions: dict[str, list[Item]]) -> list[str]:
        names = sorted(questions)
        dice.shuffle(names)
        return names

    def apart(names: Sequence[str], of: dict[str, list[Item]], taken: set[str]) -> list[str]:
        return [name for name in names if taken.isdisjoint(pictures[item.image] for item in of[name])]

    def shown(names: Sequence[str], of: dict[str, list[Item]]) -> set[str]:
        return {pictures[item.image] for name in names for item in of[name]}

    if pools.test is None:
        order = drawn(first)
        chosen = _take(order, num_validation, "validation", reserve=1)
        free = apart(order[len(chosen) :], first, shown(chosen, first))
        asked = _take(free, num_test, "test")
        left, second = len(order) - len(chosen) - len(free), first
    else:
        asked = _take(drawn(second), num_test, "test")
        order = [name for name in drawn(first) if name not in second]
        free = apart(order, first, shown(asked, second))
        chosen = _take(free, num_validation, "validation")
        left = len(order) - len(free)
    validation = tuple(min(first[name], key=lambda item: item.turn) for name in sorted(chosen))
    return Splits(
        validation=validation, test=tuple(item for name in sorted(asked) for item in second[name]), shared=left
    )


def _questions(items: Sequence[Item]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.question_id, []).append(item)
    for name, ways in found.items():
        if len({item.id for item in ways}) < len(ways) or (len(ways) > 1 and not ways[0].group):
            raise EdtError(f"the question id {name!r} comes twice; ids must be unique in a dataset")
        ways.sort(key=lambda item: item.turn)
    return found


def _pictures(items: Sequence[Item], contents: Contents) -> dict[str, str]:
    once = list({item.image: item for item in items}.values())
    pictures = {item.image: content for item, content in zip(once, contents(once), strict=True)}
    if gone := next((image for image, content in pictures.items() if not content), None):
        raise EdtError(
            f"the picture {gone!r} of a target task is not to be had; put it into the image folder (task.images)"
        )
    return pictures


def _take(names: Sequence[str], number: int | None, split: str, *, reserve: int = 0) -> list[str]:
    if number is not None and number > len(names) - reserve:
        raise EdtError(
            f"task.num_{split}={number} is more than the {len(names) - reserve} questions that are left for {split}; "
            "take fewer"
        )
    if not names:
        raise EdtError(f"no question is left for {split}; take fewer for the other split")
    return list(names[:number])
