"""Reads an offline W&B folder back: the records of its `.wandb` file, a log in LevelDB's format."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2

HEADER, BLOCK, CHUNK_HEADER = 7, 32 * 1024, 7


def records(folder: Path) -> list[Any]:
    """All records of the one run in `folder`."""
    (path,) = folder.glob("*.wandb")
    return [_record(blob) for blob in _blobs(path.read_bytes())]


def written(folder: Path) -> tuple[Path, list[Any]]:
    """The offline run of `folder` and its records; W&B's own process may write the last ones after `finish`."""
    (found,) = (folder / "wandb").glob("offline-run-*")
    all_records: list[Any] = []
    for _ in range(100):
        all_records = records(found)
        if any(record.WhichOneof("record_type") == "exit" for record in all_records):
            break
        time.sleep(0.1)
    return found, all_records


def logged_table(folder: Path, all_records: list[Any], key: str) -> dict[str, Any]:
    """Columns and data of the table that was logged under `key`: its row points to a file of the run's folder."""
    (pointer,) = (json.loads(row[key]) if isinstance(row[key], str) else row[key] for row in _nested(all_records, key))
    return json.loads((folder / "files" / pointer["path"]).read_text("utf-8"))


def _nested(all_records: list[Any], key: str) -> list[dict[str, Any]]:
    """Logged rows that have `key`, whose value may be there whole or by its parts."""
    rows = []
    for row in history(all_records):
        parts = {name.removeprefix(f"{key}."): value for name, value in row.items() if name.startswith(f"{key}.")}
        if key in row or parts:
            rows.append({key: row.get(key, parts)})
    return rows


def _record(blob: bytes) -> Any:
    record = wandb_internal_pb2.Record()  # pyright: ignore[reportAttributeAccessIssue]
    record.ParseFromString(blob)
    return record


def _blobs(data: bytes) -> Iterator[bytes]:
    assert data[:4] == b":W&B"
    place, joined = HEADER, b""
    while place + CHUNK_HEADER <= len(data):
        if BLOCK - place % BLOCK < CHUNK_HEADER:
            place += BLOCK - place % BLOCK
            continue
        length = int.from_bytes(data[place + 4 : place + 6], "little")
        kind = data[place + 6]
        joined += data[place + CHUNK_HEADER : place + CHUNK_HEADER + length]
        place += CHUNK_HEADER + length
        if kind in (1, 4):  # a whole record, or the last piece of one
            yield joined
            joined = b""


def summary(all_records: list[Any]) -> dict[str, Any]:
    """What stands beside the run's name at its end, nested keys joined by dots."""
    said: dict[str, Any] = {}
    for record in all_records:
        if record.WhichOneof("record_type") == "summary":
            items = record.summary.update
            said |= {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}
    return said


def history(all_records: list[Any]) -> list[dict[str, Any]]:
    """The logged rows, nested keys joined by dots."""
    rows = []
    for record in all_records:
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            rows.append({item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items})
    return rows
