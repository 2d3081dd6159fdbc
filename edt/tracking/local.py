"""A run's story as JSON lines on local disk: the truth, of which all else is a mirror. Knows files only."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import yaml

EVENTS, CONFIG = "events.jsonl", "config.yaml"


class LocalTracker:
    """Writes `config.yaml` once and a line of `events.jsonl` an event, on disk when `log` returns."""

    def __init__(self) -> None:
        self._events: Path | None = None

    def start(self, config: Mapping[str, Any], folder: Path) -> None:
        """`config` is resolved and free of secrets; a folder that has events already gets further ones."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True), "utf-8")
        self._events = folder / EVENTS
        with self._events.open("ab+") as stream:
            if stream.tell() and not _ends_line(stream):
                stream.write(b"\n")  # a killed run was cut off in the middle of a line
        self.log("start", {})

    def log(self, event: str, record: Mapping[str, Any]) -> None:
        if self._events is None:
            raise ValueError("start the tracker before logging to it")
        line = json.dumps({"event": event, "time": round(time.time(), 3), **record}, ensure_ascii=False)
        with self._events.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def finish(self, status: str) -> None:
        self.log("finish", {"status": status})


def _ends_line(stream: BinaryIO) -> bool:
    stream.seek(-1, os.SEEK_END)
    return stream.read(1) == b"\n"


def read_events(folder: Path) -> list[dict[str, Any]]:
    """The events of a run's folder, in order; a last line that was cut off by a kill is left out."""
    events = []
    for line in (folder / EVENTS).read_text("utf-8", errors="replace").splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:
            continue
    return events
