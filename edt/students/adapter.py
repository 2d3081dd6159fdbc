"""Adapter folders: LoRA and projector weights in one file, and a few facts beside it.

A folder always holds the complete trained state, so wearing it needs no other.
Knows files and names of weights, not how they came about.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edt.errors import EdtError
from edt.paths import replacing, write_whole
from edt.types import Adapter

if TYPE_CHECKING:
    from torch import Tensor

    from edt.students.model import PocketModel

WEIGHTS = "adapter.safetensors"
FACTS = "adapter.json"


@dataclass(frozen=True, kw_only=True)
class AdapterFacts:
    """What is known of an adapter. Only `rank`, `alpha` and `grid` change what it does."""

    rank: int
    alpha: int
    grid: int
    """Image tokens a side."""
    parent: str | None = None
    """Key of the adapter that training went on from."""
    samples: int = 0
    """Training samples seen, epochs included."""
    steps: int = 0
    seconds: float = 0.0


def read_facts(folder: Path) -> AdapterFacts:
    """Raises EdtError where the folder holds no adapter."""
    try:
        return AdapterFacts(**json.loads((folder / FACTS).read_text()))
    except FileNotFoundError:
        raise EdtError(f"no adapter in {folder}: {FACTS} is missing; tune one, or give another folder") from None
    except (ValueError, TypeError) as error:
        raise EdtError(f"{folder / FACTS} is damaged ({error}); delete the folder and tune again") from None


def adapter_key(folder: Path) -> str:
    """sha256 over the weights and the facts that change what the adapter does."""
    facts = read_facts(folder)
    file = folder / WEIGHTS
    if not file.is_file():
        raise EdtError(f"no weights in {folder}: {WEIGHTS} is missing; delete the folder and tune again")
    digest = hashlib.sha256(f"{facts.rank} {facts.alpha} {facts.grid}\n".encode())
    digest.update(file.read_bytes())
    return digest.hexdigest()


def state_of(model: PocketModel) -> dict[str, Tensor]:
    """The complete trained state by name, detached and sharing memory."""
    from edt.students.lora import lora_state

    projector = {f"projector.{name}": value.detach() for name, value in model.projector.named_parameters()}
    return {**lora_state(model), **projector}


def load_state(model: PocketModel, state: Mapping[str, Tensor]) -> None:
    """Put a trained state into the model in place; raises EdtError where it does not fit."""
    from edt.students.lora import copy_state

    copy_state(state_of(model), state, what="LoRA and projector")


def save_adapter(folder: Path, state: Mapping[str, Tensor], facts: AdapterFacts, *, half: bool = False) -> Adapter:
    """Write an adapter (`half`: as bf16), each file whole or not at all, the facts last."""
    import torch
    from safetensors.torch import save_file

    kind = torch.bfloat16 if half else torch.float32
    with replacing(folder / WEIGHTS) as beside:
        save_file({name: value.to(kind).contiguous().clone() for name, value in state.items()}, beside)
    write_whole(folder / FACTS, json.dumps(asdict(facts), indent=1) + "\n")
    return Adapter(path=str(folder), key=adapter_key(folder))


def read_state(folder: Path) -> dict[str, Tensor]:
    """The state in an adapter folder, as fp32."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return {name: value.float() for name, value in load_file(folder / WEIGHTS).items()}
    except (SafetensorError, FileNotFoundError) as error:
        raise EdtError(f"{folder / WEIGHTS} cannot be read ({error}); delete the folder and tune again") from None
