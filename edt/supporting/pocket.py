"""The supporting dataset of the embedded benchmark."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from edt.errors import EdtError
from edt.paths import pocket_root
from edt.pocket.samples import read_samples
from edt.protocols import Fingerprint
from edt.types import Sample


class PocketSupporting:
    """Samples over objects that no target split shows, in forms that no target task asks in.

    `num_samples` takes the first so many; None takes all.
    """

    name = "pocket"

    def __init__(self, *, num_samples: int | None = None) -> None:
        if num_samples is not None and num_samples < 1:
            raise EdtError(f"supporting.num_samples must be above 0, or null for all, not {num_samples}")
        self.root: Path = pocket_root() / "data"
        self._num_samples = num_samples

    @cached_property
    def samples(self) -> Sequence[Sample]:
        return read_samples(self.root / "supporting.jsonl")[: self._num_samples]

    def fingerprint(self) -> Fingerprint:
        file = self.root / "supporting.jsonl"
        digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "missing"
        return {"data": digest, "num_samples": self._num_samples}
