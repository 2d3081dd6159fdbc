"""A rendered table as a summary run on W&B, where its cells are mirrored there. Never fails: the files are whole."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from rich.console import Console

from edt.sweep.plan import PlannedCell
from edt.sweep.record import CELLS, ROUNDS, SWEEPS
from edt.sweep.rendering import Rendered
from edt.tables.cells import Cell
from edt.tables.page import page_of
from edt.tables.render import wide_rows
from edt.tables.shape import Wide
from edt.tracking.wandb import GROUP, OFFLINE_RUN, default_mode, how_to_upload, is_wandb

OFFLINE_RUNS = (OFFLINE_RUN, f"*/{OFFLINE_RUN}")
"""Of the table and of its cells, in the folder of the table's runs."""


def publish(console: Console, rendered: Rendered, planned: Sequence[PlannedCell], output: Path) -> None:
    """Log the summary of the table whose runs are in `output`, with the project and mode of its cells.

    Does nothing where no cell is mirrored to W&B. What goes wrong there is said in a sentence.
    """
    node = next((cell.config.tracker for cell in planned if is_wandb(cell.config.tracker)), None)
    if node is None or (node.get("mode") or default_mode()) == "disabled":
        return
    try:
        offline = _log(rendered, node, planned[0].spec.table, output)
    except Exception as error:
        said = " ".join(str(error).split())
        _say(console, f"W&B has no summary of this table; its local files are whole: {type(error).__name__}: {said}")
        return
    if offline and (sentence := how_to_upload("the table and its runs", output, *OFFLINE_RUNS)):
        _say(console, sentence)


def _log(rendered: Rendered, node: Mapping[str, Any], table: str, output: Path) -> bool:
    from edt.tracking.summary import log_summary

    page = page_of(rendered.wide)
    shown = [[method, scale, *(cell.text for cell in cells)] for method, scale, cells in page.rows]
    beside = [path for name in (CELLS, ROUNDS, SWEEPS) if (path := rendered.files[0].with_name(name)).is_file()]
    return log_summary(
        output,
        project=node.get("project", "edt"),
        entity=node.get("entity"),
        mode=node.get("mode"),
        name=table,
        group=os.environ.get(GROUP) or table,
        tables={
            "table": (page.heads, shown),
            "wide": wide_rows(rendered.wide),
            "cells": ([field.name for field in fields(Cell)], [astuple(cell) for cell in rendered.cells]),
        },
        figures=_figures(rendered.wide),
        files=[*beside, *rendered.files],
    )


def _figures(wide: Wide) -> dict[str, Any]:
    """What stands beside the run's name: how much of the table is there, and its headlines."""
    line = wide.headline
    headlines = {name: getattr(line, name) for name in ("worst_ratio", "mean_ratio", "mean_gain", "tasks_ahead")}
    return {
        **{f"runs/{state}": count for state, count in wide.coverage.items()},
        **{f"headline/{name}": value for name, value in headlines.items() if value is not None},
    }


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
