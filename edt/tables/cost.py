"""What a table's runs cost to make, whatever they share counted once. Knows lines of rounds, not how they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from edt.tables.rounds import STAGES, RoundLine
from edt.tables.shape import Cost


def cost_of(rounds: Sequence[RoundLine]) -> Cost | None:
    """Runs, distinct trainings, and seconds of distinct stages; None without rounds, or where weights have no name.

    A training is known by the weights that came of it, any other stage by its
    task and the time it took, which runs that share it tell to four decimals.
    """
    if not rounds or any(line.picks and not line.tuned for line in rounds):
        return None
    tuned = {line.tuned: line.seconds("tune") for line in rounds if line.tuned}
    others = {(line.task, stage, line.seconds(stage)) for line in rounds for stage in STAGES if stage != "tune"}
    return Cost(
        runs=len({line.run for line in rounds}),
        trainings=len(tuned),
        seconds=sum(tuned.values()) + sum(seconds for _, _, seconds in others),
    )
