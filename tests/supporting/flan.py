"""Files of LLaVA's format for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.pictures import drawn, put


def record(number: int, **changes: Any) -> dict[str, Any]:
    turns = [
        {"from": "human", "value": f"What is to be seen in the picture with the number {number}, say?\n<image>"},
        {"from": "gpt", "value": f"A box of the kind {number} that stands in front of another one."},
    ]
    data = {"id": f"r{number}", "task_name": f"task{number % 3}", "image": f"{number % 5}.png", "conversations": turns}
    return {**data, **changes}


def pictures(folder: Path, number: int = 5) -> Path:
    for index in range(number):
        put(folder, f"{index}.png", drawn(index))
    return folder


def write(path: Path, records: list[Any], *, form: str = "array") -> Path:
    lines = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in records]
    text = "[\n" + ",\n".join(lines) + "\n]\n" if form == "array" else "".join(line + "\n" for line in lines)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path
