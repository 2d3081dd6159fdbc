"""Several methods beside one another on one task, through the same code as `run.py`. Knows no method's parts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from edt.build import Builder
from edt.experiment import Finished, compose, perform

log = logging.getLogger("edt")


def compare(
    methods: Sequence[str],
    overrides: Sequence[str],
    folder: Path,
    *,
    builder: Builder | None = None,
    config_dir: Path | None = None,
) -> dict[str, Finished]:
    """Run each method with the same overrides into `folder/METHOD`; models and finished stages are shared."""
    builder = builder or Builder()
    finished: dict[str, Finished] = {}
    for number, method in enumerate(methods, start=1):
        log.info("── method %s (%d of %d)", method, number, len(methods))
        config = compose([f"method={method}", *overrides], config_dir=config_dir)
        finished[method] = perform(config, folder / method, builder=builder)
    return finished
