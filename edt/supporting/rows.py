"""Rows in an Arrow file as samples. Knows the mapping; holds no sample longer than it is looked at.

A row costs its bytes on disk, not memory: the file is mapped, and a `Sample` is
made when one is asked for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from edt.types import Sample

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class ArrowSamples(Sequence[Sample]):
    """The samples of a file, all or those of `chosen` (row numbers, in the order they are to have)."""

    def __init__(self, file: Path, chosen: np.ndarray | None = None) -> None:
        self.file, self._chosen = file, chosen

    def __len__(self) -> int:
        return self._starts[-1] if self._chosen is None else len(self._chosen)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...

    def __getitem__(self, index: int | slice) -> Sample | Sequence[Sample]:
        if isinstance(index, slice):
            import numpy as np

            rows = np.arange(len(self)) if self._chosen is None else self._chosen
            return ArrowSamples(self.file, rows[index])
        if not -len(self) <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        row = index % len(self) if self._chosen is None else int(self._chosen[index])
        number = bisect_right(self._starts, row) - 1
        columns, offset = self._columns[number], row - self._starts[number]
        return _sample(*(column[offset].as_py() for column in columns))

    def __iter__(self) -> Iterator[Sample]:
        """In order, a batch in memory at a time."""
        if self._chosen is not None:
            yield from (self[number] for number in range(len(self)))
            return
        for columns in self._columns:
            yield from map(_sample, *(column.to_pylist() for column in columns))

    def column(self, name: str) -> pa.ChunkedArray:
        """One column of all chosen rows: what needs no samples."""
        column = self._table.column(name)
        return column if self._chosen is None else column.take(self._chosen)

    @cached_property
    def _table(self) -> pa.Table:
        import pyarrow as pa

        with pa.memory_map(str(self.file)) as mapped:
            return pa.ipc.open_file(mapped).read_all()

    @cached_property
    def _columns(self) -> list[list[Any]]:
        return [batch.columns for batch in self._table.to_batches()]

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(batch.num_rows for batch in self._table.to_batches())]


def _sample(name: str, image: str, question: str, answer: str, task: str) -> Sample:
    return Sample(id=name, image=image, question=question, answer=answer, source_task=task)
