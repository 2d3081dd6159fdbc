"""LLaVA 1.5: a CLIP tower, two projecting layers, a Llama. 576 tokens a picture, whatever its size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edt.students.hub.family import Facts, Family
from edt.students.hub.student import HubStudent


def look(body: Any, inputs: Mapping[str, Any]) -> Any:
    """The last but one layer of the tower, without its summary token: (tokens, width of the tower)."""
    config = body.config
    states = body.vision_tower(inputs["pixel_values"], output_hidden_states=True).hidden_states
    chosen = states[config.vision_feature_layer][0]
    return chosen[1:] if config.vision_feature_select_strategy == "default" else chosen


def project(body: Any, seen: Any, facts: Facts) -> Any:
    return body.multi_modal_projector(seen)


class Llava(HubStudent):
    """See `HubStudent` for the settings."""

    family = Family(
        name="llava",
        model_type="llava",
        processor="LlavaProcessor",
        language_model="language_model",
        tower="vision_tower",
        projector=("multi_modal_projector",),
        skip=("lm_head", r".*vision_tower", r".*multi_modal_projector"),
        end="</s>",
        one_size=True,
        look=look,
        project=project,
    )
