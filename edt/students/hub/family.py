"""What sets one model family of the hub apart from another. Knows names and shapes; loads nothing.

`body` is what transformers calls `model.model`: the vision tower, what leads
from it to the language model (here: the projector) and the language model
without its head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Facts = Mapping[str, tuple[int, ...]]
"""What a family has to know of one picture beside its pixels, by the name that the model's code gives it."""


def plain_positions(body: Any, ids: Any, seen: Any, pictures: Any, facts: Sequence[Facts]) -> Any:
    """(b, t) positions that count what a row sees, whatever side it is padded on."""
    return (seen.cumsum(-1) - 1).clamp(min=0)


@dataclass(frozen=True, kw_only=True)
class Family:
    """One architecture. Names of modules are those of the whole model, as `named_modules` gives them."""

    name: str
    model_type: str
    """As in the checkpoint's config.json: anything else is refused."""
    processor: str
    """Name of the processor's class in transformers."""
    language_model: str
    """The text model's attribute of the body."""
    tower: str
    """The frozen vision tower's attribute of the body."""
    projector: tuple[str, ...] = ()
    """Attributes of the body that are tuned beside the adapter; empty where the tower ends in the words' space."""
    skip: tuple[str, ...]
    """Patterns of what is never quantised. They are matched from the start of a full name or as a regex:
    a bare `vision_tower` skips nothing."""
    end: str
    """The token that closes a reply."""
    image_options: Mapping[str, Any] = field(default_factory=dict)
    """What the image processor is asked for beside its own settings."""
    facts: tuple[str, ...] = ()
    """Outputs of the image processor that depend on a picture's size only and are needed later."""
    one_size: bool = False
    """Whether every picture comes to the same number of tokens."""
    look: Callable[[Any, Mapping[str, Any]], Any]
    """(body, the image processor's output for one picture) to what is remembered of it: a tensor."""
    project: Callable[[Any, Any, Facts], Any]
    """(body, what `look` gave, facts) to embeddings (n, width), through the weights that may be tuned."""
    positions: Callable[[Any, Any, Any, Any, Sequence[Facts]], Any] = plain_positions
    """(body, ids (b, t), seen (b, t), image tokens (b, t), facts of the rows' pictures) to (b, t) or (3, b, t)."""
    version: int = 1
    """Raised when the same weights come to other answers."""

    @property
    def lora_targets(self) -> str:
        """Anchored to the language model: peft matches it against whole names, and towers have a `q_proj` too."""
        return rf"model\.{self.language_model}\.layers\.\d+\.(self_attn|mlp)\.(q|k|v|o|gate|up|down)_proj"

    @property
    def quantised(self) -> str:
        """Prefix of the layers that are quantised: those of the language model, and no others."""
        return f"model.{self.language_model}.layers."
