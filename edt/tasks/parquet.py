"""Rows of a parquet file. Knows the format and its faults, not what is in a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edt.errors import EdtError

ROWS = 128
"""Read at once: rows of pictures are large."""


def rows_of(file: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Each row with all its columns, or with those named; EdtError where the file is no parquet or lacks one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
        if lacking := sorted(set(columns or ()) - set(table.schema_arrow.names)):
            raise EdtError(f"{file} has no column {lacking[0]!r}; it has {', '.join(table.schema_arrow.names)}")
        for batch in table.iter_batches(ROWS, columns=list(columns) if columns else None):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())
        raise EdtError(f"{file} cannot be read as parquet ({why:.200}); get the file anew") from None
