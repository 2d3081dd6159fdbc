"""Products with frozen weights on a CPU, by the faster of two libraries. Knows matrices, not models.

PyTorch gives fp32 products to MKL, which on AMD's CPUs runs at less than half
the speed of oneDNN, which PyTorch holds too and keeps for other cases
(`python experiments/benchmarks/products.py`).  Each sums in an order of its
own, so results differ in their last bits between CPUs either way.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


def _one_dnn(name: str) -> Any:
    """An operator of oneDNN, or None in a build of PyTorch without it."""
    try:
        return getattr(torch.ops.mkldnn, name).default if torch.backends.mkldnn.is_available() else None
    except (AttributeError, RuntimeError):
        return None


_linear = _one_dnn("_linear_pointwise")
_reorder = _one_dnn("_reorder_linear_weight")
KINDS = (torch.float32, torch.bfloat16)
"""What oneDNN multiplies."""
CHUNK = 64
"""Rows of logits made at a time: 12 MB in fp32 for a vocabulary of 49,152."""


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x Wᵀ for x (…, in) and weight (out, in) of one dtype; a transposed view will do. No gradient flows."""
    if _linear is None or x.device.type != "cpu" or x.dtype not in KINDS:
        return linear(x, weight)
    return _linear(x, weight, None, "none", [], "")


class _Frozen(torch.autograd.Function):
    """x Wᵀ, whose gradient goes to x alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return product(x, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (weight,) = ctx.saved_tensors
        return product(grads[0].contiguous(), weight.T), None


def packed(weight: Tensor, rows: int) -> Tensor:
    """A copy of `weight` (out, in) as oneDNN reads it for about `rows` rows: good as a second factor of `product` only.

    A few dozen rows take less time with it, for its numbers are read in the order in which they lie.
    """
    if _linear is None or _reorder is None or weight.device.type != "cpu" or weight.dtype not in KINDS:
        return weight
    return _reorder(weight, rows)


def frozen_product(x: Tensor, weight: Tensor) -> Tensor:
    """`product` that x gets a gradient through; the weight gets none."""
    return _Frozen.apply(x, weight)  # type: ignore[no-any-return]


class _HeadLoss(torch.autograd.Function):
    """The gradient is made with the loss, a chunk at a time, in the memory of its logits."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, tokens: Tensor) -> Tensor:
        total, grads = hidden.new_zeros((), dtype=torch.float64), []
        for part, wanted in zip(hidden.split(CHUNK), tokens.split(CHUNK), strict=True):
            logits, wanted = product(part, head), wanted[:, None]
            logits -= logits.logsumexp(-1, keepdim=True)
            total -= logits.gather(1, wanted).sum(dtype=torch.float64)
            if ctx.needs_input_grad[0]:
                chances = logits.exp_().scatter_add_(1, wanted, logits.new_full(wanted.shape, -1.0))
                grads.append(product(chances, head.T))
        if grads:
            ctx.save_for_backward(torch.cat(grads).div_(len(tokens)))
        return (total / len(tokens)).to(hidden.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (hidden_grad,) = ctx.saved_tensors
        return hidden_grad * grads[0], None, None


def head_loss(hidden: Tensor, head: Tensor, tokens: Tensor) -> Tensor:
    """Mean cross-entropy of `tokens` (n,) by the logits hidden (n, width) · headᵀ; the head is frozen.

    All logits at once would be n × vocabulary numbers, four times over: here only `CHUNK` rows are ever there.
    """
    return _HeadLoss.apply(hidden, head, tokens)  # type: ignore[no-any-return]


class FrozenLinear(nn.Linear):
    """A linear layer without a bias whose weight, shared with `layer`, is not trained."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__(layer.in_features, layer.out_features, bias=False, device="meta")
        self.weight = layer.weight.requires_grad_(False)
        self._rough: Tensor | None = None

    def roughen(self) -> None:
        """Keep a bf16 copy of the weight for the products of train mode."""
        self._rough = self.weight.detach().bfloat16()

    def forward(self, input: Tensor) -> Tensor:
        if self._rough is None or not self.training:
            return frozen_product(input, self.weight)
        return frozen_product(input.bfloat16(), self._rough).to(input.dtype)


def freeze_products(model: nn.Module) -> None:
    """Make every plain linear layer of a model on a CPU a frozen one, in place."""
    plain = [name for name, part in model.named_modules() if type(part) is nn.Linear and part.bias is None]
    for name in plain:
        model.set_submodule(name, FrozenLinear(model.get_submodule(name)))  # pyright: ignore[reportArgumentType]
