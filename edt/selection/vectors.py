"""Vectors that are costly to make, kept in the user's cache under the hash of all that they depend on.

Items come in runs of `CHUNK`, each a file of its own, so that a killed process
loses one run at most, and a run's vectors are the same bits whatever else is
in the cache.  Knows arrays and files; not what is embedded, nor how.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.clock import model_time
from edt.paths import cache_root, replacing
from edt.store.keys import digest
from edt.students.bar import bar_shown

if TYPE_CHECKING:
    import numpy as np

CHUNK = 64


class VectorCache:
    """Under `folder`; None is the user's cache."""

    def __init__(self, folder: str | None = None) -> None:
        self.folder = Path(folder) if folder else cache_root() / "selection"

    def rows(
        self,
        what: str,
        about: Mapping[str, Any],
        items: Sequence[Any],
        make: Callable[[int, int], np.ndarray],
    ) -> np.ndarray:
        """A row an item, in order. `make(start, stop)` gives those that are not there yet.

        `about` and each item are plain JSON data that say everything a row
        depends on.  A damaged file is made again; a second process waits.
        """
        import numpy as np
        from filelock import FileLock
        from rich.progress import track

        if not items:
            raise ValueError(f"there is nothing to make {what} of")
        folder = self.folder / digest([what, about])
        folder.mkdir(parents=True, exist_ok=True)
        starts = range(0, len(items), CHUNK)
        found = []
        with FileLock(folder / ".lock"):
            for start in track(starts, what, disable=not bar_shown(True), transient=True):
                stop = min(start + CHUNK, len(items))
                file = folder / f"{digest(items[start:stop])}.npz"
                rows = _read(file, stop - start)
                if rows is None:
                    with model_time("select"):
                        rows = np.asarray(make(start, stop), dtype=np.float32)
                    with replacing(file) as beside, beside.open("wb") as stream:
                        np.savez(stream, rows=rows)
                found.append(rows)
        return np.concatenate(found)


def _read(file: Path, num: int) -> np.ndarray | None:
    """The rows in a file; None where there is none, or its checksum or shape is not right."""
    import numpy as np

    try:
        with np.load(file, allow_pickle=False) as archive:
            rows = archive["rows"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return rows if rows.ndim == 2 and len(rows) == num and rows.dtype == np.float32 else None
