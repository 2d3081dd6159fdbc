"""Token ids of one exchange in SmolLM2's ChatML. Knows the words around a question, not what a picture is.

Ids are joined by segment, never by encoding a joined string, so a prompt's ids
do not depend on the reply. Words like `<|im_end|>` inside a question are
encoded as ordinary text.
"""

from __future__ import annotations

from pathlib import Path

from edt.errors import EdtError
from edt.pocket.home import SETUP_COMMAND

IMAGE = -1
"""Stands for one image token in a list of ids; it is no id of the vocabulary."""


class Chat:
    """Encodes questions and replies with the tokenizer in `folder`."""

    def __init__(self, folder: Path, *, num_image_tokens: int) -> None:
        from tokenizers import Tokenizer

        file = folder / "tokenizer.json"
        if not file.is_file():
            raise EdtError(f"no tokenizer at {file}: the pocket language model is not set up; run `{SETUP_COMMAND}`")
        self._tokenizer = Tokenizer.from_file(str(file))
        self._tokenizer.encode_special_tokens = True
        self._num_image_tokens = num_image_tokens
        self._start = self._mark("<|im_start|>")
        self.end = self._mark("<|im_end|>")

    def _mark(self, name: str) -> int:
        found = self._tokenizer.token_to_id(name)
        if found is None:
            raise EdtError(f"the tokenizer has no {name}: it is not the one of SmolLM2-Instruct; run `{SETUP_COMMAND}`")
        return found

    def _ids(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def prompt(self, question: str) -> list[int]:
        """Everything up to the reply, with `IMAGE` where the picture's tokens go."""
        picture = [IMAGE] * self._num_image_tokens
        user = [self._start, *self._ids("user\n"), *picture, *self._ids(question), self.end]
        return [*user, *self._ids("\n"), self._start, *self._ids("assistant\n")]

    def reply(self, text: str) -> list[int]:
        """What the student is to write: the reply and the end mark."""
        return [*self._ids(text), self.end]

    def text(self, ids: list[int]) -> str:
        """The words of generated ids, up to the end mark."""
        if self.end in ids:
            ids = ids[: ids.index(self.end)]
        return self._tokenizer.decode(ids, skip_special_tokens=True).strip()
