"""Supporting datasets in LLaVA's format, guarded against the target task that they are to mend.

Light to build: the file is read on first use, once and for all runs (see
`edt.supporting.ingest`), and then mapped. Knows the datasets by name and where
they are looked for; downloads nothing.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from edt.errors import EdtError
from edt.images.inside import ImageFault, ImageFolder
from edt.paths import data_root
from edt.protocols import Fingerprint, Task
from edt.store.keys import digest
from edt.supporting.annotations import Annotated, file_digest, names_any
from edt.supporting.guard import Guard, Guarded, guarded
from edt.supporting.ingest import Ingested, Reading, ingest
from edt.supporting.records import Bad, Record, parse_record
from edt.supporting.rows import ArrowSamples
from edt.supporting.stream import JsonStream
from edt.types import Sample

log = logging.getLogger("edt")


@dataclass(frozen=True, kw_only=True)
class Release:
    """A published dataset: what its files are called, and what to ask for."""

    file: str
    images: str
    get: str
    ids: str = "unique"


RELEASES = {
    "vision_flan_1m": Release(
        file="vision_flan.json",
        images=".",
        get="the dataset Vision-Flan/vision-flan (Vision-Flan-1-million: vision_flan.json, 983 MB, and the archives "
        "of pictures in shard_01 to shard_09, unpacked by its run.sh)",
        ids="renamed",
    ),
    "vision_flan_191_1k": Release(
        file="annotation_191-task_1k.json",
        images="images_191task_1k",
        get="the dataset Vision-Flan/vision-flan_191-task_1k (annotation_191-task_1k.json, 110 MB, and "
        "image_191-task_1k.zip, 36 GB, unpacked)",
        ids="renamed",
    ),
    "llava_665k": Release(
        file="llava_v1_5_mix665k.json",
        images=".",
        get="the dataset liuhaotian/LLaVA-Instruct-150K (llava_v1_5_mix665k.json) and the images that its page names "
        "(coco, gqa, ocr_vqa, textvqa, vg)",
    ),
}
OWN = "llava_json"
"""Any other file of the format; it has to be named."""


def located(dataset: str, file: str | None, images: str | None, *, group: str) -> tuple[Path, Path, str]:
    """The file and image folder of a dataset, and how its ids are read; EdtError says what to get where one is not
    there."""
    if dataset not in RELEASES:
        if dataset != OWN:
            raise EdtError(f"{group}.dataset {dataset!r} is not known; known are {', '.join(RELEASES)} and {OWN}")
        if file is None or images is None:
            raise EdtError(f"{group}={OWN} needs {group}.file= (JSON of LLaVA's format) and {group}.images= (a folder)")
        release = Release(file=file, images=images, get="a file in LLaVA's format and its images")
    else:
        release = RELEASES[dataset]
    home = data_root() / dataset
    source = Path(file).expanduser() if file else home / release.file
    folder = Path(images).expanduser() if images else home / release.images
    for path, sound, option in ((source, source.is_file(), "file"), (folder, folder.is_dir(), "images")):
        if not sound:
            raise EdtError(
                f"{dataset} is not here: there is no {path}; get {release.get} and put it into {home} "
                f"($EDT_DATA names another place than {data_root()}), or name yours with {group}.{option}="
            )
    return source, folder, release.ids


class LlavaSupporting:
    """`target` is the task that it is guarded from, which a run always hands over; without one it is the whole dataset,
    as whoever annotates it wants it. Settings:

    dataset: a key of RELEASES, or llava_json with `file` and `images`, which else are looked for under `$EDT_DATA`.
    exclude: further source tasks (`task_name`) to leave out, beside those that the target was made from.
    num_samples: the first so many of what is left; None takes all.
    annotations: a file with required skills, see `edt.supporting.annotate`; the format itself has none.
    turns, look, max_bad: see `Reading`. guard_images, guard_distance, guard_text: see `Guard`.
    """

    def __init__(
        self,
        target: Task | None = None,
        *,
        dataset: str,
        file: str | None = None,
        images: str | None = None,
        exclude: Sequence[str] = (),
        num_samples: int | None = None,
        annotations: str | None = None,
        turns: str = "first",
        look: str = "header",
        max_bad: int = 1000,
        guard_images: str = "perceptual",
        guard_distance: int = 4,
        guard_text: float | None = 0.9,
    ) -> None:
        if isinstance(exclude, str):
            raise EdtError(f"supporting.exclude={exclude!r} must be a list of source tasks, such as [{exclude}]")
        if num_samples is not None and num_samples < 1:
            raise EdtError(f"supporting.num_samples must be above 0, or null for all, not {num_samples}")
        self._source, self.root, ids = located(dataset, file, images, group="supporting")
        self._reading = Reading(look=look, ids=ids, turns=turns, max_bad=max_bad)
        self._guard = Guard(images=guard_images, distance=guard_distance, text=guard_text)
        self._target, self._dataset, self._num_samples = target, dataset, num_samples
        self._exclude = tuple(sorted(set(exclude)))
        self._annotations = Path(annotations).expanduser() if annotations else None
        self.name = " ".join([dataset, *(f"without {task}" for task in self._exclude)])

    @cached_property
    def ingested(self) -> Ingested:
        """What reading the file came to; read now where it was not yet."""
        return ingest(self._source, self.root, self._reading)

    @cached_property
    def guarded(self) -> Guarded | None:
        """What the guard left, and why the rest is gone; said once. None where there is no task to guard from."""
        if self._target is None:
            return None
        samples, key = ArrowSamples(self.ingested.file), digest(self._data())
        found = guarded(samples, self.root, self._target, self._guard, exclude=self._exclude, key=key)
        log.info("%s", found.sentence(self.name, self._target.name))
        return found

    @cached_property
    def samples(self) -> Sequence[Sample]:
        import numpy as np

        whole = ArrowSamples(self.ingested.file)
        if self.guarded is None:
            tasks = enumerate(whole.column("task").to_pylist())
            rows = np.array([row for row, task in tasks if task not in self._exclude], dtype=np.int64)
        else:
            rows = self.guarded.rows
        kept = ArrowSamples(whole.file, rows[: self._num_samples])
        return Annotated(kept, self._annotations) if self._annotations else kept

    def names_skills(self) -> bool:
        """The format has no skills: only a file of annotations does."""
        return self._annotations is not None and names_any(self._annotations)

    def peek(self, number: int) -> Sequence[str]:
        """What is wrong with the first so many records of the file, without reading on."""
        folder, faults = ImageFolder(self.root), []
        for data in islice(JsonStream(self._source), number):
            try:
                if isinstance(data, Bad):
                    raise data
                if image := parse_record(data).image:
                    folder.check(image, "decode")
            except (Bad, ImageFault) as fault:
                faults.append(f"a record ({data.get('id') if isinstance(data, dict) else '?'}): {fault}")
        return faults

    def draw(self, number: int, *, of: int = 10_000) -> Sequence[Sample]:
        """Some samples out of the first records, at random and without reading on; bad records are left out."""
        folder, records = ImageFolder(self.root), []
        for data in islice(JsonStream(self._source), of):
            with suppress(Bad):
                if not isinstance(data, Bad) and (record := parse_record(data)).image:
                    records.append(record)
        drawn = []
        for record in random.Random(0).sample(records, min(number, len(records))):
            with suppress(ImageFault):
                folder.check(record.image, "header")
                drawn.append(_first_turn(record))
        return drawn

    def fingerprint(self) -> Fingerprint:
        return {
            "data": self._data(),
            "exclude": list(self._exclude),
            "guard": self._guard.print(self._target) if self._target else None,
            "num_samples": self._num_samples,
            **({"annotations": file_digest(self._annotations)} if self._annotations else {}),
        }

    def _data(self) -> dict[str, object]:
        """Which rows there are before the guard."""
        return {"source": self.ingested.sha256, "left_out": self.ingested.left_out, **self._reading.print()}


def _first_turn(record: Record) -> Sample:
    question, answer = record.turns[:2]
    return Sample(id=record.id, image=record.image, question=question, answer=answer, source_task=record.task)
