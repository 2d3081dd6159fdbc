"""A causal language model in memory: it continues prompts and weighs options.

Knows tokens, forwards and masks; knows no task.  Imports torch: import it late.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoTokenizer, GenerationConfig

from edt.errors import EdtError
from edt.protocols import Rationale
from edt.teachers import lora
from edt.teachers.chat import chat_of
from edt.teachers.loading import load_weights
from edt.teachers.tree import Ids, Tree, plant

TOLERANCE = 1e-4
_log = logging.getLogger(__name__)


def load_model(folder: Path, *, dtype: str = "float32", quantisation: str = "none") -> tuple[Any, Any]:
    """Model (in eval mode, on a GPU where there is one) and tokenizer of a transformers folder."""
    if not (folder / "config.json").is_file():
        raise EdtError(f"there is no language model in {folder} (config.json is missing); name another folder")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return load_weights(folder, dtype=dtype, quantisation=quantisation), tokenizer


class Vocabulary:
    """Segments of text to token ids, and back."""

    def __init__(self, tokenizer: Any, chat: str) -> None:
        self._tokenizer = tokenizer
        self.chat = chat_of(chat, tokenizer)
        self.ids = lru_cache(maxsize=65536)(self._ids)
        self.end: int = tokenizer.eos_token_id
        self.pad: int = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self.end
        start, opening = tokenizer.bos_token_id, tokenizer("")["input_ids"]
        doubled = start is not None and self.chat.before.startswith(tokenizer.bos_token)
        self._start = [start] if start is not None and start in opening and not doubled else []

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"]) if text else ()

    def opening(self, prompt: str) -> list[int]:
        """Ids of a prompt as the chat shows it, up to the reply; segments are joined as ids, not as text."""
        return self._start + [token for part in self.chat.opening(prompt) for token in self.ids(part)]

    def options(self, options: Sequence[str]) -> list[tuple[int, ...]]:
        """Ids of the options; closed by the end token where one option begins another."""
        ids = [self.ids(option) for option in options]
        if not all(ids):
            raise EdtError(f"an option without text cannot be weighed: {list(options)}")
        nested = any(a != b and b[: len(a)] == a for a in ids for b in ids)
        return [(*option, self.end) for option in ids] if nested else ids

    def line_breaks(self) -> list[int]:
        """Tokens that hold a line break."""
        tokens = self._tokenizer.convert_ids_to_tokens(range(len(self._tokenizer)))
        return [n for n, token in enumerate(tokens) if token and ("Ċ" in token or "\n" in token or token == "<0x0A>")]

    def text(self, ids: Sequence[int], *, lines: bool = False) -> str:
        """The text of a reply, up to its first line break, or all of its `lines`."""
        text = self._tokenizer.decode(ids, skip_special_tokens=True)
        return text.strip() if lines else text.partition("\n")[0]


def load_engine(
    folder: Path,
    *,
    adapter: Path | None = None,
    chat: str = "auto",
    tree: bool = True,
    dtype: str = "float32",
    quantisation: str = "none",
) -> Engine:
    """An engine of the model in `folder` with the adapter, where there is one, merged in."""
    model, tokenizer = load_model(folder, dtype=dtype, quantisation=quantisation)
    if adapter is not None:
        model = lora.load(model, adapter).merge_and_unload().eval()
    return Engine(model, tokenizer, chat=chat, tree=tree)


class Engine:
    """A model and its tokenizer at work."""

    def __init__(self, model: Any, tokenizer: Any, *, chat: str = "auto", tree: bool = True) -> None:
        self.model = model
        self.vocabulary = Vocabulary(tokenizer, chat)
        self._stops = sorted({*self.vocabulary.line_breaks(), self.vocabulary.end})
        self._tree, self._checked = tree and _takes_masks(self.model.config), False

    @torch.inference_mode()
    def complete(
        self, prompts: Sequence[str], *, max_tokens: int, batch_size: int, lines: bool = False
    ) -> Iterator[tuple[int, str]]:
        """(place, reply) of every prompt, in batches of like length: left-padded, greedy.

        A reply ends at a line break, with `lines` only where the model ends it.
        """
        rows = [self.vocabulary.opening(prompt) for prompt in prompts]
        order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
        config = GenerationConfig(
            do_sample=False,
            max_new_tokens=max_tokens,
            eos_token_id=[self.vocabulary.end] if lines else self._stops,
            pad_token_id=self.vocabulary.pad,
        )
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            ids, seen = self._left_padded([rows[place] for place in places])
            replies = self.model.generate(input_ids=ids, attention_mask=seen, generation_config=config)
            for place, reply in zip(places, replies[:, ids.shape[1] :].tolist(), strict=True):
                yield place, self.vocabulary.text(reply, lines=lines)

    def _left_padded(self, rows: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        width = max(len(row) for row in rows)
        ids = [[self.vocabulary.pad] * (width - len(row)) + row for row in rows]
        seen = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
        return torch.tensor(ids, device=self.model.device), torch.tensor(seen, device=self.model.device)

    @torch.inference_mode()
    def weigh(self, rationale: Rationale, *, normalise_length: bool) -> list[list[float]]:
        """Probabilities of the options after every prefix; the first call proves the tree against `naive`."""
        if self._tree and not self._checked:
            self._checked = True
            if why := self._what_is_off(rationale, normalise_length):
                _log.warning("weighing all prefixes at once %s here; going on one forward a prefix", why)
                self._tree = False
        way = self.at_once if self._tree else self.naive
        return _normalised(way(rationale), normalise_length)

    def _what_is_off(self, rationale: Rationale, normalise_length: bool) -> str:
        """How weighing all at once fails against `naive`; empty where it does not.

        ALiBi and state-space models refuse its mask, with errors of many kinds.
        """
        plain = _normalised(self.naive(rationale), normalise_length)
        try:
            weights = _normalised(self.at_once(rationale), normalise_length)
        except Exception as error:
            return f"cannot be had ({type(error).__name__})"
        off = max(abs(a - b) for x, y in zip(weights, plain, strict=True) for a, b in zip(x, y, strict=True))
        within = off <= (TOLERANCE if self.model.dtype == torch.float32 else 0.05)
        return "" if within else f"is off by {off:.2g}"

    def at_once(self, rationale: Rationale) -> list[list[list[float]]]:
        """Log-probabilities of every option's tokens after every prefix, through one row that branches.

        The trunk is read first, without a mask, which costs half of its attention; then all branches at once.
        """
        head, steps, probe, options = self._segments(rationale)
        tree, reads = plant(head, steps, probe, options)
        flat = [read for row in reads for option in row for read in option]
        indices = sorted({read.index for read in flat})
        trunk = self._forward(tree, slice(0, tree.trunk), indices, past=None)
        logits = trunk.logits[0]
        if tree.trunk < len(tree.ids):
            rest = self._forward(tree, slice(tree.trunk, len(tree.ids)), indices, past=trunk.past_key_values)
            logits = torch.cat([logits, rest.logits[0]])
        places = {index: n for n, index in enumerate(indices)}
        logs = logits.float().log_softmax(-1)
        rows = torch.tensor([places[read.index] for read in flat])
        values = iter(logs[rows, torch.tensor([read.token for read in flat])].tolist())
        return [[[next(values) for _ in option] for option in row] for row in reads]

    def _forward(self, tree: Tree, part: slice, indices: Sequence[int], *, past: Any) -> Any:
        """A part of the row, after `past`; logits (1, n, vocabulary) at those of `indices` that lie in it."""
        device, dtype = self.model.device, self.model.dtype
        kept = [index - part.start for index in indices if part.start <= index < part.stop]
        mask = None
        if past is not None:
            mask = tree.mask()[part][None, None].to(device, dtype).clamp(min=_floor(dtype))
        return self.model(
            input_ids=torch.tensor([tree.ids[part]], device=device),
            position_ids=torch.tensor([tree.positions[part]], device=device),
            attention_mask=mask,
            past_key_values=past,
            logits_to_keep=torch.tensor(kept, dtype=torch.int64, device=device),
            use_cache=True,
        )

    def naive(self, rationale: Rationale) -> list[list[list[float]]]:
        """The same by one forward a text: the judge of `at_once`."""
        head, steps, probe, options = self._segments(rationale)
        prefixes = [[*head, *(t for step in steps[:k] for t in step), *probe] for k in range(len(steps) + 1)]
        return [self._after(prefix, options) for prefix in prefixes]

    def _after(self, prefix: list[int], options: Sequence[tuple[int, ...]]) -> list[list[float]]:
        known: dict[tuple[int, ...], torch.Tensor] = {}
        values = []
        for option in options:
            fed = option[:-1]
            if fed not in known:
                ids = torch.tensor([[*prefix, *fed]], device=self.model.device)
                logits = self.model(input_ids=ids, logits_to_keep=len(option), use_cache=False).logits[0]
                known[fed] = logits.float().log_softmax(-1)
            values.append([known[fed][n, token].item() for n, token in enumerate(option)])
        return values

    def _segments(self, rationale: Rationale) -> tuple[list[int], list[Ids], Ids, list[tuple[int, ...]]]:
        words = self.vocabulary
        steps: list[Ids] = [words.ids(step) for step in rationale.steps]
        return words.opening(rationale.head), steps, words.ids(rationale.probe), words.options(rationale.options)


def _normalised(logs: list[list[list[float]]], normalise_length: bool) -> list[list[float]]:
    """Probabilities over options from the summed (or mean) log-probabilities of their tokens."""
    table = []
    for row in logs:
        totals = torch.tensor([sum(o) / (len(o) if normalise_length else 1) for o in row], dtype=torch.float64)
        table.append(totals.softmax(0).tolist())
    return table


def _floor(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).min


def _takes_masks(config: Any) -> bool:
    """Whether a plain 4D mask means what it says: sliding-window layers would take it for their own, silently."""
    layers = getattr(config.get_text_config(), "layer_types", None) or []
    return all(layer == "full_attention" for layer in layers)
