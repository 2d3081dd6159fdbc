"""SmolVLM, of Idefics3's kin: a SigLIP tower over tiles, a connector that shuffles pixels together, a Llama."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edt.students.hub.family import Facts, Family
from edt.students.hub.student import HubStudent


def look(body: Any, inputs: Mapping[str, Any]) -> Any:
    """(tiles, patches of a tile, width of the tower)"""
    mask = inputs.get("pixel_attention_mask")
    return body.get_image_features(inputs["pixel_values"], mask).last_hidden_state


def project(body: Any, seen: Any, facts: Facts) -> Any:
    return body.connector(seen).flatten(0, 1)


class SmolVlm(HubStudent):
    """See `HubStudent` for the settings."""

    family = Family(
        name="smolvlm",
        model_type="smolvlm",
        processor="SmolVLMProcessor",
        language_model="text_model",
        tower="vision_model",
        projector=("connector",),
        skip=("lm_head", r".*vision_model", r".*connector"),
        end="<end_of_utterance>",
        image_options={"return_row_col_info": True},
        look=look,
        project=project,
    )
