"""A desk that answers from a recording, and from nothing else: no network, no key, no cost."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from edt.errors import EdtError
from edt.protocols import Cost
from edt.teachers.bundle import read_bundle
from edt.teachers.calls import Abilities, Call, Phrasing, Reply, Tally
from edt.types import from_json


class Recording:
    """The calls of the bundle at `path` (`python -m edt.teachers.bundle export`)."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path).expanduser()
        self._tally = Tally()

    def ask(self, calls: Sequence[Call], what: str) -> list[Reply]:
        """See `Desk`; EdtError, with the beginning of the question, for a call that was not recorded."""
        missing = [call for call in calls if call.key not in self._replies]
        if missing:
            said = str(missing[0].request["messages"][-1]["content"])
            raise EdtError(
                f"the recording {self._path} does not hold {len(missing)} of {len(calls)} calls, the first of which "
                f"asks {missing[0].request['model']!r} {' '.join(said.split())!r:.80}; replay with the settings and "
                "the code that it was recorded with, or record these calls too"
            )
        keys = [call.key for call in calls]
        self._tally.add(self._replies[key] for key in dict.fromkeys(keys))
        return [self._replies[key] for key in keys]

    def abilities(self, phrasing: Phrasing, *, afresh: bool = False) -> Abilities | None:
        """None, as nothing is asked for real; raises EdtError where there is no recording."""
        assert self._replies is not None
        return None

    def cost(self, calls: Sequence[Call]) -> Cost:
        """See `Desk`."""
        return Cost(calls=0, tokens_in=0, tokens_out=0, usd=0.0)

    def expected(self, calls: Sequence[Call]) -> Cost:
        """See `Desk`."""
        return self.cost(())

    def spent(self) -> Cost:
        """See `Desk`."""
        return self.cost(())

    def asked(self) -> Cost:
        """See `Desk`."""
        return self._tally.cost()

    def pace(self) -> float | None:
        """See `Desk`: nothing takes any time worth telling."""
        return 0.0

    @cached_property
    def _replies(self) -> dict[str, Reply]:
        return {key: from_json(Reply, reply) for key, _, reply in read_bundle(self._path)}
