"""A student out of the hub or a folder: it answers with steps, or by weighing options, and wears adapters.

Light to build: files are looked for when a fingerprint or a first answer is
asked for. Students that differ only in what they wear share what is loaded.
Knows settings and what answers depend on; a family says the rest.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edt.clock import model_time
from edt.errors import EdtError
from edt.fetching import Files
from edt.paths import cache_root
from edt.students.bar import bar_shown
from edt.students.hub.adapters import adapter_key, copy_into, read_facts, read_state
from edt.students.hub.family import Family
from edt.students.hub.files import look_at
from edt.students.hub.hardware import DEVICES, PRECISIONS, Hardware, Numbers, choose_numbers, find_hardware, in_words
from edt.students.hub.prompts import STYLES, Prompts, Rehearsal
from edt.students.hub.weights import checksum_of, find_folder
from edt.types import Adapter, Sample

if TYPE_CHECKING:
    from edt.students.hub.core import HubCore
    from edt.students.hub.trainable import HubTrainable

PROMPT_VERSION = 1
"""Raised when the words around a question change."""
WAYS = ("steps", "options")
log = logging.getLogger("edt")


@dataclass(kw_only=True)
class _Loaded:
    """What students of one checkpoint share."""

    core: HubCore | None = None
    worn: str | None = None
    """Key of the adapter whose weights are in the core, "" for none; None while they are unknown."""


class HubStudent:
    """Settings:

    model: a folder, or a name of the hub (owner/name), of which `revision` is fetched (null: the newest).
    precision: auto | nf4 | bf16 | fp32; auto is bf16 where a GPU has it, else fp32.
    device: auto | cuda | cpu.
    style: steps | plain; see `Prompts`.
    answer_by: steps: a reply is generated; options: the likeliest option is the reply, where a sample has any.
    max_new_tokens: a longer reply is cut off and counts as it stands.
    batch_size: rows answered at a time.
    features: folder of what the tower saw in pictures (null: in the user's cache); `features_gb` bounds it, 0: none.
    """

    family: ClassVar[Family]

    def __init__(
        self,
        *,
        model: str,
        revision: str | None = None,
        precision: str = "auto",
        device: str = "auto",
        style: str = "steps",
        answer_by: str = "steps",
        max_new_tokens: int = 256,
        batch_size: int = 16,
        features: str | None = None,
        features_gb: float = 20.0,
        progress: bool = True,
    ) -> None:
        self._given = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        _one_of("precision", precision, PRECISIONS)
        _one_of("device", device, DEVICES)
        _one_of("style", style, STYLES)
        _one_of("answer_by", answer_by, WAYS)
        for name, value in (("max_new_tokens", max_new_tokens), ("batch_size", batch_size)):
            if value < 1:
                raise EdtError(f"student.{name}={value} must be at least 1")
        if features_gb < 0:
            raise EdtError(f"student.features_gb={features_gb} must not be negative; 0 keeps nothing")
        self.name = Path(model).name
        self._model, self._revision = model, revision
        self._precision, self._device = precision, device
        self._style, self._answer_by = style, answer_by
        self._max_new_tokens, self._batch_size = max_new_tokens, batch_size
        self._features = Path(features).expanduser() if features else cache_root() / "features"
        self._features_gb = features_gb
        self._progress = progress
        self._adapter: Adapter | None = None
        self._loaded = _Loaded()

    def wearing(self, adapter: Adapter | None) -> HubStudent:
        """The same student in other trained weights; None takes them off."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._adapter = adapter
        return twin

    def fingerprint(self) -> Mapping[str, Any]:
        """Checksums of the checkpoint and all that changes an answer; how it is batched does not."""
        return {
            "family": {"name": self.family.name, "version": self.family.version},
            "weights": self._checksum,
            "adapter": self._adapter.key if self._adapter else None,
            "numbers": [self._numbers.weights, self._numbers.compute],
            "style": self._style,
            "answer_by": self._answer_by,
            "max_new_tokens": self._max_new_tokens,
            "prompt": PROMPT_VERSION,
            "torchvision": importlib.util.find_spec("torchvision") is not None,  # it resizes a little differently
        }

    def answer(self, samples: Sequence[Sample], root: Path) -> list[str]:
        """One reply a sample, in order."""
        if not samples:
            return []
        weighed = [place for place, sample in enumerate(samples) if self._answer_by == "options" and sample.options]
        spoken = sorted(set(range(len(samples))) - set(weighed))
        replies = [""] * len(samples)
        for places, way in ((weighed, self._choose), (spoken, self._speak)):
            for place, reply in zip(places, way([samples[place] for place in places], root), strict=True):
                replies[place] = reply
        return replies

    def weigh(self, samples: Sequence[Sample], root: Path) -> list[list[float]]:
        """Log-probability of every option of every sample as its reply, end mark included: a forward a batch."""
        from edt.students.hub.decode import takes_branches, weigh, weigh_plainly

        core = self.dress()
        asked = [core.prompts.options(sample, root) for sample in samples]
        lengths = [len(row) + sum(map(len, options)) for row, options in asked]

        def of(places: Sequence[int]) -> list[list[float]]:
            batch = [asked[place] for place in places]
            if takes_branches(core):
                return weigh(core, batch)
            return [weigh_plainly(core, row, options) for row, options in batch]

        return self._batched(lengths, of)

    def dress(self) -> HubCore:
        """The loaded parts, with this student's weights in them."""
        key, loaded = self.adapter_key(), self._loaded
        if loaded.core is not None and loaded.worn == key:
            return loaded.core
        with model_time("load"):
            core = loaded.core
            if core is None or (core.shape is not None and core.shape.kind == "full"):
                loaded.core = None  # what is tuned in full is not taken off: the memory goes before it is read again
                core = self._load()
            loaded.worn = None
            if self._adapter is None:
                core.undress()
            else:
                self._put_on(core, self._adapter)
            core.model.eval()
            loaded.core, loaded.worn = core, key
        return core

    def undress(self) -> None:
        """Say that the weights in the core are no longer those of any adapter: training is changing them."""
        self._loaded.worn = None

    def adapter_key(self) -> str:
        """Of the weights worn; empty for none."""
        return self._adapter.key if self._adapter else ""

    @property
    def worn(self) -> Adapter | None:
        """The adapter that it wears."""
        return self._adapter

    def node(self) -> Mapping[str, Any]:
        """The configuration that it comes from."""
        return {"_target_": f"{type(self).__module__}.{type(self).__qualname__}", **self._given}

    @property
    def adapter_folder(self) -> Path | None:
        return Path(self._adapter.path) if self._adapter else None

    def files(self) -> Files:
        """What of the checkpoint is here, and what is not: fetches nothing."""
        return look_at(self._model, revision=self._revision, precision=self._precision, on_gpu=self._device != "cpu")

    def checkpoint(self) -> Path:
        """Its files, fetched where they are not here yet."""
        return self._folder

    def rehearsal(self) -> Rehearsal:
        """What makes the rows of a training, by the processor alone."""
        from edt.students.hub.processor import Pictures

        return Rehearsal(Prompts(Pictures(self._folder, self.family), self.family, style=self._style))

    def checksum(self) -> str:
        """Of the checkpoint."""
        return self._checksum

    def trainable(self) -> HubTrainable:
        """What a tuner needs, starting from the weights worn now."""
        from edt.students.hub.trainable import HubTrainable

        return HubTrainable(self)

    def _speak(self, samples: Sequence[Sample], root: Path) -> list[str]:
        if not samples:
            return []
        from edt.students.hub.decode import generate

        core = self.dress()
        with model_time("look"):
            rows = core.prompts.rows(samples, root, with_reply=False)

        def of(places: Sequence[int]) -> list[str]:
            batch = [rows[place] for place in places]
            return [core.prompts.text(ids) for ids in generate(core, batch, max_new_tokens=self._max_new_tokens)]

        return self._batched(list(map(len, rows)), of)

    def _choose(self, samples: Sequence[Sample], root: Path) -> list[str]:
        if not samples:
            return []
        core = self.dress()
        chosen = []
        for sample, logs in zip(samples, self.weigh(samples, root), strict=True):
            best = max(range(len(logs)), key=logs.__getitem__)
            chosen.append(core.prompts.option_reply(sample.options[best]))
        return chosen

    def _batched(self, lengths: Sequence[int], work: Callable[[Sequence[int]], list[Any]]) -> list[Any]:
        """The results of `work` on places, longest first and in batches of like length, back in order."""
        from rich.progress import track

        order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
        starts = range(0, len(order), self._batch_size)
        results: list[Any] = [None] * len(order)
        with model_time("answer"):
            shown = bar_shown(self._progress)
            for start in track(starts, "answering", disable=not shown, transient=True):
                places = order[start : start + self._batch_size]
                for place, result in zip(places, work(places), strict=True):
                    results[place] = result
        return results

    def _put_on(self, core: HubCore, adapter: Adapter) -> None:
        folder = Path(adapter.path)
        facts = read_facts(folder)
        if facts.family != self.family.name or facts.base != core.checksum:
            raise EdtError(
                f"the adapter in {folder} was tuned on another checkpoint ({facts.family}); tune one on this"
            )
        if adapter_key(folder) != adapter.key:
            raise EdtError(f"the adapter in {folder} has changed since it was made; tune it again")
        core.dress(facts.shape)
        copy_into(core.state(), read_state(folder))

    def _load(self) -> HubCore:
        from edt.students.hub.core import HubCore

        log.info("student %s: %s", self.name, in_words(self._hardware, self._numbers))
        return HubCore(
            self._folder,
            self.family,
            numbers=self._numbers,
            hardware=self._hardware,
            style=self._style,
            features=self._features,
            gigabytes=self._features_gb,
            checksum=self._checksum,
        )

    @cached_property
    def _folder(self) -> Path:
        return find_folder(self._model, revision=self._revision)

    @cached_property
    def _checksum(self) -> str:
        return checksum_of(self._folder)

    @cached_property
    def _hardware(self) -> Hardware:
        return find_hardware(self._device)

    @property
    def _numbers(self) -> Numbers:
        return choose_numbers(self._precision, self._hardware)


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise EdtError(f"student.{name}={value!r} is unknown; choose one of {', '.join(known)}")
