"""Qwen2-VL and Qwen2.5-VL: a tower of any resolution, and positions in three dimensions.

The tower ends in the space of words, so there is no projector to tune. A
picture's tokens lie on a grid: their positions count rows and columns, and what
follows goes on from the longer side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edt.students.hub.family import Facts, Family
from edt.students.hub.student import HubStudent


def look(body: Any, inputs: Mapping[str, Any]) -> Any:
    return body.get_image_features(inputs["pixel_values"], inputs["image_grid_thw"]).pooler_output[0]


def project(body: Any, seen: Any, facts: Facts) -> Any:
    return seen


def _positions(body: Any, ids: Any, seen: Any, pictures: Any, facts: Sequence[Facts]) -> Any:
    """(3, b, t), by the model's own rule."""
    import torch

    grids = [one["image_grid_thw"] for one in facts if one]
    found, _ = body.get_rope_index(
        ids,
        mm_token_type_ids=pictures.int(),
        image_grid_thw=torch.tensor(grids, device=ids.device) if grids else None,
        attention_mask=seen,
    )
    return found


def _family(name: str, model_type: str, processor: str) -> Family:
    return Family(
        name=name,
        model_type=model_type,
        processor=processor,
        language_model="language_model",
        tower="visual",
        skip=("lm_head", r".*visual"),
        end="<|im_end|>",
        facts=("image_grid_thw",),
        look=look,
        project=project,
        positions=_positions,
    )


class Qwen2Vl(HubStudent):
    """See `HubStudent` for the settings."""

    family = _family("qwen2_vl", "qwen2_vl", "Qwen2VLProcessor")


class Qwen25Vl(HubStudent):
    """See `HubStudent` for the settings."""

    family = _family("qwen2_5_vl", "qwen2_5_vl", "Qwen2_5_VLProcessor")
