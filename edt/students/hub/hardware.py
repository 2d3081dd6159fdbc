"""What this machine computes on, and in which numbers. Chooses, and says what it chose; loads no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edt.errors import EdtError

if TYPE_CHECKING:
    import torch

PRECISIONS = ("auto", "nf4", "bf16", "fp32")
DEVICES = ("auto", "cuda", "cpu")


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """A device as torch names it, and what it can do."""

    device: str
    title: str
    gigabytes: float | None
    """Of a GPU's memory."""
    bf16: bool
    """Whether it multiplies bf16 in hardware, and well."""


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """How weights are held (nf4, bf16, fp32) and what products are computed in (bf16, fp32)."""

    weights: str
    compute: str

    @property
    def dtype(self) -> torch.dtype:
        import torch

        return torch.bfloat16 if self.compute == "bf16" else torch.float32


def find_hardware(device: str = "auto") -> Hardware:
    """The GPU where there is one, unless told otherwise; EdtError where `cuda` is asked for in vain."""
    import torch

    if device != "cpu" and torch.cuda.is_available():
        about = torch.cuda.get_device_properties(torch.cuda.current_device())
        return Hardware(
            device=f"cuda:{torch.cuda.current_device()}",
            title=about.name,
            gigabytes=about.total_memory / 2**30,
            bf16=torch.cuda.is_bf16_supported(including_emulation=False),
        )
    if device == "cuda":
        raise EdtError(
            "student.device='cuda', but torch finds no GPU; use auto or cpu, or install a CUDA build of torch"
        )
    return Hardware(device="cpu", title=f"CPU, {torch.get_num_threads()} threads", gigabytes=None, bf16=False)


def choose_numbers(precision: str, hardware: Hardware) -> Numbers:
    """What a setting means on this hardware.

    `auto` is bf16 where a GPU has it, else fp32. Products with 4-bit weights
    are bf16 on such a GPU and fp32 anywhere else, as on a CPU.
    """
    fast = "bf16" if hardware.bf16 else "fp32"
    if precision == "nf4":
        return Numbers(weights="nf4", compute=fast)
    chosen = fast if precision == "auto" else precision
    return Numbers(weights=chosen, compute=chosen)


def in_words(hardware: Hardware, numbers: Numbers) -> str:
    """The choice, as it is said in the log."""
    memory = f" ({hardware.gigabytes:.0f} GB)" if hardware.gigabytes else ""
    return f"{hardware.title}{memory}, weights in {numbers.weights}, products in {numbers.compute}"
