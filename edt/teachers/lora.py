"""A teacher's adapter: LoRA weights in bf16 safetensors beside a few lines of JSON.

Knows peft and two file names.  Imports torch and peft inside its functions.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edt.errors import EdtError

WEIGHTS, SETTINGS = "adapter.safetensors", "adapter.json"
TARGETS = r".*\.(q|k|v|o|gate|up|down)_proj"


def attach(model: Any, *, r: int = 16, alpha: int = 32, targets: str = TARGETS) -> Any:
    """`model` wrapped with fresh fp32 LoRA weights on its linear layers that match `targets`."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=r, lora_alpha=alpha, lora_dropout=0.0, bias="none", target_modules=targets)
    return get_peft_model(model, config)


def weights_of(wrapped: Any) -> dict[str, Any]:
    """The LoRA parameters of a wrapped model by name."""
    return {name: value for name, value in wrapped.named_parameters() if "lora_" in name}


def save(wrapped: Any, folder: Path, *, precision: str = "bfloat16", **settings: Any) -> None:
    """Leave the LoRA weights and `settings` in `folder`; the settings come last and by renaming."""
    import torch
    from safetensors.torch import save_file

    config = wrapped.peft_config["default"]
    dtype = getattr(torch, precision)
    weights = {name: value.detach().to(dtype).contiguous().cpu() for name, value in weights_of(wrapped).items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / f".{WEIGHTS}")
    (folder / f".{WEIGHTS}").replace(folder / WEIGHTS)
    record = {"r": config.r, "alpha": config.lora_alpha, "targets": config.target_modules, **settings}
    (folder / f".{SETTINGS}").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    (folder / f".{SETTINGS}").replace(folder / SETTINGS)


def load(model: Any, folder: Path) -> Any:
    """`model` wrapped with the adapter of `folder`, in fp32; EdtError where it is missing or does not fit."""
    from safetensors.torch import load_file

    if not (folder / WEIGHTS).is_file() or not (folder / SETTINGS).is_file():
        raise EdtError(f"no teacher adapter in {folder} ({WEIGHTS} and {SETTINGS}); train one or name another folder")
    settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    wrapped = attach(model, r=settings["r"], alpha=settings["alpha"], targets=settings["targets"])
    weights = load_file(folder / WEIGHTS)
    own = weights_of(wrapped)
    wrong = sorted(set(own) ^ set(weights)) or sorted(n for n in own if own[n].shape != weights[n].shape)
    if wrong:
        raise EdtError(f"the adapter in {folder} does not fit the language model: {len(wrong)} tensors, as {wrong[0]}")
    for name, value in own.items():
        value.data.copy_(weights[name])
    return wrapped
