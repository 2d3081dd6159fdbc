"""A student lent to a selector: taken into training when it is first asked for, and given back. Knows no feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edt.errors import EdtError
from edt.protocols import Student
from edt.tuning.trainable import Shapeable, Tunable

if TYPE_CHECKING:
    from edt.tuning.trainable import Trainable


class Lent:
    """A block's loan of `student`; where everything is in a cache, no model is loaded for it."""

    def __init__(self, student: Student) -> None:
        self._student = student
        self._trainable: Trainable | None = None

    def __enter__(self) -> Lent:
        return self

    def __exit__(self, *_: object) -> None:
        if self._trainable is not None:
            self._trainable.stop()
            self._trainable = None

    def trainable(self) -> Trainable:
        """Its live weights; raises EdtError where it cannot be tuned, and so shows no gradient and no state."""
        if self._trainable is None:
            if not isinstance(self._student, Tunable):
                raise EdtError(
                    f"student {self._student.name!r} cannot be tuned, and so cannot be looked into; "
                    "choose another student, or a selector that asks none, such as selector=bm25"
                )
            self._trainable = self._student.trainable()
            if isinstance(self._trainable, Shapeable):
                self._trainable.prepare(kind="lora", rank=None, alpha=None, checkpointing=False)
            self._trainable.start(dropout=0.0, precision="fp32")
        return self._trainable
