"""Files of samples: JSON lines, one `Sample` each."""

from __future__ import annotations

import json
from pathlib import Path

from edt.errors import EdtError
from edt.types import Sample, from_json


def read_samples(file: Path) -> list[Sample]:
    """All samples of a file, in order.

    Raises EdtError, with file and line, where the file is missing or a line is no sample.
    """
    if not file.exists():
        raise EdtError(f"the file {file} is not there; make Pocket's data with `python -m edt.pocket.setup`")
    samples: list[Sample] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            samples.append(from_json(Sample, json.loads(line)))
        except (ValueError, TypeError) as error:
            raise EdtError(
                f"{file}, line {number}, is no sample: {error}; delete the file and set Pocket up again"
            ) from error
    return samples
