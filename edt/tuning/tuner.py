"""Fits an adapter for a student on samples: QLoRA by PyTorch Lightning. Knows settings, not a model family.

Light to import: Lightning is loaded when tuning begins.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.protocols import Student
from edt.tuning.batches import plan
from edt.tuning.trainable import Tunable
from edt.types import Adapter, Sample

VERSION = 3
"""Raised when the same settings come to other weights."""
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("auto", "fp32", "bf16")


class LightningTuner:
    """Settings: see conf/tuner/qlora.yaml, which explains each."""

    loads = ("edt.tuning.fit",)

    def __init__(
        self,
        *,
        lr: float = 4e-4,
        projector_lr: float = 2e-4,
        batch_size: int = 8,
        epochs: int = 1,
        schedule: str = "cosine",
        warm_up: float = 0.05,
        weight_decay: float = 0.0,
        clip: float = 1.0,
        dropout: float = 0.0,
        precision: str = "fp32",
        checkpoint_every: int = 25,
        progress: bool = True,
    ) -> None:
        _one_of("schedule", schedule, SCHEDULES)
        _one_of("precision", precision, PRECISIONS)
        for name, value in (("lr", lr), ("projector_lr", projector_lr), ("clip", clip)):
            if not value > 0:
                raise EdtError(f"tuner.{name}={value} must be above 0")
        for name, value in (("batch_size", batch_size), ("epochs", epochs), ("checkpoint_every", checkpoint_every)):
            if value < 1:
                raise EdtError(f"tuner.{name}={value} must be at least 1")
        for name, value in (("dropout", dropout), ("warm_up", warm_up)):
            if not 0 <= value < 1:
                raise EdtError(f"tuner.{name}={value} must be a share from 0 to below 1")
        self.lr = lr
        self.projector_lr = projector_lr
        self.batch_size = batch_size
        self.epochs = epochs
        self.schedule = schedule
        self.warm_up = warm_up
        self.weight_decay = weight_decay
        self.clip = clip
        self.dropout = dropout
        self.precision = precision
        self.checkpoint_every = checkpoint_every
        self.progress = progress

    def fingerprint(self) -> Mapping[str, Any]:
        """Everything but how often it saves and whether it shows a bar; `auto` as what it is on this machine."""
        settings = {name: value for name, value in vars(self).items() if name not in ("checkpoint_every", "progress")}
        return {**settings, "precision": self._resolved(), "version": VERSION}

    def tune(self, student: Student, samples: Sequence[Sample], root: Path, *, folder: Path, seed: int) -> Adapter:
        """Train and leave the adapter in `folder`, with `training.jsonl` beside it: a line a step.

        A checkpoint of the very same training in `folder` is gone on from.
        Raises EdtError where the student cannot be tuned or a sample is of no use.
        """
        from edt.tuning.fit import fit

        if not isinstance(student, Tunable):
            raise EdtError(f"student {student.name!r} cannot be tuned; choose another, or budget.rounds=0")
        start = time.perf_counter()
        trainable = student.trainable()
        rows = trainable.rows(samples, root)
        batches = plan(list(map(len, rows)), batch_size=self.batch_size, seed=seed, epochs=self.epochs)
        trainable.start(dropout=self.dropout, precision=self._resolved())
        try:
            fit(self, trainable, rows, batches, folder=folder, seed=seed)
            seen = sum(map(len, batches))
            return trainable.save(folder, samples=seen, steps=len(batches), seconds=time.perf_counter() - start)
        finally:
            trainable.stop()

    def _resolved(self) -> str:
        if self.precision != "auto":
            return self.precision
        return "bf16" if fast_bf16() else "fp32"


def fast_bf16() -> bool:
    """Whether this CPU multiplies bf16 in hardware (AVX512-BF16 or AMX); without, it is several times slower."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise EdtError(f"tuner.{name}={value!r} is unknown; choose one of {', '.join(known)}")
