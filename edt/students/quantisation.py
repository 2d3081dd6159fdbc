"""Loads a frozen language model in NF4, with the guards that its stack needs. Knows no adapter.

Three things go wrong silently here. On CPUs with AVX512-BF16, bitsandbytes
repacks weights in the first eval pass, and later training passes lose their
gradients: `support_avx512bf16_for_cpu` is turned off on every module. A skip
pattern that matches nothing quantises what it should not: the names of
quantised modules are compared with what is expected. And a folder converted
from GGUF may still carry that format's own quantisation entry: it is dropped.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.errors import EdtError
from edt.pocket.home import SETUP_COMMAND

if TYPE_CHECKING:
    from torch import Tensor, nn

KINDS = ("nf4", "none")
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@contextmanager
def quiet() -> Iterator[None]:
    """Without the progress bars and notices of transformers."""
    from transformers.utils import logging as noise

    level = noise.get_verbosity()
    noise.set_verbosity_error()
    noise.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        noise.set_verbosity(level)
        noise.enable_progress_bar()


def load_language_model(folder: Path, *, quantisation: str) -> Any:
    """A frozen LlamaForCausalLM in fp32 compute, in eval mode; `nf4` weights are double-quantised.

    Raises EdtError where the folder holds no model.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    if quantisation not in KINDS:
        raise EdtError(f"quantisation={quantisation!r} is unknown; choose one of {', '.join(KINDS)}")
    if not (folder / "config.json").is_file() or not (folder / "model.safetensors").is_file():
        raise EdtError(f"no language model at {folder}: the pocket student is not set up; run `{SETUP_COMMAND}`")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    config: Any = LlamaConfig.from_pretrained(folder)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    with quiet():
        model = LlamaForCausalLM.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            attn_implementation="sdpa",
            quantization_config=_nf4() if quantisation == "nf4" else None,
            local_files_only=True,
        )
    model.requires_grad_(False)
    disarm(model)
    _let_go_of_file(model)
    check_quantised(model, expected=expected_names(config.num_hidden_layers) if quantisation == "nf4" else set())
    return model


def _let_go_of_file(model: nn.Module) -> None:
    """Copy what was not quantised, so that the mapped file goes, and give freed memory back: 0.8 GB of 1.4."""
    packed = {id(part.weight) for part in quantised(model).values()}
    for weight in model.parameters():
        if id(weight) not in packed:
            weight.data = weight.data.clone()
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


def _nf4() -> Any:
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
        llm_int8_skip_modules=["lm_head"],
    )


def expected_names(num_layers: int) -> set[str]:
    """The linear layers of a Llama that are quantised: all of the blocks, not the head."""
    return {
        f"model.layers.{layer}.{'self_attn' if name[0] in 'qkvo' else 'mlp'}.{name}"
        for layer in range(num_layers)
        for name in PROJECTIONS
    }


def quantised(model: nn.Module) -> dict[str, Any]:
    """The NF4 layers of a model by their names."""
    from bitsandbytes.nn.modules import Linear4bit

    return {name: part for name, part in model.named_modules() if isinstance(part, Linear4bit)}


def disarm(model: nn.Module) -> None:
    """Keep bitsandbytes from repacking weights in eval mode (see the module's docstring)."""
    for part in quantised(model).values():
        part.support_avx512bf16_for_cpu = False


def check_quantised(model: nn.Module, *, expected: set[str]) -> None:
    """Raise where other layers than `expected` are quantised, or one could still be repacked."""
    found = quantised(model)
    wrong = sorted(set(found) ^ expected)
    if wrong:
        raise EdtError(f"{len(wrong)} layers are quantised or left out against the plan, among them {wrong[0]!r}")
    armed = [name for name, part in found.items() if getattr(part, "support_avx512bf16_for_cpu", False)]
    if armed:
        raise EdtError(f"{armed[0]!r} may repack its weights in eval mode, which corrupts gradients")


def dense_weight(layer: Any) -> Tensor:
    """The weight (out, in) that a linear layer stands for, dequantised where it is NF4."""
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn.modules import Linear4bit

    if not isinstance(layer, Linear4bit):
        return layer.weight.detach()
    packed: Any = layer.weight
    return dequantize_4bit(packed.data, packed.quant_state).detach()
