"""The pocket student: SmolLM2-135M in NF4, a frozen EfficientNet-lite0, and the adapter that it wears.

Light to build: weights are loaded when a first question is asked. Students
that differ only in what they wear share what is loaded. Knows how to answer
and what its answers depend on, not how it is tuned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from edt.clock import model_time
from edt.errors import EdtError
from edt.students.adapter import adapter_key, load_state, read_facts, read_state
from edt.students.bar import bar_shown
from edt.students.checksums import remembered_checksum
from edt.students.core import Core, Places
from edt.students.features import VERSION as FEATURES_VERSION
from edt.students.rows import runs
from edt.threads import side_by_side
from edt.types import Adapter, Sample

if TYPE_CHECKING:
    from edt.students.decoder import Decoder
    from edt.students.trainable import PocketTrainable

PROMPT_VERSION = 1
"""Raised when the words around a question change."""
SHIPPED = Path(__file__).parents[1] / "pocket" / "weights" / "student"
"""The base adapter that is kept in the repository."""
SIDES = 2
"""Batches that a set of answers comes in at least, to be worked side by side: as many on every machine, whatever
its cores, for padding moves the last bits of a product."""


@dataclass(kw_only=True)
class _Loaded:
    """What students of one family share."""

    core: Core | None = None
    worn: str | None = None
    """Key of the adapter whose weights are in the core; None while they are unknown."""
    decoder: Decoder | None = None
    """A merged copy of the core as it wears `worn`."""


class PocketStudent:
    """Settings:

    base: folder of the adapter that counts as pre-trained; default: the shipped one.
    language_model, tower, features: folders; default: in the pocket cache.
    quantisation: nf4 (double-quantised) or none.
    materialise: keep dequantised weights at hand in training: other roundings, and faster by far on a CPU.
    max_new_tokens: a longer reply is cut off and counts as it stands.
    batch_size: the most rows answered at a time; batches are of even size. It changes no answer, as progress does not.
    """

    loads = ("edt.students.decoder", "edt.students.trainable", "transformers", "bitsandbytes")

    def __init__(
        self,
        *,
        base: str | None = None,
        language_model: str | None = None,
        tower: str | None = None,
        features: str | None = None,
        quantisation: str = "nf4",
        materialise: bool = True,
        max_new_tokens: int = 64,
        batch_size: int = 64,
        progress: bool = True,
    ) -> None:
        if not isinstance(materialise, bool):
            raise EdtError(f"student.materialise={materialise!r} must be true or false")
        for name, value in (("max_new_tokens", max_new_tokens), ("batch_size", batch_size)):
            if value < 1:
                raise EdtError(f"student.{name}={value} must be at least 1")
        pocket = Places.of_pocket()
        self._places = Places(
            language_model=Path(language_model) if language_model else pocket.language_model,
            tower=Path(tower) if tower else pocket.tower,
            features=Path(features) if features else pocket.features,
        )
        self._base = Path(base) if base else SHIPPED
        self._adapter: Adapter | None = None
        self._quantisation = quantisation
        self.name = "pocket" if quantisation == "nf4" else "pocket_unquantised"
        self._materialise = materialise
        self._max_new_tokens = max_new_tokens
        self._batch_size = batch_size
        self._progress = progress
        self._loaded = _Loaded()

    def wearing(self, adapter: Adapter | None) -> PocketStudent:
        """The same student in other trained weights; None is the pre-trained one."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._adapter = adapter
        return twin

    def fingerprint(self) -> Mapping[str, Any]:
        """Checksums of everything that an answer depends on, and the settings that change one."""
        from edt.pocket.home import SETUP_COMMAND

        try:
            files = {
                "language_model": remembered_checksum(self._places.language_model / "model.safetensors"),
                "tokenizer": remembered_checksum(self._places.language_model / "tokenizer.json"),
                "tower": remembered_checksum(self._places.tower / "tower.safetensors"),
            }
        except FileNotFoundError as error:
            raise EdtError(f"the pocket student is not set up: no {error.filename}; run `{SETUP_COMMAND}`") from None
        return {
            **files,
            "adapter": self.adapter_key(),
            "quantisation": self._quantisation,
            "materialise": self._materialise,
            "max_new_tokens": self._max_new_tokens,
            "prompt": PROMPT_VERSION,
            "features": FEATURES_VERSION,
        }

    @property
    def places(self) -> Places:
        """Where its parts are."""
        return self._places

    @property
    def adapter_folder(self) -> Path:
        """Where the weights are that this student wears."""
        return Path(self._adapter.path) if self._adapter else self._base

    def adapter_key(self) -> str:
        """Of the weights worn; raises EdtError where they are missing, or are not what they are said to be."""
        if self._adapter is None:
            return adapter_key(self._base)
        return self._adapter.key

    def answer(self, samples: Sequence[Sample], root: Path) -> list[str]:
        """One reply a sample, in order; greedy, in batches of like length."""
        if not samples:
            return []
        import torch
        from rich.progress import Progress

        core = self.dress()
        with model_time("look"):
            rows = core.rows(samples, root, with_reply=False)
        with model_time("load"):
            decoder = self._decoder(core)
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]), reverse=True)
        replies = [""] * len(rows)
        with Progress(disable=not bar_shown(self._progress), transient=True) as bar, model_time("answer"):
            task = bar.add_task("answering", total=len(rows))

            def reply(batch: Sequence[int], stop: Event) -> None:
                features = torch.stack([torch.from_numpy(core.store.load(rows[i].image)) for i in batch]).float()
                prompts = [rows[index].prompt for index in batch]
                length = self._max_new_tokens
                texts = decoder.generate(prompts, features, end=core.chat.end, max_new_tokens=length, stop=stop)
                for index, ids in zip(batch, texts, strict=True):
                    replies[index] = core.chat.text(ids)
                bar.advance(task, len(batch))

            # a small last batch would cost as many passes as a full one, so all are of like size
            count = max(-(-len(rows) // self._batch_size), min(SIDES, len(rows)))
            side_by_side([partial(reply, batch) for batch in runs(order, count)])
        return replies

    def dress(self) -> Core:
        """The loaded parts, with this student's weights in them."""
        key, loaded = self.adapter_key(), self._loaded
        if loaded.core is not None and loaded.worn == key:
            return loaded.core
        with model_time("load"):
            facts = read_facts(self.adapter_folder)
            if adapter_key(self.adapter_folder) != key:
                raise EdtError(f"the adapter in {self.adapter_folder} has changed since it was made; tune it again")
            core = loaded.core or self._load(rank=facts.rank, alpha=facts.alpha, grid=facts.grid)
            loaded.worn = loaded.decoder = None
            load_state(core.model, read_state(self.adapter_folder))
            loaded.core, loaded.worn = core, key
        return core

    def undress(self) -> None:
        """Say that the weights in the core are no longer those of any adapter: training is changing them."""
        self._loaded.worn = self._loaded.decoder = None

    def trainable(self) -> PocketTrainable:
        """What a tuner needs, starting from the weights worn now."""
        from edt.students.trainable import PocketTrainable

        return PocketTrainable(self)

    def _load(self, *, rank: int, alpha: int, grid: int) -> Core:
        return Core(
            self._places,
            rank=rank,
            alpha=alpha,
            grid=grid,
            quantisation=self._quantisation,
            materialise=self._materialise,
            progress=self._progress,
        )

    def _decoder(self, core: Core) -> Decoder:
        from edt.students.decoder import Decoder

        if self._loaded.decoder is None:
            core.answering()
            self._loaded.decoder = Decoder(core.model)
        return self._loaded.decoder
