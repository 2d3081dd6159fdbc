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
from edt.supporting.annotations import annotated, file_digest, names_any
from edt.types import Sample

BEST = {"furniture": "furniture", "appliance": "appliance", "living_thing": "living", "vqa": "scene"}
"""The domain of sources that a target task asks about, where it asks about a single one."""


class PocketSupporting:
    """Samples over objects that no target split shows, in forms that no target task asks in.

    `without` names sources that are left out, each a source task such as
    `furniture_first` or all those of one domain, such as `furniture`.
    `num_samples` takes the first so many of what is left; None takes all.
    `annotations` is a file to take required skills from, in place of the planted
    ones; see `edt.supporting.annotate`.
    """

    def __init__(
        self, *, num_samples: int | None = None, without: Sequence[str] = (), annotations: str | None = None
    ) -> None:
        if isinstance(without, str):
            raise EdtError(f"supporting.without={without!r} must be a list of sources, such as [{without}]")
        if num_samples is not None and num_samples < 1:
            raise EdtError(f"supporting.num_samples must be above 0, or null for all, not {num_samples}")
        self.root: Path = pocket_root() / "data"
        self._num_samples = num_samples
        self._without = tuple(sorted(set(without)))
        self._annotations = Path(annotations).expanduser() if annotations else None
        self.name = " ".join(["pocket", *(f"without {source}" for source in self._without)])

    @cached_property
    def samples(self) -> Sequence[Sample]:
        samples = read_samples(self.root / "supporting.jsonl")
        sources = sorted({sample.source_task for sample in samples})
        for source in self._without:
            if not any(_is_of(task, source) for task in sources):
                domains = sorted({task.partition("_")[0] for task in sources})
                raise EdtError(
                    f"supporting.without names {source!r}, which is no source of Pocket; choose of the domains "
                    f"{', '.join(domains)}, or of the source tasks {', '.join(sources)}"
                )
        kept = [sample for sample in samples if not any(_is_of(sample.source_task, source) for source in self._without)]
        kept = kept[: self._num_samples]
        return annotated(kept, self._annotations) if self._annotations else kept

    def names_skills(self) -> bool:
        """The planted ones, or those of a file."""
        return self._annotations is None or names_any(self._annotations)

    def fingerprint(self) -> Fingerprint:
        file = self.root / "supporting.jsonl"
        digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "missing"
        less = {"without": list(self._without)} if self._without else {}  # the whole dataset is named as it always was
        named = {"annotations": file_digest(self._annotations)} if self._annotations else {}
        return {"data": digest, "num_samples": self._num_samples, **less, **named}


def pocket_without_best(
    *, task: str | None, num_samples: int | None = None, annotations: str | None = None
) -> PocketSupporting:
    """Pocket without the sources that fit a target task of Pocket best; raises EdtError where no domain does."""
    if task not in BEST:
        raise EdtError(
            f"no single domain of Pocket's sources fits the task {task!r} best (those of {', '.join(BEST)} have one); "
            "choose supporting=pocket and name sources: supporting.without=[…]"
        )
    return PocketSupporting(num_samples=num_samples, without=[BEST[task]], annotations=annotations)


def _is_of(source_task: str, source: str) -> bool:
    """Whether a source task is that source, or of that domain."""
    return source_task == source or source_task.partition("_")[0] == source
