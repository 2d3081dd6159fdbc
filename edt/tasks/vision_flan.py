"""The paper's five tasks out of Vision-Flan, found in its file by their task names.

Which of Vision-Flan's tasks the paper means is certain for none of them, likely
for the three classifications, and open for VQA and captions: `TARGETS` says
which ones a task takes, and which further ones are kept out of the supporting
dataset because they may be the same. The file is read once for all five and for
the supporting dataset (`edt.supporting.ingest`).
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edt.errors import EdtError
from edt.supporting.ingest import Ingested, Reading, ingest
from edt.supporting.llava import located
from edt.supporting.records import Bad
from edt.supporting.rows import ArrowSamples
from edt.tasks.items import Item
from edt.tasks.options import choose, options_inside
from edt.tasks.splits import Pools
from edt.tasks.target import TargetTask
from edt.types import Sample

log = logging.getLogger("edt")


@dataclass(frozen=True, kw_only=True)
class Target:
    """One task of the paper."""

    names: tuple[str, ...]
    """Of Vision-Flan's tasks, any of which is taken."""
    metric: str
    description: str
    kin: tuple[str, ...] = ()
    """Others that are kept out of the supporting dataset with them."""


TARGETS = {
    "appliance": Target(
        names=("coco+image_classification_appliance",),
        metric="option",
        description="Name the household appliance that a picture shows, choosing from lettered options.",
    ),
    "furniture": Target(
        names=("coco+image_classification_furniture",),
        metric="option",
        description="Name the piece of furniture that a picture shows, choosing from lettered options.",
    ),
    "living_thing": Target(
        names=("Caltech101+Living_Thing_classification",),
        metric="option",
        description="Say whether what a picture shows is a living thing, choosing between two options.",
    ),
    "vqa": Target(
        names=("VQA",),
        kin=("VQAv2",),
        metric="exact_match",
        description="Answer a question about a picture in a word or a short phrase.",
    ),
    "caption": Target(
        names=("ITM",),
        metric="option",
        description="Say whether a caption matches a picture, choosing from options.",
    ),
}


class VisionFlanTask:
    """The samples of some task names in a Vision-Flan file.

    max_bad: the largest share of their records that may be unfit for the metric; these are left out and counted.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        dataset: str,
        file: str | None,
        images: str | None,
        metric: str,
        max_bad: float = 0.05,
    ) -> None:
        if not 0 <= max_bad < 1:
            raise EdtError(f"task.max_bad={max_bad} must be a share of records: 0 or more, and below 1")
        self._names, self._metric, self._max_bad = tuple(names), metric, max_bad
        self._source, self.root, ids = located(dataset, file, images, group="task")
        self._reading = Reading(ids=ids, max_bad=sys.maxsize)  # bad records of other tasks are not this one's to judge

    def pools(self) -> Pools:
        import pyarrow as pa
        import pyarrow.compute as pc

        samples = ArrowSamples(self._ingested().file)
        tasks = samples.column("task")
        rows = pc.indices_nonzero(pc.is_in(tasks, pa.array(self._names, pa.string()))).to_numpy()  # pyright: ignore
        if not len(rows):
            known = ", ".join(sorted(pc.unique(tasks).to_pylist())[:20])  # pyright: ignore
            raise EdtError(
                f"the file has no task called {' or '.join(self._names)}; name its tasks with task.names=[…] "
                f"(it has {known}, …)"
            )
        return Pools(validation=self._fit(ArrowSamples(samples.file, rows)))

    def _fit(self, samples: Sequence[Sample]) -> list[Item]:
        """Those that can be judged; what is left out is said, and too many of them are an error."""
        items: list[Item] = []
        bad: Counter[str] = Counter()
        first = ""
        for sample in samples:
            try:
                items.append(self._item(sample))
            except Bad as fault:
                bad[fault.kind] += 1
                first = first or f"{sample.id!r} of {sample.source_task}: its {fault.field} {fault}"
        if bad:
            kinds = "; ".join(f"{number} × {kind}" for kind, number in sorted(bad.items()))
            words = (
                f"{bad.total():,} of {len(samples):,} records are no question with options ({kinds}), such as {first}"
            )
            if bad.total() > self._max_bad * len(samples):
                raise EdtError(
                    f"{words}; that is more than the share task.max_bad={self._max_bad:g}: allow more, or choose "
                    "another metric, as task.metric=exact_match"
                )
            log.info("%s: %s; they are left out", " or ".join(self._names), words)
        return items

    def fingerprint(self) -> Mapping[str, Any]:
        done = self._ingested()
        return {"names": list(self._names), "source": done.sha256, "left_out": done.left_out, **self._reading.print()}

    def _ingested(self) -> Ingested:
        return ingest(self._source, self.root, self._reading)

    def _item(self, sample: Sample) -> Item:
        """With options where they stand in the question and the answer is one of them; Bad where the metric needs
        them."""
        options = options_inside(sample.question)
        place = choose(sample.answer, options) if options else None
        if place is None and self._metric == "option":
            if not options:
                raise Bad("no options", "question", f"{sample.question!r:.80} lists none as (a) … (b) …")
            raise Bad("no one answer", "answer", f"{sample.answer!r:.60} is none of its options, or two equal ones")
        return Item(
            id=sample.id,
            image=sample.image,
            question=sample.question,
            options=() if place is None else options,
            inside=place is not None,
            answer=sample.answer if place is None else options[place],
        )


def vision_flan(
    *,
    task: str,
    dataset: str = "vision_flan_1m",
    file: str | None = None,
    images: str | None = None,
    names: Sequence[str] | None = None,
    metric: str | None = None,
    max_bad: float = 0.05,
    num_validation: int | None = None,
    num_test: int | None = None,
    seed: int = 0,
) -> TargetTask:
    """The task `task` of TARGETS, drawn from `dataset` (see `edt.supporting.llava`); `names` and `metric` replace its
    own. `max_bad`: see `VisionFlanTask`."""
    if task not in TARGETS:
        raise EdtError(
            f"task.task {task!r} is none of Vision-Flan's that the paper asks; known are {', '.join(TARGETS)}"
        )
    if isinstance(names, str):
        raise EdtError(f"task.names={names!r} must be a list of task names, such as [{names}]")
    target = TARGETS[task]
    taken = tuple(names or target.names)
    metric = metric or target.metric
    return TargetTask(
        f"vision_flan_{task}",
        target.description,
        VisionFlanTask(taken, dataset=dataset, file=file, images=images, metric=metric, max_bad=max_bad),
        metric=metric,
        source_tasks=sorted({*taken, *target.names, *target.kin}),
        num_validation=num_validation,
        num_test=num_test,
        seed=seed,
    )
