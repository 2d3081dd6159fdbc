"""INSTA as we read it: whole source tasks, by how like their instruction is to the target task's.

After Lee et al. (EMNLP 2024), who rank tasks by the cosine of their
instructions' sentence embeddings, the best pair where a task has several.
What the paper's INSTA* changes is unknown, and so is how a budget is met;
ours: an instruction is a question without its options, a task's are its most
frequent ones, and the budget is filled from the top task down, each task's
samples in random order. The encoder is not aligned on the dataset first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from edt.errors import EdtError
from edt.protocols import Supporting, Task
from edt.selection.deal import fill
from edt.selection.question import stem_of
from edt.selection.rank import cosines
from edt.selection.sentences import SentenceEncoder
from edt.types import Gap, Pick, Sample


class InstaSelector:
    """The source tasks nearest to the target task, one after another.

    `instructions` bounds how many of a task's questions stand for it.
    """

    reads = frozenset({"task"})

    def __init__(
        self,
        *,
        model: str | None = None,
        revision: str | None = None,
        instructions: int = 8,
        cache: str | None = None,
    ) -> None:
        if instructions < 1:
            raise EdtError(f"selector.instructions is {instructions}; it must be 1 or more")
        self._encoder = SentenceEncoder(model, revision=revision, cache=cache)
        self._instructions = instructions

    def fingerprint(self) -> dict[str, Any]:
        return {"encoder": self._encoder.fingerprint(), "instructions": self._instructions}

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
        """See `Selector`; a pick's query is the target's instruction that came nearest, its score their cosine."""
        sources: dict[str, list[Sample]] = {}
        for sample in supporting.samples:
            sources.setdefault(sample.source_task, []).append(sample)
        picks: list[Pick] = []
        for name, query, score in self._ranked(task, sources):
            ids = [sample.id for sample in sources[name]]
            for pick in fill(ids, budget=budget - len(picks), exclude=exclude, round=round, seed=seed):
                found = {"targeted": True, "query": query, "rank": len(picks) + 1, "score": score}
                picks.append(Pick(sample_id=pick.sample_id, round=round, **found))
        return picks

    def _ranked(self, task: Task, sources: dict[str, list[Sample]]) -> list[tuple[str, str, float]]:
        """Source tasks, nearest first, ties by name; with the target's instruction and the cosine of the best pair."""
        asked = self._of(task.validation)
        if not asked:
            raise EdtError(f"task {task.name!r} has no validation sample whose question could be its instruction")
        target, found = self._encoder.embed(asked), []
        for name, samples in sources.items():
            pairs = cosines(target, self._encoder.embed(self._of(samples))).max(1)
            found.append((name, asked[int(pairs.argmax())], float(pairs.max())))
        return sorted(found, key=lambda one: (-one[2], one[0]))

    def _of(self, samples: Iterable[Sample]) -> list[str]:
        """The most frequent instructions, ties by their words."""
        counts = Counter(stem_of(sample.question) for sample in samples)
        return sorted(counts, key=lambda text: (-counts[text], text))[: self._instructions]
