"""Sentence embeddings: a text as the mean of a small BERT's states. Knows texts and vectors, no skill or budget."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.errors import EdtError
from edt.selection.vectors import VectorCache
from edt.students.checksums import remembered_checksum

if TYPE_CHECKING:
    import numpy as np

VERSION = 1
"""Raised when a text's vector changes."""
MAX_TOKENS = 256
"""What all-MiniLM-L6-v2 was trained on; the rest of a longer text is cut off."""
COMMIT = re.compile(r"[0-9a-f]{40}")


class SentenceEncoder:
    """A BERT-like model whose mean states are sentence embeddings, such as all-MiniLM-L6-v2.

    `model` is a folder with config.json, tokenizer.json and model.safetensors,
    or a name on the model hub, which takes the commit as `revision`; None is
    the one of Pocket.  Loaded when a first text is embedded.
    """

    def __init__(self, model: str | None = None, *, revision: str | None = None, cache: str | None = None) -> None:
        self._folder = _folder(model)
        if self._folder is None and not COMMIT.fullmatch(revision or ""):
            raise EdtError(
                f"selector.model={model!r} is no folder here; for a model of the hub name its commit as well, "
                f"selector.revision=40 hexadecimal digits, and not {revision!r}"
            )
        self._model, self._revision = model, revision
        self._cache = VectorCache(cache)

    def fingerprint(self) -> Mapping[str, Any]:
        """Checksums of a folder's files; a hub model's name and commit."""
        if self._folder is None:
            return {"model": self._model, "revision": self._revision, "version": VERSION}
        try:
            names = ("model.safetensors", "tokenizer.json", "config.json")
            return {**{name: remembered_checksum(self._folder / name) for name in names}, "version": VERSION}
        except FileNotFoundError as error:
            from edt.pocket.home import SETUP_COMMAND

            way = "give another folder as selector.model" if self._model else f"run `{SETUP_COMMAND}`"
            raise EdtError(f"the sentence encoder is not there: no {error.filename}; {way}") from None

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """(n, width), a row a text in order; each distinct text is read once, and remembered."""
        import numpy as np

        distinct = sorted(set(texts))
        place = {text: at for at, text in enumerate(distinct)}
        rows = self._cache.rows(
            "sentence embeddings",
            {"encoder": self.fingerprint()},
            distinct,
            lambda start, stop: np.stack([self._vector(text) for text in distinct[start:stop]]),
        )
        return rows[[place[text] for text in texts]]

    def _vector(self, text: str) -> np.ndarray:
        """One at a time: padding would move the last bits."""
        import torch

        tokenizer, model = self._loaded
        ids = torch.tensor([tokenizer.encode(text).ids])
        with torch.inference_mode():
            return model(input_ids=ids).last_hidden_state[0].mean(0).float().numpy()

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        from tokenizers import Tokenizer
        from transformers import AutoModel

        from edt.students.quantisation import quiet

        self.fingerprint()  # says what is missing
        place = str(self._folder or self._model)
        pinned = {} if self._folder else {"revision": str(self._revision)}
        with quiet():
            model = AutoModel.from_pretrained(place, use_safetensors=True, trust_remote_code=False, **pinned)
        if self._folder:
            tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        else:
            tokenizer = Tokenizer.from_pretrained(place, **pinned)
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer, model.eval()


def _folder(model: str | None) -> Path | None:
    """The folder that `model` names; None where it is none, and so a name on the hub."""
    if model is None:
        from edt.pocket.encoder import encoder_folder
        from edt.pocket.home import default_home

        return encoder_folder(default_home())
    return Path(model) if Path(model).is_dir() else None
