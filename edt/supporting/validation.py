"""A target task's own validation samples in the place of a supporting dataset: what tuning on them is worth.

Picks then name validation samples, and nothing else in the loop is any different.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import count, islice
from pathlib import Path

from edt.errors import EdtError
from edt.protocols import Fingerprint, Task, fingerprint_of
from edt.types import Sample


class ValidationSamples:
    """The validation split of `task`, gone through again and again until there are `num_samples`; None: once.

    So a method that tunes on all of it takes as many steps as the others do.
    From the second pass on an id says its pass: `ID#2` is the sample `ID`.
    """

    def __init__(self, task: Task, *, num_samples: int | None = None) -> None:
        if num_samples is not None and num_samples < 1:
            raise EdtError(f"supporting.num_samples must be above 0, or null for one pass, not {num_samples}")
        self._task, self._num_samples = task, num_samples
        self.name = f"validation samples of {task.name}"
        self.root: Path = task.root

    @cached_property
    def samples(self) -> Sequence[Sample]:
        once = list(self._task.validation)
        if not once:
            raise EdtError(f"task {self._task.name!r} has no validation samples to tune on; choose another method")
        passes = (replace(one, id=f"{one.id}#{turn}" if turn > 1 else one.id) for turn in count(1) for one in once)
        return list(islice(passes, len(once) if self._num_samples is None else self._num_samples))

    def fingerprint(self) -> Fingerprint:
        return {"task": fingerprint_of(self._task), "num_samples": self._num_samples}
