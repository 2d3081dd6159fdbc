"""A teacher out of a folder: any causal language model, or the text path of any LMM, that transformers reads.

Knows settings and checksums; the model is loaded by `engine` on first use.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from functools import cached_property, lru_cache, partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from edt.clock import model_time
from edt.errors import EdtError
from edt.protocols import Capabilities, Rationale
from edt.store.keys import digest
from edt.teachers.bar import bar
from edt.teachers.callbook import CallBook
from edt.teachers.chat import check_chat
from edt.teachers.memory import Memory, Said
from edt.teachers.sources import check_source
from edt.threads import Halted, side_by_side
from edt.types import to_json

if TYPE_CHECKING:
    from edt.teachers.engine import Engine

DTYPES = ("float32", "bfloat16")
QUANTISATIONS = ("none", "nf4")
_SUFFIXES = {".json", ".jinja", ".model", ".safetensors", ".txt"}


class LocalTeacher:
    """Completes and weighs with the model of `folder`, in `dtype` (float32 or bfloat16), on a GPU where there is one.

    Of an LMM it is the text path; `quantisation` is "none" or "nf4".

    `chat` is "auto" (the tokenizer's own template), "chatml" (without a system
    message) or "plain"; in a chat, steps and probe of a rationale begin the
    reply.  An option's weight is the sum of its tokens' log-probabilities, so
    that it is a probability of the whole option; `normalise_length` takes their
    mean instead.  `tree` weighs all prefixes at once.  `source` says where
    probabilities come from, and can only be `local` here.  With a call book in
    `calls`, nothing is worked out twice, and all is counted.  One that was only
    taught to write `one_line` is never asked for more.
    """

    can = Capabilities(logprobs=True, completion=True, batch=True, sources=("local",))

    def __init__(
        self,
        folder: str | Path,
        *,
        adapter: str | Path | None = None,
        name: str | None = None,
        chat: str = "auto",
        batch_size: int = 16,
        normalise_length: bool = False,
        tree: bool = True,
        dtype: str = "float32",
        quantisation: str = "none",
        source: str = "local",
        calls: str | Path | None = None,
        one_line: bool = False,
        missing: str = "name another folder",
    ) -> None:
        if batch_size < 1:
            raise EdtError(f"teacher.batch_size is {batch_size}; it must be 1 or more")
        if dtype not in DTYPES:
            raise EdtError(f"teacher.dtype={dtype!r} is unknown; choose one of {', '.join(DTYPES)}")
        if quantisation not in QUANTISATIONS:
            raise EdtError(
                f"teacher.quantisation={quantisation!r} is unknown; choose one of {', '.join(QUANTISATIONS)}"
            )
        if adapter and quantisation != "none":
            raise EdtError(
                "teacher.adapter is merged into the weights, which NF4 ones do not take; leave one of them out"
            )
        self._folder = Path(folder).expanduser()
        self._adapter = Path(adapter).expanduser() if adapter else None
        self.name = name or self._folder.name
        self._chat, self._batch_size = check_chat(chat), batch_size
        self._normalise_length, self._tree, self._missing = normalise_length, tree, missing
        self._dtype, self._quantisation = dtype, quantisation
        self._one_line = one_line
        check_source(source, self.can.sources, self.name)
        self._memory = Memory(CallBook(calls) if calls else None, self.name)

    def fingerprint(self) -> dict[str, Any]:
        """Checksums of the weights and what changes a result; how it is batched does not."""
        self._look()
        return {
            "model": folder_digest(self._folder),
            "adapter": folder_digest(self._adapter) if self._adapter else None,
            "chat": self._chat,
            "normalise_length": self._normalise_length,
            "dtype": self._dtype,
            **({"quantisation": self._quantisation} if self._quantisation != "none" else {}),
        }

    def prepare(self) -> None:
        """See `Teacher`; the model is looked for, and not loaded yet."""
        self._look()

    def complete(self, prompts: Sequence[str], *, max_tokens: int, lines: bool = False) -> list[str]:
        """See `Teacher`; prompts are batched by length, replies come in the order asked."""
        more = {"lines": True} if lines and not self._one_line else {}
        return self._memory.through(
            [{**self._who, "complete": prompt, "max_tokens": max_tokens, **more} for prompt in prompts],
            lambda places: self._completed([prompts[place] for place in places], max_tokens, lines=bool(more)),
        )

    def pace(self, prompts: Sequence[str], *, max_tokens: int) -> float | None:
        """See `Paced`: a batch is tried, past the call book."""
        if not prompts:
            return None
        self._completed(prompts[:1], max_tokens)  # loads the model
        start = time.perf_counter()
        self._completed(prompts[: self._batch_size], max_tokens)
        return (time.perf_counter() - start) / min(len(prompts), self._batch_size)

    def weigh(self, rationales: Sequence[Rationale]) -> list[list[list[float]]]:
        """See `Teacher`; one forward a rationale, on a CPU as many at a time as there are cores."""
        return self._memory.through(
            [{**self._who, "weigh": to_json(rationale)} for rationale in rationales],
            lambda places: self._weighed([rationales[place] for place in places]),
        )

    @cached_property
    def _who(self) -> dict[str, str]:
        """What a kept call says of this teacher; nothing where none are kept, as checksums take their time."""
        return {"model": self.name, "teacher": digest(self.fingerprint())} if self._memory.keeps else {}

    def _completed(self, prompts: Sequence[str], max_tokens: int, *, lines: bool = False) -> list[Said]:
        replies = [""] * len(prompts)
        if not prompts:
            return []
        with model_time("teacher"):
            found = self._engine.complete(prompts, max_tokens=max_tokens, batch_size=self._batch_size, lines=lines)
            with bar("teacher completes", len(prompts)) as advance:
                for place, reply in found:
                    replies[place] = reply
                    advance()
        words = self._engine.vocabulary
        return [
            Said(value=reply, prompt_tokens=len(words.opening(prompt)), completion_tokens=len(words.ids(reply)))
            for prompt, reply in zip(prompts, replies, strict=True)
        ]

    def _weighed(self, rationales: Sequence[Rationale]) -> list[Said]:
        if not rationales:
            return []
        with model_time("teacher"):
            engine = self._engine
            first = engine.weigh(rationales[0], normalise_length=self._normalise_length)  # proves the way for the rest
            with bar("teacher weighs", len(rationales)) as advance:

                def weigh(rationale: Rationale, stop: Event) -> list[list[float]]:
                    if stop.is_set():
                        raise Halted
                    weights = engine.weigh(rationale, normalise_length=self._normalise_length)
                    advance()
                    return weights

                advance()
                work = [partial(weigh, rationale) for rationale in rationales[1:]]
                at_once = engine.model.device.type == "cpu"
                rest = side_by_side(work) if at_once else [piece(Event()) for piece in work]
        words = engine.vocabulary
        return [
            Said(
                value=weights, prompt_tokens=len(words.opening(r.head)) + sum(len(words.ids(step)) for step in r.steps)
            )
            for r, weights in zip(rationales, [first, *rest], strict=True)
        ]

    @cached_property
    def _engine(self) -> Engine:
        from edt.teachers.engine import load_engine

        self._look()
        return load_engine(
            self._folder,
            adapter=self._adapter,
            chat=self._chat,
            tree=self._tree,
            dtype=self._dtype,
            quantisation=self._quantisation,
        )

    def _look(self) -> None:
        for what, folder in (("language model", self._folder), ("adapter", self._adapter)):
            if folder is not None and not folder.is_dir():
                raise EdtError(f"the {what} of teacher {self.name!r} is not at {folder}; {self._missing}")


def folder_digest(folder: Path) -> str:
    """A hash of the names and contents of the model files in `folder`."""
    files = sorted(file for file in folder.iterdir() if file.suffix in _SUFFIXES and not file.name.startswith("."))
    whole = hashlib.sha256()
    for file in files:
        stat = file.stat()
        whole.update(f"{file.name}:{_file_digest(file, stat.st_size, stat.st_mtime_ns)}\n".encode())
    return whole.hexdigest()[:16]


@lru_cache
def _file_digest(file: Path, size: int, changed: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
