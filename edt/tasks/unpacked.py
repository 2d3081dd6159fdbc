"""Pictures that lie inside a dataset's own files, taken out into the cache once, under the hash of their bytes.

Knows how a folder of pictures and questions is written and found again; not
what the files look like that they come from.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from pathlib import Path

from edt.errors import EdtError
from edt.images.inside import ImageFault, check_picture
from edt.paths import cache_root, check_writable
from edt.store.keys import digest
from edt.tasks.items import Item
from edt.types import from_json, to_json

ITEMS = "items.jsonl"
Keep = Callable[[bytes, str], str]
"""Keeps a picture's bytes, and says under which name; the second argument is for messages: which row it is of."""


def unpacked_folder(name: str, files: Sequence[Path]) -> Path:
    """Where the pictures of the dataset `name` are, or will be: by place, size and date of its files, which need not be
    there."""
    stats = [(os.path.realpath(file), os.stat(file)) for file in files if file.is_file()]
    key = digest([[path, stat.st_size, stat.st_mtime_ns] for path, stat in stats])
    return cache_root() / "tasks" / f"{name}-{key[:16]}"


def unpack(folder: Path, read: Callable[[Keep], Iterable[Item]]) -> list[Item]:
    """The items in `folder`, made now where they are not there yet by `read`, which hands each picture to be kept."""
    from filelock import FileLock

    check_writable(folder.parent, "the cache folder ($EDT_CACHE)")
    with FileLock(f"{folder}.lock"):
        if not (folder / ITEMS).is_file():
            part = folder.with_name(f"{folder.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            lines = [json.dumps(to_json(item), ensure_ascii=False) + "\n" for item in read(_keeper(part))]
            (part / ITEMS).write_text("".join(lines), "utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            os.rename(part, folder)
    with (folder / ITEMS).open(encoding="utf-8") as stream:
        return [from_json(Item, json.loads(line)) for line in stream]


def _keeper(folder: Path) -> Keep:
    def keep(data: bytes, row: str) -> str:
        name = hashlib.sha256(data).hexdigest()[:32]
        inside = f"{name[:2]}/{name}"
        path = folder / inside
        if not path.exists():
            try:
                check_picture(BytesIO(data), decode=True)
            except ImageFault as fault:
                raise EdtError(f"the picture of {row} {fault}; get the dataset's file anew") from None
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        return inside

    return keep
