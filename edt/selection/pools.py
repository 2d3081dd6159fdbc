"""Selectors that look at where samples come from, not at errors: balanced over sources, and a list from elsewhere."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.protocols import Supporting, Task
from edt.selection.deal import Hit, Ranking, deal, fill
from edt.types import Gap, Pick


class BalancedSelector:
    """As many samples of every source task, drawn at random; a source that runs out leaves its share to the others."""

    reads = frozenset[str]()

    def fingerprint(self) -> dict[str, Any]:
        return {}

    def select(
        self,
        gaps: Sequence[Gap],
        supporting: Supporting,
        task: Task,
        *,
        budget: int,
        exclude: frozenset[str],
        round: int,
        seed: int,
    ) -> list[Pick]:
        """See `Selector`; a smaller budget's picks are a prefix of a larger one's, and no pick is targeted."""
        sources: dict[str, list[str]] = {}
        for sample in supporting.samples:
            sources.setdefault(sample.source_task, []).append(sample.id)
        order = sorted(sources)
        random.Random(f"{seed}/{round}").shuffle(order)
        drawn = [
            fill(sources[name], budget=len(sources[name]), exclude=exclude, round=round, seed=seed) for name in order
        ]
        longest = max(map(len, drawn), default=0)
        turns = [picks[turn] for turn in range(longest) for picks in drawn if turn < len(picks)]
        return turns[:budget]


class ImportedSelector:
    """The samples that a file lists, in its order: what another tool has selected.

    The file has an id a line, or is a JSON list of ids, or JSON lines with an
    `id` each.  Where it lists fewer than the budget asks for, the rest is
    filled at random and marked.
    """

    reads = frozenset[str]()

    def __init__(self, *, path: str | None = None) -> None:
        self._path = Path(path) if path else None

    def fingerprint(self) -> dict[str, Any]:
        """The listed ids; neither the file's name nor its form."""
        listed = "\n".join(self._ids())
        return {"ids": hashlib.sha256(listed.encode()).hexdigest()}

    def select(
        self,
        gaps: Sequence[Gap],
        supporting: Supporting,
        task: Task,
        *,
        budget: int,
        exclude: frozenset[str],
        round: int,
        seed: int,
    ) -> list[Pick]:
        """See `Selector`; raises EdtError where the dataset has not a listed sample."""
        listed, pool = self._ids(), [sample.id for sample in supporting.samples]
        known = set(pool)
        if unknown := [sample_id for sample_id in listed if sample_id not in known]:
            raise EdtError(
                f"{self._path} lists {len(unknown)} samples, the first {unknown[0][:80]!r}, that the supporting "
                f"dataset {supporting.name!r} does not have; take them out, or choose the one they were picked from"
            )
        hits = [Hit(sample_id=name, rank=at, score=0.0, text=name) for at, name in enumerate(listed, start=1)]
        ranking = Ranking(query="as imported", error_id=None, hits=hits)
        return deal([ranking], pool, budget=budget, exclude=exclude, round=round, seed=seed)

    def _ids(self) -> list[str]:
        """Each once; raises EdtError where there is no list to be read."""
        if self._path is None:
            raise EdtError("no list to import; name one by selector.path=FILE, with the id of a sample a line")
        try:
            listed = _parse(self._path.read_text("utf-8-sig"))  # other tools begin a file with a byte order mark
        except OSError as error:
            raise EdtError(f"selector.path={str(self._path)!r} cannot be read ({error.strerror})") from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise EdtError(
                f"selector.path={str(self._path)!r} is no list of ids ({error!r:.80}); it takes an id a line, "
                "a JSON list of ids, or JSON lines with an `id` each"
            ) from None
        if not listed:  # all would be filled at random under the name of another tool's selection
            raise EdtError(
                f"selector.path={str(self._path)!r} lists no sample; name one at least, or take method=random"
            )
        return list(dict.fromkeys(listed))


def _parse(text: str) -> list[str]:
    start = text.lstrip()[:1]
    lines = [line.strip() for line in text.split("\n") if line.strip()]  # JSON may hold other signs that end a line
    if start == "[":
        listed = json.loads(text)
    elif start == "{":
        listed = [json.loads(line)["id"] for line in lines]
    else:
        listed = lines
    if not all(isinstance(one, str) for one in listed):
        raise TypeError("an id is text")
    return listed
