"""How a reply is written: numbered steps, then the answer. Knows no model and reads no reply."""

from __future__ import annotations

from collections.abc import Sequence


def format_reply(rationale: Sequence[str], answer: str) -> str:
    """`Step 1: …`, `Step 2: …`, `Answer: …`, a line each; only the answer line where there are no steps."""
    steps = [f"Step {number}: {step.strip()}" for number, step in enumerate(rationale, start=1)]
    return "\n".join([*steps, f"Answer: {answer.strip()}"])
