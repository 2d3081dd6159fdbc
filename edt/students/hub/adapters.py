"""What a hub student wears: LoRA in peft's own format and a tuned projector, or all of the language model.

A folder holds the complete trained state. With LoRA it is what
`PeftModel.from_pretrained` reads, with the projector's weights beside it. Knows
names of weights and files, not how they were trained.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.errors import EdtError
from edt.paths import replacing, write_whole
from edt.students.hub.family import Family
from edt.types import Adapter

if TYPE_CHECKING:
    from torch import Tensor, nn

KINDS = ("lora", "full")
WEIGHTS = "adapter_model.safetensors"
PROJECTOR = "projector.safetensors"
PEFT = "adapter_config.json"
FACTS = "adapter.json"
PREFIX = "base_model.model."
"""What peft puts before a weight's name in its files."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What of a model is tuned."""

    kind: str = "lora"
    rank: int = 128
    alpha: int = 256

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise EdtError(f"tuner.kind={self.kind!r} is unknown; choose one of {', '.join(KINDS)}")
        for name, value in (("rank", self.rank), ("alpha", self.alpha)):
            if value < 1:
                raise EdtError(f"tuner.{name}={value} must be at least 1")


@dataclass(frozen=True, kw_only=True)
class HubFacts:
    """What is known of an adapter. Only family, kind, rank and alpha change what it does."""

    family: str
    kind: str
    rank: int
    alpha: int
    base: str
    """Checksum of the checkpoint that it was trained on."""
    parent: str | None = None
    samples: int = 0
    steps: int = 0
    seconds: float = 0.0

    @property
    def shape(self) -> Shape:
        return Shape(kind=self.kind, rank=self.rank, alpha=self.alpha)


def read_facts(folder: Path) -> HubFacts:
    """Raises EdtError where the folder holds no adapter of a hub student."""
    try:
        return HubFacts(**json.loads((folder / FACTS).read_text()))
    except FileNotFoundError:
        raise EdtError(f"no adapter in {folder}: {FACTS} is missing; tune one, or give another folder") from None
    except (ValueError, TypeError) as error:
        raise EdtError(f"{folder / FACTS} is not of a hub student, or damaged ({error}); tune again") from None


def adapter_key(folder: Path) -> str:
    """sha256 over the weights and the facts that change what the adapter does."""
    facts = read_facts(folder)
    found = hashlib.sha256(f"{facts.family} {facts.kind} {facts.rank} {facts.alpha}\n".encode())
    for name in (WEIGHTS, PROJECTOR):
        if (folder / name).is_file():
            with (folder / name).open("rb") as stream:
                found.update(hashlib.file_digest(stream, "sha256").digest())
    return found.hexdigest()


def put_on(model: Any, family: Family, shape: Shape) -> None:
    """Give the language model fresh adapters that change nothing yet, in fp32; raises where one is anywhere else."""
    import torch
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(
        r=shape.rank, lora_alpha=shape.alpha, lora_dropout=0.0, target_modules=family.lora_targets, bias="none"
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)  # fresh adapters are the same every time, whatever was drawn before
        inject_adapter_in_model(config, model)
    for weight in lora_parameters(model):
        weight.data = weight.data.float()
    check_adapted(model, family)


def take_off(model: Any) -> None:
    """Put the plain layers back in the adapted ones' places."""
    for name, layer in adapted(model).items():
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, layer.get_base_layer())
    if hasattr(model, "peft_config"):
        del model.peft_config  # peft would take the next adapter for a second one


def adapted(model: nn.Module) -> dict[str, Any]:
    """The layers that carry LoRA, by name."""
    from peft.tuners.lora import LoraLayer

    return {name: part for name, part in model.named_modules() if isinstance(part, LoraLayer)}


def check_adapted(model: nn.Module, family: Family) -> None:
    """Raise EdtError unless every linear layer of the language model is adapted, and nothing else."""
    from torch import nn

    found = set(adapted(model))
    linear = {
        name.removesuffix(".base_layer")
        for name, part in model.named_modules()
        if isinstance(part, nn.Linear) and name.startswith(family.quantised) and ".lora_" not in name
    }
    if wrong := sorted(found ^ linear):
        raise EdtError(
            f"LoRA belongs in every layer of the language model and nowhere else; {wrong[0]!r} is against it"
        )


def lora_parameters(model: nn.Module) -> list[nn.Parameter]:
    return [
        weight
        for layer in adapted(model).values()
        for weight in (layer.lora_A["default"].weight, layer.lora_B["default"].weight)
    ]


def set_dropout(model: nn.Module, share: float) -> None:
    """Of the adapters' inputs, in training."""
    from torch import nn

    for layer in adapted(model).values():
        layer.lora_dropout["default"] = nn.Dropout(share) if share else nn.Identity()


def projector_of(model: Any, family: Family) -> dict[str, nn.Parameter]:
    """The projector's weights by their full names."""
    return {
        f"model.{name}.{key}": weight
        for name in family.projector
        for key, weight in getattr(model.model, name).named_parameters()
    }


def language_of(model: Any, family: Family) -> dict[str, nn.Parameter]:
    """All weights of the language model and its head by their full names."""
    body = {
        f"model.{family.language_model}.{key}": weight
        for key, weight in getattr(model.model, family.language_model).named_parameters()
    }
    known = {id(weight) for weight in body.values()}
    head = {f"lm_head.{key}": weight for key, weight in model.lm_head.named_parameters() if id(weight) not in known}
    return {**body, **head}


def state_of(model: Any, family: Family, shape: Shape) -> dict[str, Tensor]:
    """The complete trained state, sharing memory with the model."""
    tuned = language_of(model, family) if shape.kind == "full" else _lora_of(model)
    return {name: weight.detach() for name, weight in {**tuned, **projector_of(model, family)}.items()}


def _lora_of(model: nn.Module) -> dict[str, nn.Parameter]:
    return {
        f"{name}.lora_{letter}.weight": getattr(layer, f"lora_{letter}")["default"].weight
        for name, layer in adapted(model).items()
        for letter in "AB"
    }


def save_state(folder: Path, state: Mapping[str, Tensor], facts: HubFacts, family: Family) -> Adapter:
    """Write an adapter, each file whole or not at all, the facts last."""
    from safetensors.torch import save_file

    sides = tuple(f"model.{name}." for name in family.projector)
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    side = {name: value for name, value in plain.items() if name.startswith(sides)} if sides else {}
    prefix = PREFIX if facts.kind == "lora" else ""
    main = {prefix + name: value for name, value in plain.items() if name not in side}
    for file, weights in ((WEIGHTS, main), (PROJECTOR, side)):
        if weights:
            with replacing(folder / file) as beside:
                save_file(weights, beside, metadata={"format": "pt"})
    if facts.kind == "lora":
        write_whole(folder / PEFT, json.dumps(_peft_config(facts, family), indent=1) + "\n")
    write_whole(folder / FACTS, json.dumps(asdict(facts), indent=1) + "\n")
    return Adapter(path=str(folder), key=adapter_key(folder))


def _peft_config(facts: HubFacts, family: Family) -> dict[str, Any]:
    return {
        "peft_type": "LORA",
        "task_type": None,
        "r": facts.rank,
        "lora_alpha": facts.alpha,
        "lora_dropout": 0.0,
        "target_modules": family.lora_targets,
        "bias": "none",
        "inference_mode": True,
        "base_model_name_or_path": None,
    }


def read_state(folder: Path) -> dict[str, Tensor]:
    """The state in an adapter's folder, under the names of `state_of`."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    state: dict[str, Tensor] = {}
    try:
        state.update(load_file(folder / WEIGHTS))
        if (folder / PROJECTOR).is_file():
            state.update(load_file(folder / PROJECTOR))
    except (SafetensorError, FileNotFoundError) as error:
        raise EdtError(f"the adapter in {folder} cannot be read ({error}); delete the folder and tune again") from None
    return {name.removeprefix(PREFIX): value for name, value in state.items()}


def copy_into(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    """Copy a state into a model's tensors; raises EdtError where names or shapes differ."""
    import torch

    wrong = sorted(set(own) ^ set(given)) or [name for name in own if own[name].shape != given[name].shape]
    if wrong:
        raise EdtError(f"the adapter does not fit this model: {len(wrong)} weights differ, first {wrong[0]!r}")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(given[name])


def merge(model: Any, state: Mapping[str, Tensor], facts: HubFacts) -> None:
    """Add a state to an *unquantised* model without adapters, in place, in fp32 and exact to its rounding."""
    import torch

    weights = dict(model.named_parameters())
    weights.setdefault("lm_head.weight", model.lm_head.weight)  # tied ones have one name only
    lora = {name.removesuffix(".lora_A.weight") for name in state if name.endswith(".lora_A.weight")}
    with torch.no_grad():
        for name in lora:
            a, b = state[f"{name}.lora_A.weight"], state[f"{name}.lora_B.weight"]
            weight = weights[f"{name}.weight"]
            delta = (b.float() @ a.float()) * (facts.alpha / facts.rank)
            weight.copy_((weight.float().cpu() + delta.cpu()).to(weight.dtype))
        for name, value in state.items():
            if ".lora_" not in name:
                weights[name].copy_(value)
