"""RDS: the samples whose hidden states are like those of the validation samples, by the student itself.

A sample, its reply included, is the mean over all its tokens of the language
model's last states; each validation sample ranks the supporting ones by
cosine, and they take turns, each with its best that is still free.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.errors import EdtError
from edt.protocols import Part, Student, Supporting, Task, fingerprint_of
from edt.selection.deal import Ranking, Terms, deal
from edt.selection.lent import Lent
from edt.selection.rank import Ranked, cosines
from edt.selection.vectors import VectorCache
from edt.types import Gap, Pick, Sample, to_json

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from edt.tuning.trainable import Trainable

VERSION = 1
"""Raised when a sample's vector changes."""


class RdsSelector:
    """Options: `student` whose states are taken, untuned; `cache`: their folder, null is the user's."""

    reads = frozenset({"task"})
    makes_features = True

    def __init__(self, student: Student, *, cache: str | None = None) -> None:
        self._student = student
        self._cache = VectorCache(cache)

    def fingerprint(self) -> dict[str, Any]:
        return {"student": fingerprint_of(self._student), "version": VERSION}

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
        """See `Selector`. Raises EdtError where the student cannot be tuned, or there is nothing to compare with."""
        samples, targets = sorted(supporting.samples, key=lambda sample: sample.id), list(task.validation)
        if not targets:
            raise EdtError(f"task {task.name!r} has no validation samples to compare states with")
        with Lent(self._student) as lent:
            of_targets = self._states(lent, targets, task.root, task)
            likeness = cosines(of_targets, self._states(lent, samples, supporting.root, supporting))
        documents = [(sample.id, sample.source_task) for sample in samples]
        rankings = [
            Ranking(query=target.question, error_id=None, hits=Ranked(documents, row, without=exclude, top_k=budget))
            for target, row in zip(targets, likeness, strict=True)
        ]
        ids = [sample.id for sample in samples]
        return deal(rankings, ids, budget=budget, exclude=exclude, round=round, seed=seed, terms=Terms(share="error"))

    def _states(self, lent: Lent, samples: Sequence[Sample], root: Path, owner: Part) -> np.ndarray:
        def make(start: int, stop: int) -> np.ndarray:
            return mean_states(lent.trainable(), samples[start:stop], root)

        about = {**self.fingerprint(), "data": fingerprint_of(owner)}
        return self._cache.rows("hidden states", about, [to_json(sample) for sample in samples], make)


def mean_states(trainable: Trainable, samples: Sequence[Sample], root: Path) -> np.ndarray:
    """(n, width) means over the tokens of each sample, passed one at a time: a batch would add its padding."""
    import numpy as np
    import torch

    found = []
    with _last_states(trainable.module) as seen, torch.no_grad():
        for row in trainable.rows(samples, root):
            seen.clear()
            for part, _ in trainable.collate([row]):
                trainable.loss(part)
            found.append(torch.cat([states[0] for states in seen]).mean(0).float().cpu().numpy())
    return np.stack(found)


@contextmanager
def _last_states(module: nn.Module) -> Iterator[list[Tensor]]:
    """Gathers what the body of the language model inside `module` puts out, a (b, t, width) tensor a pass."""
    from transformers import PreTrainedModel

    model = next((part for part in module.modules() if isinstance(part, PreTrainedModel)), None)
    if model is None:
        raise EdtError("selector=rds looks for a transformers model inside the student, and there is none")
    seen: list[Tensor] = []
    body: Any = model.get_decoder()
    hook = body.register_forward_hook(lambda _, __, output: seen.append(output.last_hidden_state))
    try:
        yield seen
    finally:
        hook.remove()
