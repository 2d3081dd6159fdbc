"""What another method came to in the very same cell, where the store has all of it. Makes nothing for it.

The loop is gone through with that method's parts over a store that only
finds, so what is known is known by content: the same task, student, samples,
rates and seed, whichever run made it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edt.config import Budget, Scale
from edt.diagnosis.baselines import NoAnalyst, NoIdentifier
from edt.loop import adapt
from edt.selection.baselines import RandomSelector
from edt.store.folders import Store, Stored
from edt.store.stages import Parts, Stages
from edt.tracking.none import NoTracker
from edt.types import Report

log = logging.getLogger("edt")


class NotThere(Exception):
    """A stage that nobody has made yet."""


class OnlyFinding(Store):
    """A store that makes nothing."""

    def fetch(
        self,
        stage: str,
        key: str,
        make: Callable[[Path], None],
        *,
        about: Mapping[str, Any],
        resumable: bool = False,
    ) -> Stored:
        """Raises NotThere where the result is not in the store, or not whole."""
        if (stored := self.find(stage, key)) is None:
            raise NotThere(stage)
        return stored


def known_pretrained(parts: Parts, store: Store, *, seed: int, test: bool) -> Report | None:
    """The student before any tuning; None where it was not evaluated."""
    return _known("pretrained", parts, store, rounds=0, scale=Scale(), seed=seed, test=test)


def known_random(parts: Parts, store: Store, *, scale: Scale, seed: int, test: bool) -> Report | None:
    """Random at the same scale and seed, as conf/method/random.yaml has it; None where it was not run."""
    return _known("random", parts, store, rounds=1, scale=scale, seed=seed, test=test)


def _known(
    method: str, parts: Parts, store: Store, *, rounds: int, scale: Scale, seed: int, test: bool
) -> Report | None:
    blind = replace(parts, identifier=NoIdentifier(), analyst=NoAnalyst(), selector=RandomSelector(), teacher=None)
    stages = Stages(parts=blind, store=OnlyFinding(store.root), seed=seed, say=log.debug)
    try:
        budget = Budget(rounds=rounds)
        return adapt(stages, budget=budget, scale=scale, tracker=NoTracker(), method=method, test=test)
    except NotThere:
        return None
