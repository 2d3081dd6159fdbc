"""Chat formats: what stands before a prompt, and between it and the reply.

Knows strings; a tokenizer is only asked for its template.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edt.errors import EdtError
from edt.protocols import Rationale

CHATS = ("auto", "plain", "chatml")
_MARK = "\x02prompt\x02"


@dataclass(frozen=True)
class Chat:
    """A user's turn stands between `before` and `after`; the reply follows."""

    before: str
    after: str

    def opening(self, prompt: str) -> list[str]:
        """Segments up to the reply. In a chat the prompt loses its last line break: the turn ends there anyway."""
        if not self.after:
            return [prompt]
        return [self.before, prompt.removesuffix("\n"), self.after]

    def segments(self, rationale: Rationale) -> tuple[list[str], tuple[str, ...], str]:
        """Segments of the head, of the steps, and the probe: steps and probe begin the reply."""
        return self.opening(rationale.head), rationale.steps, rationale.probe


PLAIN = Chat("", "")
CHATML = Chat("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n")


def check_chat(name: str) -> str:
    """`name` itself, or an EdtError that names the choices."""
    if name not in CHATS:
        raise EdtError(f"teacher.chat is {name!r}; choose one of {', '.join(CHATS)}")
    return name


def chat_of(name: str, tokenizer: Any) -> Chat:
    """The format `name`: "chatml" (without a system message), "plain", or the tokenizer's own template as "auto".

    "auto" is plain where the tokenizer has no template.
    """
    if check_chat(name) == "chatml":
        return CHATML
    if name == "plain" or not getattr(tokenizer, "chat_template", None):
        return PLAIN
    messages = [{"role": "user", "content": _MARK}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    before, mark, after = text.partition(_MARK)
    if not mark or not after:
        raise EdtError("the teacher's chat template does not show where a reply begins; set teacher.chat=plain")
    return Chat(before, after)
