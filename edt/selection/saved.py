"""Indexes on disk: plain arrays and lists of text, verified when they are read. Knows files, not scores.

They lie in the user's cache in a store of the stages' kind: made beside and
renamed into place, a manifest with checksums last, a damaged one made again with
a message.  What was not used for longest makes room for what comes.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from edt.paths import cache_root
from edt.selection.index import Bm25Index
from edt.store.folders import MANIFEST, Store
from edt.store.keys import canonical, digest

if TYPE_CHECKING:
    from edt.selection.postings import Scoring

VERSION = 1
"""Raise it when the arrays come to mean something else."""
MOST_BYTES = 2_000_000_000
ARRAYS = ("starts", "texts", "impacts", "firsts", "members")
FACTS, STAGE = "facts.json", "index"
log = logging.getLogger("edt")


def indexes_root() -> Path:
    """The folder of saved indexes."""
    return cache_root() / "bm25"


def saved_index(
    make: Callable[[], Bm25Index],
    *,
    samples: Mapping[str, Any],
    scoring: Scoring,
    root: Path | None = None,
    most_bytes: int = MOST_BYTES,
) -> Bm25Index:
    """The index of these samples under this scoring: read where it is there and whole, else made by `make` and saved.

    `samples` is plain data that changes whenever ids or texts do.  All indexes
    under `root` together are kept within `most_bytes`, as far as others than
    this one can make room.
    """
    root = root or indexes_root()
    facts = {"version": VERSION, "samples": samples, "scoring": asdict(scoring)}
    key, made = digest(facts), list[Bm25Index]()

    def write(folder: Path) -> None:
        made.append(make())
        _write(folder, made[0], facts)

    store = Store(root)
    stored = store.fetch(STAGE, key, write, about={"facts": facts})
    if stored.reused and not _is_of(stored.folder, facts):
        log.warning("%s is the index of other samples or settings; it is made again", stored.folder)
        shutil.rmtree(stored.folder)
        stored = store.fetch(STAGE, key, write, about={"facts": facts})
    os.utime(stored.folder / MANIFEST)  # used just now
    _make_room(root, stored.folder, most_bytes)
    return made[0] if made else _read(stored.folder, scoring)


def _write(folder: Path, index: Bm25Index, facts: Mapping[str, Any]) -> None:
    import numpy as np

    postings = index.postings
    assert postings is not None, "only the indexed backend has arrays to save"
    for name in ARRAYS:
        np.save(folder / f"{name}.npy", getattr(postings, name), allow_pickle=False)
    lists = {"ids": index.ids, "documents": index.texts, "vocabulary": list(postings.vocabulary)}
    for name, values in lists.items():
        (folder / f"{name}.json").write_text(json.dumps(values, ensure_ascii=False), "utf-8", "surrogatepass")
    (folder / FACTS).write_text(canonical(facts), "utf-8")


def _read(folder: Path, scoring: Scoring) -> Bm25Index:
    import numpy as np

    from edt.selection.postings import Postings

    arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in ARRAYS}
    assert {field.name for field in fields(Postings)} == {"vocabulary", *ARRAYS}
    ids, documents, words = (
        json.loads((folder / f"{name}.json").read_text("utf-8", "surrogatepass"))
        for name in ("ids", "documents", "vocabulary")
    )
    vocabulary = {word: number for number, word in enumerate(words)}
    return Bm25Index.of(ids, documents, Postings(vocabulary=vocabulary, **arrays), scoring)


def _is_of(folder: Path, facts: Mapping[str, Any]) -> bool:
    """Whether a folder that bears the right name, as after a copy, was also made of the right things."""
    try:
        return (folder / FACTS).read_text("utf-8") == canonical(facts)
    except (OSError, ValueError):
        return False


def _make_room(root: Path, kept: Path, most_bytes: int) -> None:
    """Remove what was not used for longest; what another process makes or waits for just now is left alone."""
    folders = [path.parent for path in root.glob(f"{STAGE}/*/{MANIFEST}")]
    others = sorted((path for path in folders if path != kept), key=_last_used)
    sizes = {path: _size(path) for path in folders}
    while others and sum(sizes.values()) > most_bytes:
        oldest = others.pop(0)
        try:
            with FileLock(f"{oldest}.lock", timeout=0):
                shutil.rmtree(oldest, ignore_errors=True)
        except Timeout:
            continue
        del sizes[oldest]


def _last_used(folder: Path) -> float:
    try:
        return (folder / MANIFEST).stat().st_mtime
    except OSError:  # another process has just removed it
        return 0.0


def _size(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.iterdir())
    except OSError:
        return 0
