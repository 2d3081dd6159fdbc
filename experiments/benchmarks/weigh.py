"""How fast all prefixes of a rationale are weighed at once, beside one forward a prefix.

    python experiments/benchmarks/weigh.py [--repeats 3] [--threads 1]

The pocket teacher's model and adapter in fp32 weigh a prompt of 150 tokens,
T steps of 20 and a probe of 8, with four options: letters (one token each) and
words (several). The naive way feeds every prefix, and with it every option of
several tokens, by itself. Both are timed in turn on the same rationales;
reported are medians, their ratio, the largest difference of a probability, and
what the ratio would be if a token cost the same in both ways: the naive way
feeds so many times as many.

A second table has model families as tiny random checkpoints: which of them the
engine weighs at once, which it does not try, and which it leaves again
after the check on the first item. Writes
experiments/benchmarks/results/weigh.json.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from edt.benchmark import parser_of, publish
from edt.cli import say_errors
from edt.errors import EdtError
from edt.process import prepare_script
from edt.protocols import Rationale

if TYPE_CHECKING:
    from rich.console import Console

    from edt.teachers.engine import Engine

STEPS: tuple[int, ...] = (3, 6, 12)
HEAD, STEP, PROBE = 150, 20, 8
"""Tokens of each part."""
OPTIONS = {
    "letters": (" A", " B", " C", " D"),
    "words": (" a chest of drawers", " a washing machine", " an office chair", " a street lamp"),
}
GOALS = {"letters": (2.5, 4.0, 7.0), "words": (8.0, 12.0, 20.0)}
"""Times faster, by number of steps."""
SHOWN = {"naive_seconds": 2, "tree_seconds": 2, "times_faster": 1, "by_tokens": 1}
"""Columns and their decimals."""
PROSE = (
    "The picture shows one thing on a pale ground . It has four legs and a wide flat top , and it is made of wood . "
    "One sees that it stands in a room where several people sit and eat , and that nothing lies on it . "
)


@dataclass(frozen=True)
class Family:
    """A kind of language model, small enough to be made here."""

    name: str
    config: str
    """The name of its class in transformers."""
    options: dict[str, Any]
    why: str
    attention: str = "sdpa"
    """Of those that transformers has for it."""


SMALL: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512, "initializer_range": 0.4,
}  # fmt: skip
OLD: dict[str, Any] = {"n_layer": 2, "n_head": 4, "initializer_range": 0.4}
MAMBA: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8, "initializer_range": 0.4}
WINDOW: dict[str, Any] = {"sliding_window": 8, "head_dim": 8, "attn_logit_softcapping": None}
ROTARY, LOOKS = "rotary positions", "a window in some layers"
FAMILIES = (
    Family("Llama", "LlamaConfig", SMALL, ROTARY),
    Family("Mistral", "MistralConfig", {**SMALL, "sliding_window": None}, ROTARY),
    Family("Qwen2", "Qwen2Config", SMALL, ROTARY),
    Family("Qwen3", "Qwen3Config", {**SMALL, "head_dim": 8}, ROTARY),
    Family("Phi-3", "Phi3Config", {**SMALL, "pad_token_id": 1}, ROTARY),
    Family("GPT-2", "GPT2Config", {**OLD, "n_embd": 32}, "learned positions"),
    Family("Gemma 2", "Gemma2Config", {**SMALL, **WINDOW}, LOOKS, "eager"),
    Family("Gemma 3", "Gemma3TextConfig", {**SMALL, **WINDOW}, LOOKS),
    Family("BLOOM", "BloomConfig", {**OLD, "hidden_size": 32}, "ALiBi in its mask", "eager"),
    Family("Mamba", "MambaConfig", MAMBA, "a state, no mask", "eager"),
)


def main() -> None:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, nargs="+", default=list(STEPS))
    parser.add_argument("--families", action="store_true", help="only the table of model families")
    options = parser.parse_args()
    if min(options.repeats, options.threads, *options.steps) < 1:
        raise EdtError("--repeats, --threads and --steps must be at least 1")
    import torch

    torch.set_num_threads(options.threads)
    figures: dict[str, Any] = {
        "benchmark": "weigh",
        "tokens": {"prompt": HEAD, "step": STEP, "probe": PROBE},
        "repeats": options.repeats,
        "threads": options.threads,
        "speed": [] if options.families else speed(options.steps, options.repeats),
        "families": [look_at(family) for family in FAMILIES],
    }
    publish(figures, lambda console: show(figures, console), options.results)


def speed(steps: Sequence[int], repeats: int) -> list[dict[str, Any]]:
    """Both ways on the pocket teacher."""
    from edt.paths import pocket_root
    from edt.teachers.engine import load_engine
    from edt.teachers.pocket import WEIGHTS

    engine = load_engine(pocket_root() / "language_model", adapter=WEIGHTS, chat="plain")
    return [measure(engine, kind, count, repeats) for kind in OPTIONS for count in steps]


def measure(engine: Engine, kind: str, steps: int, repeats: int) -> dict[str, Any]:
    """Median seconds of both ways, their ratio, and how far their probabilities are apart."""
    from edt.teachers.engine import TOLERANCE

    asked = rationale(engine, kind, steps)
    engine.at_once(asked)  # pays for what a first call has to make
    ways: dict[str, Callable[[], Any]] = {
        "naive": lambda: engine.naive(asked),
        "tree": lambda: engine.at_once(asked),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    weights: dict[str, Any] = {}
    fed: dict[str, list[int]] = {}
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.perf_counter()
            weights[name], fed[name] = watched(engine.model, way)
            seconds[name].append(time.perf_counter() - start)
    naive, tree = (median(seconds[name]) for name in ways)
    off = difference(weights["naive"], weights["tree"])
    goal = dict(zip(STEPS, GOALS[kind], strict=True)).get(steps)
    return {
        "options": kind,
        "steps": steps,
        "naive_seconds": round(naive, 3),
        "tree_seconds": round(tree, 3),
        "times_faster": round(naive / tree, 2),
        "by_tokens": round(sum(fed["naive"]) / sum(fed["tree"]), 2),
        "goal": goal,
        "largest_difference": off,
        "within_tolerance": off <= TOLERANCE,
    }


def watched(model: Any, act: Callable[[], Any]) -> tuple[Any, list[int]]:
    """What an action comes to, and how many tokens each forward of the model took in for it."""
    taken: list[int] = []
    hook = model.register_forward_pre_hook(
        lambda _, __, options: taken.append(options["input_ids"].numel()), with_kwargs=True
    )
    try:
        return act(), taken
    finally:
        hook.remove()


def rationale(engine: Engine, kind: str, steps: int) -> Rationale:
    """A text of just so many tokens in each part."""

    def text(tokens: int, begin: str) -> str:
        words, found = (PROSE * 8).split(" "), begin
        for word in words:
            longer = f"{found} {word}"
            if len(engine.vocabulary.ids(longer)) > tokens:
                break
            found = longer
        return found

    lines = tuple(f"{text(STEP - 1, f'Step {number}:')}\n" for number in range(1, steps + 1))
    return Rationale(head=text(HEAD, "Which one is it?"), steps=lines, probe=text(PROBE, "So"), options=OPTIONS[kind])


def difference(first: Any, second: Any) -> float:
    """The largest difference of an option's probability, over all prefixes."""
    import torch

    def table(logs: Any) -> Any:
        totals = torch.tensor([[sum(option) for option in row] for row in logs], dtype=torch.float64)
        return totals.softmax(-1)

    return float((table(first) - table(second)).abs().max())


AT_ONCE = 2
"""Forwards of the engine then: the trunk, and its branches."""


def look_at(family: Family) -> dict[str, Any]:
    """How the engine weighs with a tiny random model of a family, and how far all at once would be off."""
    import transformers
    from transformers import AutoModelForCausalLM

    from edt.teachers.engine import Engine

    tokenizer = letters()
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = getattr(transformers, family.config)(vocab_size=len(tokenizer), **ends, **family.options)
    transformers.set_seed(0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation=family.attention).float().eval()
    engine = Engine(model, tokenizer, chat="plain")
    asked = rationale(engine, "letters", 3)
    about = {"family": family.name, "why": family.why}
    try:
        off = difference(engine.naive(asked), engine.at_once(asked))
    except Exception:  # as many kinds as there are ways to refuse such a mask
        off = None
    first, then = (len(watched(model, lambda: engine.weigh(asked, normalise_length=False))[1]) for _ in range(2))
    way = "at once" if then <= AT_ONCE else "one forward a prefix"
    return {**about, "off": off, "tried": then <= AT_ONCE or first > then, "way": way}


def letters() -> Any:
    """A tokenizer of single characters."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: n for n, token in enumerate(["<s>", "</s>", *alphabet])}
    raw = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<s>", eos_token="</s>", pad_token="</s>")


def show(figures: dict[str, Any], console: Console) -> None:
    from rich import box
    from rich.table import Table

    table = Table(title="All prefixes of a rationale on the pocket teacher, fp32", box=box.SIMPLE_HEAD)
    for head in (
        "options",
        "steps",
        "one a prefix, s",
        "all at once, s",
        "times faster",
        "by tokens",
        "goal",
        "difference",
    ):
        table.add_column(head, justify="left" if head == "options" else "right")
    for row in figures["speed"]:
        goal = "–" if row["goal"] is None else f"{row['goal']:g}"
        times = (f"{row[key]:.{digits}f}" for key, digits in SHOWN.items())
        table.add_row(row["options"], str(row["steps"]), *times, goal, f"{row['largest_difference']:.0e}")
    families = Table(title="Model families as tiny random checkpoints", box=box.SIMPLE_HEAD)
    for head in ("family", "its layers", "off by", "weighed by"):
        families.add_column(head, justify="right" if head == "off by" else "left")
    for row in figures["families"]:
        off = "refused" if row["off"] is None else f"{row['off']:.0e}"
        note = {True: ", after the check" if row["way"] != "at once" else "", False: ", not tried"}
        families.add_row(row["family"], row["why"], off, row["way"] + note.get(row["tried"], ""))
    if figures["speed"]:
        console.print(table)
    console.print(families)


if __name__ == "__main__":
    prepare_script()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    sys.exit(say_errors(main))
