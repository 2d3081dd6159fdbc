"""One training by Lightning over a fixed list of batches, resumable. Knows Lightning's ways, not what is trained.

All epochs are one list of batches, a pure function of seed and lengths, so
that a StatefulDataLoader finds its place again exactly. A checkpoint is named
by everything that its training depends on: another training never takes it up.
"""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Iterator, Sequence, Sized
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torchdata.stateful_dataloader import StatefulDataLoader

from edt.errors import EdtError
from edt.store.keys import digest
from edt.students.bar import bar_shown
from edt.tuning.checkpoints import last_whole, remove
from edt.tuning.companions import rank
from edt.tuning.module import QLoraModule, Rates
from edt.tuning.shards import layers_put_back
from edt.tuning.spread import ShareCollator, SpreadModule, shares_of
from edt.tuning.trainable import Trainable

if TYPE_CHECKING:
    from edt.tuning.tuner import LightningTuner

log = logging.getLogger("edt.tuning")


def fit(
    tuner: LightningTuner,
    trainable: Trainable,
    rows: Sequence[Sized],
    batches: list[list[int]],
    *,
    folder: Path,
    seed: int,
) -> None:
    """Train in place; on return the trainable holds the final weights and `folder` a line a step."""
    folder.mkdir(parents=True, exist_ok=True)
    rates = Rates(
        lora=tuner.lr,
        projector=tuner.projector_lr,
        warm_up=tuner.warm_up,
        schedule=tuner.schedule,
        clip=tuner.clip,
        weight_decay=tuner.weight_decay,
        steps=len(batches),
    )
    accelerator = accelerator_of(tuner.trainer.accelerator, trainable)
    alone = tuner.trainer.alone and accelerator == "cpu"
    name = f"checkpoint-{_identity(tuner, trainable, rows, batches, seed)}"
    with _hushed(), torch.random.fork_rng(devices=[]):
        loader = _loader(tuner, trainable, rows, batches) if alone else _spread_loader(tuner, trainable, rows, batches)
        module = (
            QLoraModule(trainable, rates, dropout=tuner.dropout)
            if alone
            else SpreadModule(trainable, rates, tuner.trainer, dropout=tuner.dropout, seed=seed, rank=rank())
        )
        torch.manual_seed(seed + rank())
        trainer = _trainer(tuner, folder, name, accelerator=accelerator, clip=None if alone else tuner.clip)
        module.train()  # from_pretrained leaves eval mode, and Lightning keeps what it finds
        with layers_put_back(trainable) if tuner.trainer.sharded else nullcontext():
            _run(trainer, module, loader, last_whole(folder, name))
    if rank() == 0:
        _write_losses(folder / "training.jsonl", module.losses, batches, rates)
        for left in folder.glob("checkpoint-*.ckpt"):
            remove(left)


def accelerator_of(asked: str, trainable: Trainable) -> str:
    """Where the student is already, unless told otherwise."""
    return next(trainable.module.parameters()).device.type if asked == "auto" else asked


def _loader(tuner: LightningTuner, trainable: Trainable, rows: Any, batches: list[list[int]]) -> Any:
    """A batch a step; what is collated is not what is kept, so pictures are decoded as late as can be."""
    return StatefulDataLoader(rows, batch_sampler=batches, collate_fn=trainable.collate, num_workers=tuner.workers)


def _spread_loader(tuner: LightningTuner, trainable: Trainable, rows: Any, batches: list[list[int]]) -> Any:
    """A share of a batch a pass."""
    options = tuner.trainer
    supervised = [len(row.reply) for row in rows]
    shares: Any = shares_of(batches, supervised, devices=options.devices, accumulate=options.accumulate, rank=rank())
    collator: Any = ShareCollator(trainable.collate, rows)
    return StatefulDataLoader(shares, batch_size=None, collate_fn=collator, num_workers=tuner.workers)


def _trainer(tuner: LightningTuner, folder: Path, name: str, *, accelerator: str, clip: float | None) -> pl.Trainer:
    checkpoints = ModelCheckpoint(
        dirpath=folder,
        filename=f"{name}-{{step}}" if tuner.trainer.in_folders else name,
        every_n_train_steps=tuner.checkpoint_every,
        save_on_train_epoch_end=False,
        enable_version_counter=False,
    )
    options: Any = tuner.trainer
    try:
        return _new_trainer(tuner, options, checkpoints, folder, accelerator=accelerator, clip=clip)
    except (ValueError, RuntimeError, ModuleNotFoundError, MisconfigurationException) as error:
        what = " ".join(str(error).split())
        raise EdtError(f"tuner.trainer cannot be had here: {what}") from error


def _new_trainer(
    tuner: LightningTuner,
    options: Any,
    checkpoints: ModelCheckpoint,
    folder: Path,
    *,
    accelerator: str,
    clip: float | None,
) -> pl.Trainer:
    return pl.Trainer(
        accelerator=accelerator,
        devices=options.devices,
        strategy="ddp" if options.sharded else options.strategy,  # of what is tuned; its layers are dealt out before
        precision=options.precision,
        accumulate_grad_batches=options.accumulate if clip is not None else 1,
        gradient_clip_val=clip,
        plugins=[LightningEnvironment()] if options.devices > 1 else None,
        max_epochs=1,
        callbacks=[checkpoints, _Bar(shown=tuner.progress)],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=folder,
    )


def _run(trainer: pl.Trainer, module: QLoraModule, loader: Any, checkpoint: Path | None) -> None:
    try:
        trainer.fit(module, loader, ckpt_path=checkpoint, weights_only=checkpoint is not None)
    except SystemExit:
        if trainer.interrupted:  # Lightning turns Ctrl-C into an exit of the whole process
            raise KeyboardInterrupt from None
        raise


def _identity(
    tuner: LightningTuner, trainable: Trainable, rows: Sequence[Sized], batches: list[list[int]], seed: int
) -> str:
    content = hashlib.sha256(repr(list(rows)).encode()).hexdigest()
    return digest(
        {"tuner": tuner.fingerprint(), "start": trainable.key(), "rows": content, "batches": batches, "seed": seed}
    )[:16]


def _write_losses(path: Path, losses: Sequence[float], batches: Sequence[Sequence[int]], rates: Rates) -> None:
    lines = [
        json.dumps({"step": step, "loss": loss, "rows": len(batch), "rate": rates.lora * rates.factor(step)})
        for step, (loss, batch) in enumerate(zip(losses, batches, strict=True))
    ]
    path.write_text("\n".join(lines) + "\n")


class _Bar(Callback):
    """Steps, loss and time left, in one line that goes when training is over.

    Where there is no terminal for it, a line of the log for every tenth of the steps: by that a sweep shows how far its
    cells are.
    """

    def __init__(self, *, shown: bool) -> None:
        columns = (TextColumn("tuning"), BarColumn(), MofNCompleteColumn(), TextColumn("loss {task.fields[loss]}"))
        self._bar = Progress(*columns, TimeRemainingColumn(), disable=not bar_shown(shown), transient=True)
        self._task: Any = None
        self._in_log = shown and not bar_shown(shown)
        self._tenths = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._bar.start()
        self._task = self._bar.add_task("", total=trainer.estimated_stepping_batches, loss="-")
        self._tenths = _tenths(trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any, **__: Any) -> None:
        last = f"{pl_module.losses[-1]:.3f}" if pl_module.losses else "-"
        self._bar.update(self._task, completed=trainer.global_step, loss=last)
        if self._in_log and _tenths(trainer) > self._tenths:
            self._tenths = _tenths(trainer)
            log.info("tuning: %d of %d steps, loss %s", trainer.global_step, trainer.estimated_stepping_batches, last)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._bar.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._bar.stop()


def _tenths(trainer: pl.Trainer) -> int:
    """Of a training, those that are over."""
    return int(10 * trainer.global_step // trainer.estimated_stepping_batches)


@contextmanager
def _hushed() -> Iterator[None]:
    """Without Lightning's notices on hardware, workers and loggers."""
    names = ("pytorch_lightning", "lightning_fabric")
    before = [logging.getLogger(name).level for name in names]
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in zip(names, before, strict=True):
            logging.getLogger(name).setLevel(level)
