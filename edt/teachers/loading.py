"""Weights of a language model out of a folder, or of the language model inside an LMM, whole or in NF4.

An LMM is loaded with its vision parts, which text alone never reaches.  Only
the language model's own layers are quantised, and what was quantised is looked
at afterwards: a pattern that matches nothing does so without a word.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, BitsAndBytesConfig

from edt.errors import EdtError
from edt.products import freeze_products
from edt.students.quantisation import disarm, quantised

SIGHT = ("vision_tower", "vision_model", "visual", "multi_modal_projector", "connector", "image_newline")
"""Names of parts of an LMM that are left as they are."""


def load_weights(folder: Path, *, dtype: str, quantisation: str) -> Any:
    """The model in eval mode, on a GPU where there is one, over several where NF4 weights need them."""
    config = AutoConfig.from_pretrained(folder)
    lmm = config.get_text_config() is not config
    kind = AutoModelForImageTextToText if lmm else AutoModelForCausalLM
    cuda = torch.cuda.is_available()
    way = (
        "eager" if getattr(config.get_text_config(), "attn_logit_softcapping", None) else "sdpa"
    )  # which Gemma 2 refuses
    options: dict[str, Any] = {"dtype": getattr(torch, dtype), "attn_implementation": way, "use_safetensors": True}
    if quantisation == "none":
        model: Any = kind.from_pretrained(folder, **options)
        if not cuda:
            freeze_products(model)
        return model.to("cuda" if cuda else "cpu").eval()
    if hasattr(config, "quantization_config"):
        raise EdtError(f"the weights in {folder} are quantised already; set teacher.quantisation=none")
    model = kind.from_pretrained(
        folder, quantization_config=_nf4(getattr(torch, dtype)), device_map="auto" if cuda else {"": "cpu"}, **options
    )
    disarm(model)
    _check(set(quantised(model)), folder)
    return model.eval()


def _nf4(dtype: torch.dtype) -> Any:
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        llm_int8_skip_modules=["lm_head", *(rf".*{part}" for part in SIGHT)],
    )


def _check(names: set[str], folder: Path) -> None:
    seeing = re.compile("|".join((*SIGHT, "lm_head")))
    if wrong := sorted(name for name in names if seeing.search(name)):
        raise EdtError(f"quantising {folder} took in {wrong[0]!r}, which is no part of the language model's blocks")
    if not names:
        raise EdtError(f"nothing of {folder} was quantised; set teacher.quantisation=none")
