"""What a table's runs cost to make, whatever they share counted once, and what that took by the clock.

Knows lines of rounds and of sweeps, not how they are shown.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from edt.tables.rounds import STAGES, RoundLine
from edt.tables.shape import Cost, WallTime
from edt.tables.sweeps import DIGITS, SweepLine


def cost_of(rounds: Sequence[RoundLine], sweeps: Sequence[SweepLine] = ()) -> Cost | None:
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
        wall=_wall({line.digest[:DIGITS] for line in rounds}, sweeps),
    )


def _wall(measured: Set[str], sweeps: Sequence[SweepLine]) -> WallTime | None:
    """Of the sweeps that ran any of the measured cells: one of another configuration made nothing of this table."""
    ours = [sweep for sweep in sweeps if not measured.isdisjoint(sweep.cells)]
    if not ours:
        return None
    return WallTime(
        seconds=sum(sweep.seconds for sweep in ours),
        sweeps=len(ours),
        runs=len(measured & {cell for sweep in ours for cell in sweep.cells}),
        jobs=tuple(sorted({sweep.jobs for sweep in ours})),
    )
