"""How fast a QLoRA step is, beside the Hugging Face Trainer on the same student and samples.

    python experiments/benchmarks/training.py [--samples 96] [--repeats 3]

The peer does what a user would write: it opens each picture and passes it
through the frozen tower in every step, makes logits at every place, takes
rows as they come, and leaves LoRA over NF4 weights to peft and bitsandbytes.
A second peer has the same loop over our layers, which keep dense weights at
hand. All train the same weights in fp32, batch 8, one epoch, in turn; reported
are medians and ratios. Where the CPU multiplies bf16 in hardware, our tuner runs
once more with `precision: bf16`. Writes experiments/benchmarks/results/training.json.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from edt.cli import say_errors
from edt.process import prepare_script

if TYPE_CHECKING:
    from edt.students.core import Core
    from edt.students.rows import Row
    from edt.types import Sample

BATCH = 8
LORA_RATE, PROJECTOR_RATE = 4e-4, 2e-4
NAMES = {
    "edt": "edt (Lightning)",
    "edt_bf16": "edt with frozen products in bf16",
    "trainer": "Hugging Face Trainer",
    "trainer_our_layers": "Hugging Face Trainer over our layers",
}
RESULTS = Path(__file__).parent / "results" / "training.json"


@dataclass(frozen=True)
class Run:
    """One training. `loss` is of its last step: both must learn the same."""

    seconds: float
    losses: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    figures = measure(options.samples, options.repeats)
    show(figures)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures))


def measure(number: int, repeats: int) -> dict[str, Any]:
    """Median seconds of both, their ratio, and the mean loss of each one's first epoch."""
    from edt.build import Builder
    from edt.experiment import compose
    from edt.tuning.tuner import fast_bf16

    parts = Builder().parts(compose([]))
    student: Any = parts.student
    samples, root = list(parts.supporting.samples[:number]), parts.supporting.root
    student.dress().rows(samples, root)  # features on disk: a run of the loop finds most of them there
    runs: dict[str, list[Run]] = {"edt": [], "trainer": [], "trainer_our_layers": []}
    for _ in range(repeats):
        runs["edt"].append(train_ours(student, samples, root))
        if fast_bf16():
            runs.setdefault("edt_bf16", []).append(train_ours(student, samples, root, precision="bf16"))
        runs["trainer"].append(train_peer(student, samples, root, our_layers=False))
        runs["trainer_our_layers"].append(train_peer(student, samples, root, our_layers=True))
    seconds = {name: median(run.seconds for run in of) for name, of in runs.items()}
    return {
        "benchmark": "training",
        "samples": len(samples),
        "batch": BATCH,
        "repeats": repeats,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "times_faster": {name: round(seconds[name] / seconds["edt"], 2) for name in seconds if "edt" not in name},
        "bf16_times_faster": round(seconds["trainer"] / seconds["edt_bf16"], 2) if "edt_bf16" in seconds else None,
        "mean_loss": {name: round(sum(of[0].losses) / len(of[0].losses), 3) for name, of in runs.items()},
    }


def train_ours(student: Any, samples: Sequence[Sample], root: Path, *, precision: str = "fp32") -> Run:
    """One epoch by the tuner that the loop uses."""
    from edt.tuning.tuner import LightningTuner

    tuner = LightningTuner(
        lr=LORA_RATE,
        projector_lr=PROJECTOR_RATE,
        epochs=1,
        batch_size=BATCH,
        precision=precision,
        schedule="constant",
        warm_up=0.0,
        preflight=False,  # the peers do not look before they begin
        progress=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        tuner.tune(student, samples, root, folder=Path(folder), seed=0)
        seconds = time.perf_counter() - start
        lines = (Path(folder) / "training.jsonl").read_text().splitlines()
    return Run(seconds, [json.loads(line)["loss"] for line in lines])


def train_peer(student: Any, samples: Sequence[Sample], root: Path, *, our_layers: bool) -> Run:
    """One epoch by transformers.Trainer on the same weights at the same rates."""
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    core = student.dress()
    student.undress()
    core.training(precision="fp32")
    if not our_layers:
        core.answering()  # lets the dense weights go: peft's own layers over NF4 again
        core.model.train()
    peer = make_peer(core, student)
    rows: Any = list(core.rows(samples, root))
    groups = [
        {"params": core.model.lora_parameters(), "lr": LORA_RATE},
        {"params": core.model.projector_parameters(), "lr": PROJECTOR_RATE},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0, fused=True)
    losses: list[float] = []

    class Losses(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if "loss" in logs:
                losses.append(float(logs["loss"]))

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=BATCH,
            num_train_epochs=1,
            lr_scheduler_type="constant",
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
            logging_steps=1,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
        )
        trainer = Trainer(
            model=peer,
            args=arguments,
            train_dataset=rows,
            data_collator=peer.collate,
            optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)),
            callbacks=[Losses()],
        )
        trainer.pop_callback(trainer_printer())
        start = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - start
    core.answering()
    return Run(seconds, losses)


def trainer_printer() -> Any:
    from transformers.trainer_callback import PrinterCallback

    return PrinterCallback


def make_peer(core: Core, student: Any) -> Any:
    """The student as a plain module: pixels in, loss and all logits out."""
    import torch
    from torch import nn
    from torch.nn.functional import adaptive_avg_pool2d, cross_entropy

    from edt.pocket.tower import load_tower, pixels_of
    from edt.students.features import open_picture

    class Peer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = core.model
            self.tower: Any = load_tower(student.places.tower)
            self.tower.requires_grad_(False)

        def train(self, mode: bool = True) -> Any:
            super().train(mode)
            self.tower.eval()
            return self

        def forward(self, ids: Any, labels: Any, pixels: Any) -> dict[str, Any]:
            with torch.no_grad():
                features = adaptive_avg_pool2d(self.tower(pixels), core.grid).flatten(2).transpose(1, 2)
            embedded = self.inner.embed(ids, features)
            logits = self.inner.language_model(inputs_embeds=embedded, use_cache=False).logits
            loss = cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
            return {"loss": loss, "logits": logits}

        def collate(self, rows: Sequence[Row]) -> dict[str, Any]:
            width = max(map(len, rows))
            ids = torch.full((len(rows), width), core.chat.end)
            labels = torch.full((len(rows), width), -100)
            for index, row in enumerate(rows):
                ids[index, : len(row)] = torch.tensor(row.prompt + row.reply)
                labels[index, len(row.prompt) : len(row)] = torch.tensor(row.reply)
            return {"ids": ids, "labels": labels, "pixels": pixels_of([open_picture(row.image) for row in rows])}

    return Peer()


def show(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"One epoch of {figures['samples']} samples, batch {figures['batch']}")
    for column in ("trainer", "seconds (median)", "mean loss"):
        table.add_column(column, justify="left" if column == "trainer" else "right")
    for key in figures["seconds"]:
        table.add_row(NAMES[key], f"{figures['seconds'][key]:.1f}", f"{figures['mean_loss'][key]:.3f}")
    console = Console()
    console.print(table)
    for name, ratio in figures["times_faster"].items():
        console.print(f"edt is {ratio:.2f} times as fast as the {NAMES[name]}")
    if figures["bf16_times_faster"]:
        console.print(f"edt in bf16 is {figures['bf16_times_faster']:.2f} times as fast as the {NAMES['trainer']}")


if __name__ == "__main__":
    prepare_script()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    sys.exit(say_errors(main))
