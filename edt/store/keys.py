"""Names for results: the hash of all that a result depends on. Knows JSON and SHA-256, no stage and no folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edt.errors import EdtError


def canonical(value: Any) -> str:
    """One JSON text for equal data; raises EdtError where the data are not plain JSON."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise EdtError(f"a fingerprint must be plain JSON data, and this is not: {value!r:.200} ({error})") from error


def digest(value: Any) -> str:
    """32 hexadecimal digits for a piece of plain JSON data."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:32]


def stage_key(name: str, version: int, *, inputs: Mapping[str, Any], parts: Mapping[str, Any], seed: int | None) -> str:
    """The key of a stage: its name and code version, what it reads, the parts it uses, and its seed.

    `seed` is None for a stage without chance, so that seeds share its result.
    """
    return digest({"stage": name, "version": version, "inputs": inputs, "parts": parts, "seed": seed})


def checksum(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
