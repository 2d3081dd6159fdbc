"""LLaVA-OneVision: a SigLIP tower over tiles, two projecting layers, a Qwen2; a token closes every row of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edt.students.hub.family import Facts, Family
from edt.students.hub.student import HubStudent


def look(body: Any, inputs: Mapping[str, Any]) -> Any:
    """(tiles, tokens of a tile, width of the tower): the whole picture first, then its tiles."""
    config = body.config
    states = body.vision_tower(inputs["pixel_values"][0], output_hidden_states=True).hidden_states
    chosen = states[config.vision_feature_layer]
    return chosen[:, 1:] if config.vision_feature_select_strategy == "default" else chosen


def project(body: Any, seen: Any, facts: Facts) -> Any:
    """Tiles are put together and their padding is cut off, as the picture's own size says."""
    import torch

    tiles = body.multi_modal_projector(seen)
    sizes = torch.tensor([facts["image_sizes"]], device=tiles.device)
    packed, _ = body.pack_image_features(
        [tiles], sizes, image_newline=body.image_newline, vision_aspect_ratio=body.config.vision_aspect_ratio
    )
    return packed[0]


class LlavaOnevision(HubStudent):
    """See `HubStudent` for the settings."""

    family = Family(
        name="llava_onevision",
        model_type="llava_onevision",
        processor="LlavaOnevisionProcessor",
        language_model="language_model",
        tower="vision_tower",
        projector=("multi_modal_projector",),
        skip=("lm_head", r".*vision_tower", r".*multi_modal_projector"),
        end="<|im_end|>",
        facts=("image_sizes",),
        look=look,
        project=project,
    )
