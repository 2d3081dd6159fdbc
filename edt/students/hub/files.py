"""What of a checkpoint is here, what is missing of it, and the memory that its weights take. Loads and fetches nothing.

Of files that are here weights are counted in their headers; of a published
checkpoint that is not, its size is written down here.
"""

from __future__ import annotations

import json
import struct
from math import prod
from pathlib import Path

from edt.fetching import Files

PUBLISHED: dict[str, tuple[float, float]] = {
    "HuggingFaceTB/SmolVLM2-2.2B-Instruct": (9.0, 2.2),
    "Qwen/Qwen2-VL-7B-Instruct": (16.6, 8.3),
    "Qwen/Qwen2.5-VL-7B-Instruct": (16.6, 8.3),
    "llava-hf/llava-1.5-7b-hf": (14.1, 7.1),
    "llava-hf/llava-onevision-qwen2-0.5b-ov-hf": (1.8, 0.9),
    "llava-hf/llava-onevision-qwen2-7b-ov-hf": (16.1, 8.0),
}
"""GB to fetch, and weights in billions.

Of LLaVA-1.5, Qwen2-VL and SmolVLM2 by the file sizes on their pages of the hub; of Qwen2.5-VL by those of checkpoints
tuned from it; of LLaVA-OneVision by its authors' release of the same weights (0.5B) and by the count of weights that
checkpoints tuned from it state (7B); compare them with its own pages.
"""
BYTES = {"nf4": 0.7, "bf16": 2.0, "fp32": 4.0}
"""Of a weight, about: in 4 bits are the layers of the language model, the rest stays in 16."""
INDEX = "model.safetensors.index.json"


def look_at(model: str, *, revision: str | None, precision: str, on_gpu: bool) -> Files:
    """Of a folder, or a name of the hub; `auto` is told as on a GPU that has bf16."""
    from huggingface_hub import constants

    folder, into = Path(model).expanduser(), Path(constants.HF_HUB_CACHE)
    found = folder if folder.is_dir() else _cached(model, revision)
    size, billions = PUBLISHED.get(model, (None, None))
    whole = found is not None and _is_whole(found)
    if found is not None and whole:
        billions = _weights(found) / 1e9
    held = "bf16" if precision == "auto" else precision
    return Files(
        folder=found if whole else None,
        into=into,
        lacking_gb=0.0 if whole else None if size is None else max(0.0, size - _bytes(found) / 1e9),
        memory_gb=billions * BYTES[held] if on_gpu and billions is not None else None,
        precision=held,
    )


def _cached(model: str, revision: str | None) -> Path | None:
    """The hub's cache of it, without asking the hub."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None


def _is_whole(folder: Path) -> bool:
    """A snapshot whose fetching was cut off has fewer files than its index names."""
    try:
        named = set(json.loads((folder / INDEX).read_text("utf-8"))["weight_map"].values())
    except FileNotFoundError:
        return any(folder.glob("*.safetensors"))
    return all((folder / name).is_file() for name in named)


def _bytes(folder: Path | None) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors")) if folder else 0


def _weights(folder: Path) -> int:
    """Numbers in all safetensors, by their headers."""
    count = 0
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length))
        count += sum(prod(value["shape"]) for name, value in header.items() if name != "__metadata__")
    return count
