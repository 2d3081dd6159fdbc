"""How many questions a second the pocket student answers, beside one at a time by transformers.

    python experiments/benchmarks/evaluation.py [--items 32] [--repeats 3]

Two ways to answer: a reply with steps is generated greedily, or each option is
weighed by its log-probability. One at a time is what a user would write: a call
of `generate` a question, a forward an option, over the same weights in NF4 with
peft's LoRA. Features of pictures are at hand for both. Answers are compared
one by one: both have to give the same. Writes experiments/benchmarks/results/evaluation.json.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from edt.benchmark import parser_of, publish
from edt.cli import say_errors
from edt.process import prepare_script

if TYPE_CHECKING:
    from rich.console import Console

    from edt.students.core import Core
    from edt.types import Sample

NEW_TOKENS = 64
WAYS = {"generation": "a reply with steps", "options": "options weighed"}


def main() -> None:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--items", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    figures = measure(options.items, options.repeats)
    publish(figures, lambda console: show(figures, console), options.results)


def measure(number: int, repeats: int) -> dict[str, Any]:
    """Median seconds of each way, all at once and one at a time, and on how many items they agree."""
    from edt.build import Builder
    from edt.experiment import compose
    from edt.students.options import weigh_options

    parts = Builder().parts(compose(["student.progress=false"]))
    student: Any = parts.student
    samples, root = list(parts.task.validation[:number]), parts.task.root
    core: Core = student.dress()
    core.rows(samples, root, with_reply=False)  # features on disk

    def best(logs: Sequence[Sequence[float]]) -> list[int]:
        return [max(range(len(of)), key=of.__getitem__) for of in logs]

    pairs: dict[str, tuple[Callable[[], list[Any]], Callable[[], list[Any]]]] = {
        "generation": (lambda: student.answer(samples, root), lambda: [speak(core, s, root) for s in samples]),
        "options": (
            lambda: best(weigh_options(core, samples, root)),
            lambda: best([weigh(core, s, root) for s in samples]),
        ),
    }
    figures: dict[str, Any] = {"benchmark": "evaluation", "items": len(samples), "repeats": repeats}
    for name, (together, apart) in pairs.items():
        runs = [(_timed(together), _timed(apart)) for _ in range(repeats)]
        ours, plain = (median(run[side][0] for run in runs) for side in (0, 1))
        same = sum(a == b for a, b in zip(runs[0][0][1], runs[0][1][1], strict=True))
        figures[name] = {
            "items_a_second": round(len(samples) / ours, 2),
            "one_at_a_time": round(len(samples) / plain, 2),
            "times_faster": round(plain / ours, 2),
            "same_answers": same,
        }
    return figures


def speak(core: Core, sample: Sample, root: Path) -> str:
    """One reply by `generate`."""
    import torch

    _dense(core)
    (row,) = core.rows([sample], root, with_reply=False)
    language_model: Any = core.model.language_model
    with torch.inference_mode():
        embedded = core.model.embed(torch.tensor([row.prompt]), _features(core, row.image))
        ids = language_model.generate(
            inputs_embeds=embedded,
            attention_mask=torch.ones(embedded.shape[:2], dtype=torch.int64),
            do_sample=False,
            max_new_tokens=NEW_TOKENS,
            eos_token_id=core.chat.end,
            pad_token_id=core.chat.end,
        )
    return core.chat.text(ids[0].tolist())


def weigh(core: Core, sample: Sample, root: Path) -> list[float]:
    """A forward an option."""
    import torch

    _dense(core)
    logs = []
    for option in sample.options:
        (row,) = core.rows([replace(sample, rationale=(), answer=option)], root)
        with torch.inference_mode():
            ids = torch.tensor([row.prompt + row.reply])
            embedded = core.model.embed(ids, _features(core, row.image))
            logits = core.model.language_model(inputs_embeds=embedded, use_cache=False).logits[0].log_softmax(-1)
        start = len(row.prompt)
        logs.append(sum(float(logits[start + n - 1, token]) for n, token in enumerate(row.reply)))
    return logs


def _dense(core: Core) -> None:
    """Ready to answer over dense weights, as ours does: taking NF4 apart in every product would cost the peer most."""
    from edt.students.lora import materialise

    core.answering()
    materialise(core.model, "fp32")


def _features(core: Core, image: Path) -> Any:
    import torch

    return torch.from_numpy(core.store.load(image)).float()[None]


def _timed(work: Callable[[], list[Any]]) -> tuple[float, list[Any]]:
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def show(figures: dict[str, Any], console: Console) -> None:
    from rich.table import Table

    table = Table(title=f"{figures['items']} questions, medians of {figures['repeats']}")
    for column in ("", "items a second", "one at a time", "times faster", "same answers"):
        table.add_column(column, justify="right" if column else "left")
    for name, words in WAYS.items():
        of = figures[name]
        rates = [f"{of[key]:.2f}" for key in ("items_a_second", "one_at_a_time", "times_faster")]
        table.add_row(words, *rates, f"{of['same_answers']} of {figures['items']}")
    console.print(table)


if __name__ == "__main__":
    prepare_script()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    sys.exit(say_errors(main))
