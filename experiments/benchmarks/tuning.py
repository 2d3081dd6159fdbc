"""How fast tuning is, beside the Hugging Face Trainer and TRL's SFTTrainer: same student, samples, order and batches.

    python experiments/benchmarks/tuning.py [--samples 96] [--repeats 3]

The peers do what a user would write: they open each picture and pass it through
the frozen tower in every step, make logits at every place, and leave LoRA over
NF4 weights to peft and bitsandbytes. Ours runs with every shortcut on (features
at hand, dense weights at hand, logits only where supervised, halves of a batch
side by side), with every shortcut off (the peers' own model in our Lightning
loop), and, where the CPU multiplies bf16 in hardware, as it is by default. Rows
come to all in the order of our plan, grouped by length: that is a gift to the
peers, and lets loss curves be compared step by step. All train the same weights
in fp32, batch 8, one epoch, in turn; reported are medians and ratios.
Writes experiments/benchmarks/results/tuning.json.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from edt.benchmark import parser_of, publish
from edt.cli import say_errors
from edt.errors import EdtError
from edt.process import prepare_script

if TYPE_CHECKING:
    from rich.console import Console

    from edt.students.core import Core
    from edt.students.rows import Row
    from edt.types import Sample

BATCH = 8
LORA_RATE, PROJECTOR_RATE = 4e-4, 2e-4
SETTINGS: dict[str, Any] = {
    "per_device_train_batch_size": BATCH,
    "num_train_epochs": 1,
    "lr_scheduler_type": "constant",
    "save_strategy": "no",
    "report_to": [],
    "use_cpu": True,
    "disable_tqdm": True,
    "logging_steps": 1,
    "remove_unused_columns": False,
    "dataloader_pin_memory": False,
}
"""Of both libraries' trainers."""
NAMES = {
    "edt": "edt, every shortcut on",
    "edt_plain": "edt, every shortcut off",
    "edt_bf16": "edt, frozen products in bf16",
    "trainer": "Hugging Face Trainer",
    "sft": "TRL SFTTrainer",
}
PEERS = ("trainer", "sft")


@dataclass(frozen=True)
class Run:
    """One training: its wall time, and a loss a step."""

    seconds: float
    losses: list[float]


def main() -> None:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--samples", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.samples % BATCH or options.samples < BATCH or options.repeats < 1:
        raise EdtError(
            f"--samples must be a multiple of {BATCH}, so that all batches are alike, and --repeats at least 1"
        )
    figures = measure(options.samples, options.repeats)
    publish(figures, lambda console: show(figures, console), options.results)


def measure(number: int, repeats: int) -> dict[str, Any]:
    """Median seconds of each, ratios to the faster peer, and how far loss curves of the first repeat lie apart."""
    from edt.build import Builder
    from edt.experiment import compose
    from edt.tuning.tuner import fast_bf16

    parts = Builder().parts(compose([]))
    student: Any = parts.student
    samples, root = list(parts.supporting.samples[:number]), parts.supporting.root
    student.dress().rows(samples, root)  # features on disk: a run of the loop finds most of them there
    ways: dict[str, Callable[[], Run]] = {
        "edt": lambda: train_ours(student, samples, root),
        "edt_plain": lambda: train_ours(plain_student(student), samples, root),
        "trainer": lambda: train_peer(student, samples, root, sft=False),
    }
    if fast_bf16():
        ways["edt_bf16"] = lambda: train_ours(student, samples, root, precision="bf16")
    if importlib.util.find_spec("trl"):
        ways["sft"] = lambda: train_peer(student, samples, root, sft=True)
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            runs[name].append(way())
    seconds = {name: median(run.seconds for run in of) for name, of in runs.items()}
    fastest = min(seconds[name] for name in PEERS if name in seconds)
    curves = {name: of[0].losses for name, of in runs.items()}
    return {
        "benchmark": "tuning",
        "samples": len(samples),
        "batch": BATCH,
        "repeats": repeats,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "samples_a_second": {name: round(len(samples) / value, 2) for name, value in seconds.items()},
        "times_the_faster_peer": {name: round(fastest / seconds[name], 2) for name in seconds if name not in PEERS},
        "mean_loss": {name: round(sum(of) / len(of), 4) for name, of in curves.items()},
        "curves_apart_by": {
            name: round(max(abs(a - b) for a, b in zip(of, curves["trainer"], strict=True)), 5)
            for name, of in curves.items()
            if name != "trainer"
        },
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


def plain_student(student: Any) -> Any:
    """The student with every shortcut off: what our tuner trains is the peers' model, picture by picture."""
    from edt.students.lora import materialise
    from edt.students.rows import make_rows
    from edt.students.trainable import PocketTrainable

    class Plain(PocketTrainable):
        def start(self, *, dropout: float, precision: str = "fp32") -> None:
            super().start(dropout=dropout, precision=precision)
            materialise(self.module, None)
            self._peer = make_peer(student)

        def rows(self, samples: Sequence[Sample], root: Path) -> list[Row]:
            return make_rows(samples, root, self._core.chat, with_reply=True)

        def collate(self, rows: Sequence[Row]) -> Any:
            return [(peer_batch(rows, self._core.chat.end), 1.0)]

        def loss(self, part: Any) -> Any:
            return self._peer(**part).loss

    class PlainStudent:
        name = "pocket, plain"

        def trainable(self) -> Any:
            return Plain(student)

    return PlainStudent()


def train_peer(student: Any, samples: Sequence[Sample], root: Path, *, sft: bool) -> Run:
    """One epoch by transformers.Trainer or trl.SFTTrainer on the same weights at the same rates."""
    from transformers.trainer_callback import PrinterCallback

    from edt.students.lora import materialise
    from edt.students.rows import make_rows
    from edt.tuning.batches import plan_epoch

    core = student.dress()
    student.undress()
    core.training(precision="fp32")
    materialise(core.model, None)  # peft's own layers over NF4, as from_pretrained leaves them
    rows = make_rows(samples, root, core.chat, with_reply=True)
    batches = plan_epoch([len(row) for row in rows], batch_size=BATCH, seed=0, epoch=0)
    ordered = [rows[index] for batch in batches for index in batch]
    with tempfile.TemporaryDirectory() as folder:
        trainer = peer_trainer(student, core, ordered, folder, sft=sft)
        trainer.pop_callback(PrinterCallback)
        start = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - start
    core.answering()
    return Run(seconds, [entry["loss"] for entry in trainer.state.log_history if "loss" in entry])


def peer_trainer(student: Any, core: Core, ordered: Sequence[Row], folder: str, *, sft: bool) -> Any:
    """Either library's trainer, over rows in their order."""
    import torch
    from torch.utils.data import SequentialSampler
    from transformers import Trainer, TrainingArguments

    pad = core.chat.end
    base: Any = Trainer
    settings: Any = TrainingArguments
    data: Any = [{"row": number} for number in range(len(ordered))]
    options: dict[str, Any] = {}
    more: dict[str, Any] = {}
    if sft:
        from datasets import Dataset
        from trl.trainer.sft_config import SFTConfig
        from trl.trainer.sft_trainer import SFTTrainer

        base, settings, data = SFTTrainer, SFTConfig, Dataset.from_list(data)
        options = {"dataset_kwargs": {"skip_prepare_dataset": True}, "gradient_checkpointing": False, "bf16": False}
        more = {"processing_class": tokenizer_of(student)}

    class InOrder(base):
        def _get_train_sampler(self, *_: Any, **__: Any) -> Any:
            return SequentialSampler(data)

    groups = [
        {"params": core.model.lora_parameters(), "lr": LORA_RATE},
        {"params": core.model.projector_parameters(), "lr": PROJECTOR_RATE},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0, fused=True)
    return InOrder(
        model=make_peer(student),
        args=settings(**SETTINGS, **options, output_dir=folder),
        train_dataset=data,
        data_collator=lambda items: peer_batch([ordered[item["row"]] for item in items], pad),
        optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)),
        **more,
    )


def tokenizer_of(student: Any) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(student.places.language_model)


def make_peer(student: Any) -> Any:
    """The student as transformers would have it: pixels in, loss and all logits out."""
    import torch
    from torch import nn
    from torch.nn.functional import adaptive_avg_pool2d, cross_entropy
    from transformers import PreTrainedModel
    from transformers.modeling_outputs import CausalLMOutputWithPast

    from edt.pocket.tower import load_tower

    core = student.dress()
    student.undress()

    class Backbone(nn.Module):
        """Ids and pixels to hidden states; the tower runs in every step."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = core.model
            self.tower: Any = load_tower(student.places.tower)
            self.tower.requires_grad_(False)

        def forward(self, input_ids: Any, attention_mask: Any, pixels: Any, **_: Any) -> Any:
            with torch.no_grad():
                features = adaptive_avg_pool2d(self.tower(pixels), core.grid).flatten(2).transpose(1, 2)
            embedded = self.inner.embed(input_ids, features)
            language = self.inner.language_model.model
            return language(inputs_embeds=embedded, attention_mask=attention_mask, use_cache=False)

    class Peer(PreTrainedModel):
        _supports_sdpa = True
        base_model_prefix = "backbone"

        def __init__(self) -> None:
            super().__init__(core.model.language_model.config)
            self.backbone = Backbone()

        def get_output_embeddings(self) -> Any:
            return self.backbone.inner.language_model.lm_head

        def train(self, mode: bool = True) -> Any:
            super().train(mode)
            self.backbone.tower.eval()
            return self

        def forward(self, input_ids: Any, attention_mask: Any, labels: Any, pixels: Any, **_: Any) -> Any:
            hidden = self.backbone(input_ids, attention_mask, pixels).last_hidden_state
            logits = self.get_output_embeddings()(hidden)
            loss = cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
            return CausalLMOutputWithPast(loss=loss, logits=logits)

    return Peer()


def peer_batch(rows: Sequence[Row], pad: int) -> dict[str, Any]:
    """Rows as transformers has them: padded on the right, only replies labelled, pictures opened now."""
    import torch

    from edt.pocket.tower import pixels_of
    from edt.students.features import open_picture

    width = max(map(len, rows))
    ids = torch.full((len(rows), width), pad)
    labels, seen = torch.full_like(ids, -100), torch.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row.prompt + row.reply)
        seen[index, : len(row)] = 1
        labels[index, len(row.prompt) : len(row)] = torch.tensor(row.reply)
    pixels = pixels_of([open_picture(row.image) for row in rows])
    return {"input_ids": ids, "attention_mask": seen, "labels": labels, "pixels": pixels}


def show(figures: dict[str, Any], console: Console) -> None:
    from rich.table import Table

    table = Table(title=f"One epoch of {figures['samples']} samples, batch {figures['batch']}")
    for column in ("training", "seconds (median)", "samples a second", "mean loss", "curve apart by"):
        table.add_column(column, justify="left" if column == "training" else "right")
    for key, seconds in figures["seconds"].items():
        apart = figures["curves_apart_by"].get(key)
        table.add_row(
            NAMES[key],
            f"{seconds:.1f}",
            f"{figures['samples_a_second'][key]:.1f}",
            f"{figures['mean_loss'][key]:.4f}",
            "-" if apart is None else f"{apart:.5f}",
        )
    console.print(table)
    for name, ratio in figures["times_the_faster_peer"].items():
        console.print(f"{NAMES[name]}: {ratio:.2f} times as fast as the faster peer")


if __name__ == "__main__":
    prepare_script()
    for name in ("transformers", "trl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    sys.exit(say_errors(main))
