"""LoRA on the language model, by peft, with a fused forward over materialised weights.

An NF4 layer dequantises its weight in every pass, which costs more than the
product on a CPU. A materialised layer keeps the dequantised weight beside the
packed one: the same function, bit for bit in its base product, faster in
training. Knows layers and their parameters, not what is tuned or when.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from edt.errors import EdtError
from edt.products import frozen_product, product
from edt.students.quantisation import dense_weight

TARGETS = r"language_model\.model\.layers\.\d+\.(self_attn|mlp)\.(q|k|v|o|gate|up|down)_proj"
"""Anchored to the language model: peft matches it against whole names."""
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""Of a materialised weight and its products; everything else stays in fp32."""


def _product(x: Tensor, weight: Tensor) -> Tensor:
    """x Wᵀ in the weight's precision, as x's."""
    return product(x.to(weight.dtype), weight).to(x.dtype)


class _Fused(torch.autograd.Function):
    """x Wᵀ + s (x Aᵀ) Bᵀ without intermediate copies; W gets no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, a: Tensor, b: Tensor, scale: float) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        low = product(rows, a)
        out = _product(rows, weight)
        out.addmm_(low, b.T, alpha=scale)
        ctx.save_for_backward(rows, weight, a, b, low)
        ctx.scale = scale
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        rows, weight, a, b, low = ctx.saved_tensors
        grad = grads[0].reshape(-1, grads[0].shape[-1])
        low_grad = product(grad, b.T).mul_(ctx.scale)
        x_grad = None
        if ctx.needs_input_grad[0]:
            x_grad = _product(grad, weight.T).addmm_(low_grad, a).view(*grads[0].shape[:-1], -1)
        a_grad = product(low_grad.T, rows.T)
        b_grad = product(low.T, grad.T).mul_(ctx.scale).T.contiguous()  # a fused optimiser takes it as it lies
        return x_grad, None, a_grad, b_grad, None


class LoraLinear(nn.Module):
    """A linear layer with LoRA: peft's own, or the fused one once materialised."""

    weight: Tensor | None

    def __init__(self, layer: LoraLayer) -> None:
        super().__init__()
        self.peft: Any = layer
        self.dropout = 0.0
        self.register_buffer("weight", None, persistent=False)

    @property
    def a(self) -> nn.Parameter:
        """(rank, in)"""
        return self.peft.lora_A["default"].weight

    @property
    def b(self) -> nn.Parameter:
        """(out, rank)"""
        return self.peft.lora_B["default"].weight

    @property
    def scale(self) -> float:
        return self.peft.scaling["default"]

    def set_dropout(self, share: float) -> None:
        """Of the adapter's input, in training."""
        self.dropout = share
        self.peft.lora_dropout["default"] = nn.Dropout(share) if share else nn.Identity()

    def materialise(self, precision: str | None) -> None:
        """Keep the dense weight at hand in fp32 or bf16; None lets it go."""
        if precision is None:
            self.weight = None
        elif self.weight is None or self.weight.dtype != PRECISIONS[precision]:
            self.weight = dense_weight(self.peft.base_layer).to(PRECISIONS[precision])

    def merged(self) -> Tensor:
        """The dense weight (out, in) with LoRA merged: a new tensor, exact to fp32 rounding."""
        base = self.weight
        if base is None or base.dtype != torch.float32:
            base = dense_weight(self.peft.base_layer)
        return torch.addmm(base, self.b.detach(), self.a.detach(), alpha=self.scale)

    def forward(self, x: Tensor) -> Tensor:
        if self.weight is None:
            return self.peft(x)
        if self.dropout and self.training:
            dropped = nn.functional.dropout(x, self.dropout)
            low = nn.functional.linear(dropped, self.a)
            base = frozen_product(x.to(self.weight.dtype), self.weight).to(x.dtype)
            return base + nn.functional.linear(low, self.b) * self.scale
        return _Fused.apply(x, self.weight, self.a, self.b, self.scale)  # type: ignore[no-any-return]


def add_lora(model: nn.Module, *, rank: int, alpha: int) -> None:
    """Give every linear layer of `model.language_model` an adapter that changes nothing yet."""
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=0.0, target_modules=TARGETS)
    inject_adapter_in_model(config, model)
    for name, part in list(model.named_modules()):
        if isinstance(part, LoraLayer):
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, LoraLinear(part))
    check_lora(model)


def lora_layers(model: nn.Module) -> dict[str, LoraLinear]:
    """The adapted layers by their names, in the model's order."""
    return {name: part for name, part in model.named_modules() if isinstance(part, LoraLinear)}


def check_lora(model: nn.Module) -> None:
    """Raise unless adapters are in the language model and nowhere else."""
    names = list(lora_layers(model))
    outside = [name for name in names if not name.startswith("language_model.")]
    if outside or not names:
        raise EdtError(f"LoRA belongs in the language model only, and it is in {outside or 'no layer at all'}")


def materialise(model: nn.Module, precision: str | None) -> None:
    """Keep the dense weights of all adapted layers at hand (fp32 or bf16), or let them go (None)."""
    for layer in lora_layers(model).values():
        layer.materialise(precision)


def lora_state(model: nn.Module) -> dict[str, Tensor]:
    """`NAME.a` and `NAME.b` of every adapted layer: the parameters themselves, detached."""
    state: dict[str, Tensor] = {}
    for name, layer in lora_layers(model).items():
        state[f"{name}.a"] = layer.a.detach()
        state[f"{name}.b"] = layer.b.detach()
    return state


def load_lora_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy what `lora_state` gave into the model; raises EdtError where names or shapes differ."""
    own = lora_state(model)
    copy_state(own, state, what="LoRA")


def copy_state(own: Mapping[str, Tensor], given: Mapping[str, Tensor], *, what: str) -> None:
    """Copy `given` into the tensors of `own`; raises EdtError where names or shapes differ."""
    wrong = sorted(set(own) ^ set(given)) or [name for name in own if own[name].shape != given[name].shape]
    if wrong:
        raise EdtError(f"the adapter's {what} weights do not fit this model: {len(wrong)} differ, first {wrong[0]!r}")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(given[name])
