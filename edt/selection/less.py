"""LESS: the samples whose gradients point where those of the validation samples do (Xia et al., ICML 2024).

A sample's score for a subtask is the cosine between its Adam step and the
mean gradient of the subtask's validation samples, summed over the checkpoints
of a warm-up by their learning rates; its score is the best over subtasks,
which are the source tasks of the validation samples.  Unlike the paper's: one
epoch of warm-up where it has four, at the tuner's rates and batch, falling from
the first step; the projector is tuned beside LoRA; and features are the sparse
projection of `gradients`, in half as many dimensions.  The warm-up's own samples
count in no budget, and its weights are dropped.  Features of the supporting
dataset do not depend on the task, and are made once.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.errors import EdtError
from edt.protocols import Part, Student, Supporting, Task, fingerprint_of
from edt.selection.deal import Ranking, deal
from edt.selection.lent import Lent
from edt.selection.rank import Ranked, cosines
from edt.selection.vectors import VectorCache
from edt.store.keys import digest
from edt.types import Gap, Pick, Sample, to_json

if TYPE_CHECKING:
    import numpy as np

    from edt.selection.gradients import Checkpoint

VERSION = 1
"""Raised when a feature changes."""


class LessSelector:
    """Options: `student` whose gradients are taken, untuned; `warm_up_share` of the supporting samples and
    `warm_up_epochs`; `lr` and `projector_lr` (of LoRA and projector) and `batch_size` of the warm-up;
    `dimensions` of a feature; `warm_up_seed` draws the warm-up's samples and the projection: the same for every
    seed of a run unless it is told otherwise, since features are costly; `cache`: their folder, null is the user's.
    """

    reads = frozenset({"task"})
    makes_features = True

    def __init__(
        self,
        student: Student,
        *,
        warm_up_share: float = 0.05,
        warm_up_epochs: int = 1,
        lr: float = 4e-4,
        projector_lr: float = 2e-4,
        batch_size: int = 8,
        dimensions: int = 4096,
        warm_up_seed: int = 0,
        cache: str | None = None,
    ) -> None:
        if not 0 < warm_up_share <= 1:
            raise EdtError(f"selector.warm_up_share is {warm_up_share}; it must be above 0, and 1 at most")
        above: dict[str, Any] = {"warm_up_epochs": warm_up_epochs, "batch_size": batch_size, "dimensions": dimensions}
        above |= {"lr": lr, "projector_lr": projector_lr}
        for name, value in above.items():
            if value <= 0:
                raise EdtError(f"selector.{name} is {value}; it must be above 0")
        self._student, self._epochs = student, warm_up_epochs
        self._settings = {**above, "warm_up_share": warm_up_share, "warm_up_seed": warm_up_seed}
        self._cache = VectorCache(cache)

    def fingerprint(self) -> dict[str, Any]:
        return {"student": fingerprint_of(self._student), "version": VERSION, **self._settings}

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
        import numpy as np

        if not task.validation:
            raise EdtError(f"task {task.name!r} has no validation samples to compare gradients with")
        samples = sorted(supporting.samples, key=lambda sample: sample.id)
        with Lent(self._student) as lent:
            warm = _Warm(self.fingerprint(), self._settings, lent, samples, supporting, self._cache)
            each = [self._scores(warm, epoch, samples, supporting, task) for epoch in range(self._epochs)]
        scores = np.sum(each, axis=0).max(1)
        hits = Ranked([(sample.id, sample.source_task) for sample in samples], scores, without=exclude)
        ranking = Ranking(query=f"gradients of {task.name}", error_id=None, hits=hits)
        ids = [sample.id for sample in samples]
        return deal([ranking], ids, budget=budget, exclude=exclude, round=round, seed=seed)

    def _scores(
        self, warm: _Warm, epoch: int, samples: Sequence[Sample], supporting: Supporting, task: Task
    ) -> np.ndarray:
        """(samples, subtasks) at one checkpoint, by its learning rate."""
        import numpy as np

        targets = warm.features(epoch, task.validation, task.root, task, adam=False)
        of = np.array([sample.source_task for sample in task.validation])
        means = np.stack([targets[of == subtask].mean(0) for subtask in np.unique(of)])
        steps = warm.features(epoch, samples, supporting.root, supporting, adam=True)
        return warm.checkpoints[epoch].rate / self._settings["lr"] * cosines(steps, means)


class _Warm:
    """The student after its warm-up, which is done, or read back, when something is asked of it."""

    def __init__(
        self,
        about: dict[str, Any],
        settings: dict[str, Any],
        lent: Lent,
        samples: Sequence[Sample],
        supporting: Supporting,
        cache: VectorCache,
    ) -> None:
        self._settings, self._lent, self._cache, self._root = settings, lent, cache, supporting.root
        few = max(settings["batch_size"], round(settings["warm_up_share"] * len(samples)))
        self._samples = random.Random(settings["warm_up_seed"]).sample(samples, min(few, len(samples)))
        self._about = {**about, "warmed_on": [to_json(self._samples), fingerprint_of(supporting)]}

    def features(self, epoch: int, samples: Sequence[Sample], root: Path, owner: Part, *, adam: bool) -> np.ndarray:
        """A row a sample; with `adam` as the steps of tuning on each."""

        def make(start: int, stop: int) -> np.ndarray:
            from edt.selection.gradients import Sketch, features

            trainable, checkpoint = self._lent.trainable(), self.checkpoints[epoch]
            checkpoint.put_on(trainable)
            dimensions, seed = self._settings["dimensions"], self._settings["warm_up_seed"]
            sketch = Sketch(checkpoint.mean.numel(), dimensions=dimensions, seed=seed)
            return features(trainable, samples[start:stop], root, sketch=sketch, adam=checkpoint if adam else None)

        about = {"warm": digest(self._about), "epoch": epoch, "adam": adam, "data": fingerprint_of(owner)}
        return self._cache.rows("gradients", about, [to_json(sample) for sample in samples], make)

    @cached_property
    def checkpoints(self) -> list[Checkpoint]:
        """One an epoch."""
        from edt.selection.gradients import Checkpoint, warm_up

        folder = self._cache.folder / digest(["warm-up", self._about])
        files = [folder / f"epoch{epoch}.safetensors" for epoch in range(self._settings["warm_up_epochs"])]
        found = [checkpoint for file in files if (checkpoint := Checkpoint.load(file))]
        if len(found) < len(files):
            found = warm_up(
                self._lent.trainable(),
                self._samples,
                self._root,
                rates={"lora": self._settings["lr"], "projector": self._settings["projector_lr"]},
                batch_size=self._settings["batch_size"],
                epochs=len(files),
                seed=self._settings["warm_up_seed"],
            )
            for checkpoint, file in zip(found, files, strict=True):
                checkpoint.save(file)
        return found
