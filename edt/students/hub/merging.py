"""A checkpoint with an adapter in its weights, saved like any other. Knows folders and one whole model in memory."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from edt.errors import EdtError
from edt.paths import check_writable
from edt.students.hub.adapters import merge, read_facts, read_state
from edt.students.hub.hardware import Numbers, find_hardware
from edt.students.hub.weights import load_model, read_config

if TYPE_CHECKING:
    from edt.students.hub.student import HubStudent

KEPT = ("*.json", "*.jinja", "*.model", "*.txt")
"""What of the base is copied, beside what the model saves anew: tokenizer, processor, chat template."""


def save_merged(student: HubStudent, adapter: Path, out: Path) -> None:
    """Merge into the *unquantised* base, in bf16 where that is what the checkpoint is in, else in fp32.

    Raises EdtError where the adapter was tuned on another checkpoint.
    """
    base, facts = student.checkpoint(), read_facts(adapter)
    if facts.family != student.family.name or facts.base != student.checksum():
        raise EdtError(f"the adapter in {adapter} was tuned on another checkpoint than {base}; name the one it was")
    check_writable(out, "the folder of the merged model")
    kind = str(getattr(read_config(base, student.family), "dtype", None))
    numbers = Numbers(weights="bf16", compute="bf16") if "bfloat16" in kind else Numbers(weights="fp32", compute="fp32")
    model = load_model(base, student.family, numbers=numbers, hardware=find_hardware("cpu"))
    merge(model, read_state(adapter), facts)
    for pattern in KEPT:
        for file in base.glob(pattern):
            if not file.name.endswith(".index.json"):
                shutil.copyfile(file, out / file.name)
    model.save_pretrained(out)
