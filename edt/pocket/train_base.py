"""Trains the generic base adapter that the pocket student is shipped with.

    python -m edt.pocket.train_base --samples base.jsonl --root DIR --minutes 60 --out edt/pocket/weights/student

LoRA and the projector, over the dequantised NF4 language model, for a given
time: linear warm-up, then a cosine over the minutes. Started again after a
stop, it goes on from its last checkpoint with the minutes that are left.
Knows rows of samples, not what they teach.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.errors import EdtError
from edt.pocket.samples import read_samples
from edt.process import prepare_script

if TYPE_CHECKING:
    from edt.students.rows import Row

WARM_UP = 0.03
"""Share of the time in which rates rise."""
FLOOR = 0.05
"""Share of the rates that is left at the end."""


@dataclass
class Progress:
    """Where training is; kept in a checkpoint."""

    seconds: float = 0.0
    steps: int = 0
    samples: int = 0
    epoch: int = 0
    batch: int = 0
    losses: list[float] = field(default_factory=list)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m edt.pocket.train_base", description=__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="JSON lines of edt.types.Sample")
    parser.add_argument("--root", type=Path, required=True, help="what the image paths are relative to")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the finished adapter (bf16)")
    parser.add_argument("--init", type=Path, help="adapter folder to go on from; default: from scratch")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3, help="of LoRA")
    parser.add_argument("--projector-rate", type=float, default=1e-3)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of products with frozen weights")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-every", type=float, default=300.0, help="seconds between checkpoints")
    parser.add_argument("--log-every", type=int, default=20, help="steps between log lines")
    return parser.parse_args(arguments)


def factor(seconds: float, total: float) -> float:
    """Of the rates after `seconds` of `total`: a linear rise, then a cosine down to FLOOR."""
    share = min(seconds / total, 1.0)
    if share < WARM_UP:
        return max(share / WARM_UP, 0.01)
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP)))


class Trainer:
    """The model, its optimiser and its checkpoint folder."""

    def __init__(self, options: argparse.Namespace) -> None:
        import torch

        from edt.students.core import Core
        from edt.students.model import fresh_weights

        if options.init:
            from edt.students.adapter import read_facts

            options.rank = read_facts(options.init).rank
        self.options = options
        self.core = Core.of_pocket(rank=options.rank, alpha=2 * options.rank)
        self.parent: str | None = None
        model = self.core.model
        if options.init:
            from edt.students.adapter import adapter_key, load_state, read_state

            load_state(model, read_state(options.init))
            self.parent = adapter_key(options.init)
        else:
            fresh_weights(model, seed=options.seed)
        self.core.training(precision=options.precision)
        groups = [
            {"params": model.lora_parameters(), "top": options.rate},
            {"params": model.projector_parameters(), "top": options.projector_rate},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        self.weights: list[Any] = [weight for group in groups for weight in group["params"]]
        self.at = Progress()
        self.checkpoint = options.out.with_name(f"{options.out.name}.checkpoint")

    def run(self, rows: list[Row]) -> None:
        from edt.tuning.batches import plan_epoch

        total, saved, lengths = 60 * self.options.minutes, self.at.seconds, [len(row) for row in rows]
        while self.at.seconds < total:
            batches = plan_epoch(lengths, batch_size=self.options.batch, seed=self.options.seed, epoch=self.at.epoch)
            for batch in batches[self.at.batch :]:
                self.step([rows[index] for index in batch], total)
                if self.at.steps % self.options.log_every == 0:
                    self.log()
                if self.at.seconds - saved > self.options.save_every:
                    self.save()
                    saved = self.at.seconds
                if self.at.seconds >= total:
                    return
            self.at.epoch, self.at.batch = self.at.epoch + 1, 0

    def step(self, rows: list[Row], total: float) -> None:
        import torch

        start = time.perf_counter()
        for group in self.optimizer.param_groups:
            group["lr"] = group["top"] * factor(self.at.seconds, total)
        loss = self.gradients(rows)
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.at.losses.append(loss)
        self.at.seconds += time.perf_counter() - start
        self.at.steps += 1
        self.at.samples += len(rows)
        self.at.batch += 1

    def gradients(self, rows: list[Row]) -> float:
        """Leave the gradients of a batch with its weights, its parts worked side by side; returns the loss."""
        import torch

        from edt.students.rows import even_parts
        from edt.students.trainable import PART_TOKENS
        from edt.threads import side_by_side

        model, whole = self.core.model, sum(len(row.reply) for row in rows)

        def piece(part: Sequence[Row], _: Any) -> tuple[float, Sequence[Any]]:
            loss = model.loss(self.core.collate(part)) * (sum(len(row.reply) for row in part) / whole)
            return loss.item(), torch.autograd.grad(loss, self.weights)

        found = side_by_side([partial(piece, part) for part in even_parts(rows, tokens=PART_TOKENS)])
        for weight, *gradients in zip(self.weights, *(of for _, of in found), strict=True):
            weight.grad = sum(gradients[1:], gradients[0])
        return sum(loss for loss, _ in found)

    def log(self) -> None:
        recent = self.at.losses[-self.options.log_every :]
        at = self.at
        print(
            f"{at.seconds / 60:6.1f} min  step {at.steps}  epoch {at.epoch}  samples {at.samples}  "
            f"loss {sum(recent) / len(recent):.4f}  {at.seconds / at.samples:.3f} s a sample",
            flush=True,
        )

    def save(self) -> None:
        """A checkpoint, in place of the last."""
        from safetensors.torch import save_file

        from edt.students.adapter import save_adapter, state_of

        beside = self.checkpoint.with_name(f"{self.checkpoint.name}.new")
        shutil.rmtree(beside, ignore_errors=True)
        save_adapter(beside, state_of(self.core.model), self.facts())
        save_file(self.moments(), beside / "optimizer.safetensors")
        self.at.losses = self.at.losses[-self.options.log_every :]
        (beside / "progress.json").write_text(json.dumps(vars(self.at)))
        shutil.rmtree(self.checkpoint, ignore_errors=True)
        beside.rename(self.checkpoint)

    def resume(self) -> None:
        """Go on from the last checkpoint, where there is one."""
        from safetensors.torch import load_file

        from edt.students.adapter import load_state, read_state

        if not (self.checkpoint / "progress.json").is_file():
            return
        load_state(self.core.model, read_state(self.checkpoint))
        state = self.optimizer.state_dict()
        for name, value in load_file(self.checkpoint / "optimizer.safetensors").items():
            index, _, kind = name.partition(".")
            state["state"].setdefault(int(index), {})[kind] = value
        self.optimizer.load_state_dict(state)
        self.at = Progress(**json.loads((self.checkpoint / "progress.json").read_text()))
        print(f"going on after {self.at.seconds / 60:.1f} minutes, step {self.at.steps}", flush=True)

    def moments(self) -> dict[str, Any]:
        """The optimiser's tensors by the number of the weight and their kind."""
        state = self.optimizer.state_dict()["state"]
        return {f"{index}.{kind}": value for index, kinds in state.items() for kind, value in kinds.items()}

    def facts(self) -> Any:
        from edt.students.adapter import AdapterFacts

        return AdapterFacts(
            rank=self.options.rank,
            alpha=2 * self.options.rank,
            grid=self.core.grid,
            parent=self.parent,
            samples=self.at.samples,
            steps=self.at.steps,
            seconds=round(self.at.seconds, 1),
        )

    def finish(self) -> None:
        """The adapter in its place, in bf16, and no checkpoint any more."""
        from edt.students.adapter import save_adapter, state_of

        adapter = save_adapter(self.options.out, state_of(self.core.model), self.facts(), half=True)
        shutil.rmtree(self.checkpoint, ignore_errors=True)
        print(f"saved {adapter.path} ({adapter.key[:12]}) after {self.at.samples} samples", flush=True)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    import torch

    torch.set_num_threads(options.threads)
    samples = read_samples(options.samples)
    trainer = Trainer(options)
    rows = trainer.core.rows(samples, options.root)
    print(f"{len(rows)} samples, {sum(map(len, rows)) / len(rows):.1f} tokens each", flush=True)
    trainer.resume()
    trainer.run(rows)
    trainer.finish()


if __name__ == "__main__":
    prepare_script()
    try:
        main()
    except EdtError as error:
        sys.exit(f"error: {error}")
