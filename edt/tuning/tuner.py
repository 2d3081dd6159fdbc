"""Fits an adapter for a student on samples: QLoRA by PyTorch Lightning. Knows settings, not a model family.

Light to import: Lightning is loaded when tuning begins.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edt.errors import EdtError
from edt.protocols import Student
from edt.tuning.batches import plan
from edt.tuning.companions import companions, job_of, rank
from edt.tuning.preflight import census_of, inspect, report
from edt.tuning.shards import check_shareable
from edt.tuning.trainable import Repeatable, Shapeable, Trainable, Tunable
from edt.tuning.trainer import TrainerOptions
from edt.types import Adapter, Sample

VERSION = 3
"""Raised when the same settings come to other weights."""
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("auto", "fp32", "bf16")
KINDS = ("lora", "full")
TOO_LONG = ("error", "drop")


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
        precision: str = "auto",
        checkpoint_every: int = 25,
        progress: bool = True,
        kind: str = "lora",
        rank: int | None = None,
        alpha: int | None = None,
        checkpointing: bool = False,
        max_tokens: int | None = None,
        too_long: str = "error",
        workers: int = 0,
        preflight: bool = True,
        trainer: Mapping[str, Any] | None = None,
    ) -> None:
        self._given = {name: value for name, value in locals().items() if name != "self"}
        _check(self._given)
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
        self.kind = kind
        self.rank, self.alpha = rank, alpha
        self.checkpointing = checkpointing
        self.max_tokens, self.too_long = max_tokens, too_long
        self.workers = workers
        self.preflight = preflight
        self.trainer = TrainerOptions.of(trainer)
        if self.trainer.sharded and kind == "full":
            raise EdtError(
                "tuner.trainer.strategy='fsdp' deals out frozen weights, and tuner.kind='full' leaves none in the "
                "language model; use kind=lora, or strategy=deepspeed_stage_2"
            )
        if self.trainer.ways > batch_size:
            raise EdtError(
                f"tuner.batch_size={batch_size} is shared out over {self.trainer.ways} passes (trainer.devices times "
                "trainer.accumulate), and there are not as many samples; raise it, or lower these"
            )

    def fingerprint(self) -> Mapping[str, Any]:
        """All that comes to other weights; later options where they differ.

        `auto` stands as it is: what a CPU makes of it moves roundings, as other libraries on other CPUs do, and a
        table that was made on one machine is found again on another.
        """
        return {
            "lr": self.lr,
            "projector_lr": self.projector_lr,
            "batch_size": self.batch_size,
            "epochs": self.epochs,
            "schedule": self.schedule,
            "warm_up": self.warm_up,
            "weight_decay": self.weight_decay,
            "clip": self.clip,
            "dropout": self.dropout,
            "precision": self.precision,
            "version": VERSION,
            **({"kind": self.kind} if self.kind != "lora" else {}),
            **({"rank": self.rank} if self.rank else {}),
            **({"alpha": self.alpha} if self.alpha else {}),
            **({"max_tokens": self.max_tokens} if self.max_tokens and self.too_long == "drop" else {}),
            **({"trainer": self.trainer.changes()} if self.trainer.changes() else {}),
        }

    def tune(self, student: Student, samples: Sequence[Sample], root: Path, *, folder: Path, seed: int) -> Adapter:
        """Train and leave the adapter in `folder`, `preflight.json` and `training.jsonl` (a line a step) beside it.

        A checkpoint of the very same training in `folder` is gone on from.
        Raises EdtError where the student cannot be tuned or a sample is of no use.
        """
        start = time.perf_counter()
        with self._taken(student) as trainable:
            steps, seen = self._train(student, trainable, samples, root, folder=folder, seed=seed)
            return trainable.save(folder, samples=seen, steps=steps, seconds=time.perf_counter() - start)

    def accompany(self, student: Student, samples: Sequence[Sample], root: Path, *, folder: Path, seed: int) -> None:
        """The same training as another of its processes: nothing is kept."""
        with self._taken(student) as trainable:
            self._train(student, trainable, samples, root, folder=folder, seed=seed)

    @contextmanager
    def _taken(self, student: Student) -> Iterator[Trainable]:
        """A student taken into training, and out of it."""
        if not isinstance(student, Tunable):
            raise EdtError(f"student {student.name!r} cannot be tuned; choose another, or budget.rounds=0")
        trainable = student.trainable()
        self._prepare(trainable, student.name)
        try:
            yield trainable
        finally:
            trainable.stop()

    def _train(
        self,
        student: Student,
        trainable: Trainable,
        samples: Sequence[Sample],
        root: Path,
        *,
        folder: Path,
        seed: int,
    ) -> tuple[int, int]:
        """Steps, and samples seen."""
        from edt.tuning.fit import accelerator_of, fit

        self.trainer.check_on(accelerator_of(self.trainer.accelerator, trainable))
        every, ids = trainable.rows(samples, root), [sample.id for sample in samples]
        census, kept = census_of(every, ids, limit=self.max_tokens, too_long=self.too_long)
        rows, ids = [every[place] for place in kept], [ids[place] for place in kept]
        batches = plan(list(map(len, rows)), batch_size=self.batch_size, seed=seed, epochs=self.epochs)
        trainable.start(dropout=self.dropout, precision=self._resolved())
        if self.preflight and rank() == 0:
            size = -(-self.batch_size // self.trainer.ways)
            report(inspect(trainable, rows, ids, census=census, batch_size=size, folder=folder), folder)
        with companions(
            self._job(student, samples, root, folder=folder, seed=seed), devices=self.trainer.devices, folder=folder
        ):
            fit(self, trainable, rows, batches, folder=folder, seed=seed)
        return len(batches), sum(map(len, batches))

    def _job(
        self, student: Student, samples: Sequence[Sample], root: Path, *, folder: Path, seed: int
    ) -> Mapping[str, Any]:
        """What the other processes of a training on several devices have to know; empty on one."""
        if self.trainer.devices == 1:
            return {}
        if not isinstance(student, Repeatable):
            raise EdtError(f"student {student.name!r} is tuned on one device only; use tuner.trainer.devices=1")
        return job_of(student.node(), student.worn, self._given, samples, root, folder=folder, seed=seed)

    def _prepare(self, trainable: Trainable, name: str) -> None:
        if self.trainer.sharded:
            check_shareable(trainable, name)
        if isinstance(trainable, Shapeable):
            trainable.prepare(kind=self.kind, rank=self.rank, alpha=self.alpha, checkpointing=self.checkpointing)
        elif self.kind != "lora" or self.rank or self.alpha or self.checkpointing:
            raise EdtError(
                f"student {name!r} has an adapter of one shape; leave tuner.kind at lora, rank and alpha at null and "
                "checkpointing at false"
            )

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


def _check(given: Mapping[str, Any]) -> None:
    """Raise EdtError for a setting that is out of its range."""
    for name, known in (("schedule", SCHEDULES), ("precision", PRECISIONS), ("kind", KINDS), ("too_long", TOO_LONG)):
        _one_of(name, given[name], known)
    for name in ("lr", "projector_lr", "clip"):
        if not given[name] > 0:
            raise EdtError(f"tuner.{name}={given[name]} must be above 0")
    for name in ("batch_size", "epochs", "checkpoint_every", "rank", "alpha", "max_tokens"):
        if given[name] is not None and given[name] < 1:
            raise EdtError(f"tuner.{name}={given[name]} must be at least 1")
    if given["workers"] < 0:
        raise EdtError(f"tuner.workers={given['workers']} must not be negative; 0 loads pictures in the process itself")
    for name in ("dropout", "warm_up"):
        if not 0 <= given[name] < 1:
            raise EdtError(f"tuner.{name}={given[name]} must be a share from 0 to below 1")


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise EdtError(f"tuner.{name}={value!r} is unknown; choose one of {', '.join(known)}")
