"""What is handed to Lightning's Trainer, checked. Knows names and numbers, not what is trained, nor Lightning."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from edt.errors import EdtError

ACCELERATORS = ("auto", "cpu", "cuda")
FSDP = "fsdp"
DEEPSPEED = "deepspeed"
SHARDING = ("fsdp_", "deepspeed_stage_3", "model_parallel")
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed", "bf16-true")


@dataclass(frozen=True, kw_only=True)
class TrainerOptions:
    """One optimiser step is always `tuner.batch_size` samples: devices and accumulation share them out."""

    accelerator: str = "auto"
    """auto is where the student is already."""
    strategy: str = "auto"
    """Any of Lightning's that leaves weights whole: ddp, deepspeed_stage_2 (with the package deepspeed) and so on; and
    fsdp, which deals out the frozen ones, see `edt.tuning.shards`."""
    devices: int = 1
    accumulate: int = 1
    """Passes that the samples of a step come in, on each device."""
    precision: str = "32-true"
    """Of Lightning: 32-true leaves a student's numbers as they are."""

    def __post_init__(self) -> None:
        for name, known in (("accelerator", ACCELERATORS), ("precision", PRECISIONS)):
            if (value := getattr(self, name)) not in known:
                raise EdtError(f"tuner.trainer.{name}={value!r} is unknown; choose one of {', '.join(known)}")
        for name in ("devices", "accumulate"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise EdtError(f"tuner.trainer.{name}={value!r} must be a whole number from 1")
        if not isinstance(self.strategy, str) or not self.strategy:
            raise EdtError(f"tuner.trainer.strategy={self.strategy!r} must be a name, such as auto or ddp")
        if self.strategy.startswith(SHARDING):
            raise EdtError(
                f"tuner.trainer.strategy={self.strategy!r} deals out the weights that are tuned too, and adapters are "
                "saved from whole ones; use fsdp, which deals out the frozen ones, or ddp or deepspeed_stage_2"
            )
        if self.sharded and self.devices == 1:
            raise EdtError(
                f"tuner.trainer.strategy={FSDP!r} deals out layers over devices; use tuner.trainer.devices=2 or more"
            )
        if self._of_package and importlib.util.find_spec(DEEPSPEED) is None:
            raise EdtError(
                f"tuner.trainer.strategy={self.strategy!r} needs a package that is not here: pip install deepspeed, or "
                "use ddp or fsdp"
            )
        if self.accelerator != "auto":
            self.check_on(self.accelerator)

    def check_on(self, accelerator: str) -> None:
        """Raises EdtError where the strategy cannot be had on cpu or cuda."""
        if self._of_package and accelerator == "cpu":
            raise EdtError(
                f"tuner.trainer.strategy={self.strategy!r} is had on GPUs only, and this training is on a CPU; use ddp "
                "or fsdp, or student.device=cuda"
            )

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> TrainerOptions:
        """From a configuration's node; raises EdtError where it has a key that is none of these."""
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(given or {}) - set(known)):
            raise EdtError(f"tuner.trainer has no option {unknown[0]!r}; it has {', '.join(known)}")
        return cls(**(given or {}))

    @property
    def alone(self) -> bool:
        """One device, one pass a step, no strategy: what needs nothing of Lightning's own ways."""
        return (self.strategy, self.devices, self.accumulate, self.precision) == ("auto", 1, 1, "32-true")

    @property
    def in_folders(self) -> bool:
        """Whether its checkpoints are folders. One is not written over: a kill would leave half of the next in it."""
        return self.strategy.startswith(DEEPSPEED)

    @property
    def _of_package(self) -> bool:
        return self.strategy == DEEPSPEED or self.strategy.startswith(f"{DEEPSPEED}_stage")

    @property
    def sharded(self) -> bool:
        """Whether frozen weights are dealt out over the devices."""
        return self.strategy == FSDP

    @property
    def ways(self) -> int:
        """How many passes share the samples of a step."""
        return self.devices * self.accumulate

    def changes(self) -> dict[str, Any]:
        """What is not as by default."""
        default = asdict(TrainerOptions())
        return {name: value for name, value in asdict(self).items() if value != default[name]}
