"""One experiment from its configuration: check, build, run, report. Knows the files of a run's folder.

`config.yaml`, `events.jsonl` (both by the tracker), `stages.jsonl` (what was
done and what was found in the store) and `report.json`.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from edt.build import Builder, build_tracker
from edt.cli import HOLDS_OPTIONS, explain_composing, for_hydra, unknown_option
from edt.config import Config  # also makes the schema known to Hydra
from edt.errors import EdtError
from edt.known import known_pretrained, known_random
from edt.loop import adapt
from edt.paths import check_writable, write_whole
from edt.store.folders import Store
from edt.store.stages import NOTES, Parts, StageNote, Stages, append_note
from edt.tables.findings import with_findings
from edt.types import Report, to_json

CONF = Path(__file__).resolve().parent.parent / "conf"
log = logging.getLogger("edt")


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A run that came to its end."""

    report: Report
    folder: Path
    parts: Parts
    notes: tuple[StageNote, ...]
    seconds: float
    """Wall time of this run, whatever of it was in the store."""


def compose(overrides: Sequence[str], *, config_dir: Path | None = None) -> Config:
    """The configuration that `python run.py OVERRIDES` would run; `config_dir` adds choices of one's own."""
    return compose_all([overrides], config_dir=config_dir)[0]


def compose_all(many: Sequence[Sequence[str]], *, config_dir: Path | None = None) -> list[Config]:
    """As `compose`, for several runs at once."""
    return [checked(node) for node in compose_nodes(many, config_dir=config_dir)]


def compose_nodes(many: Sequence[Sequence[str]], *, config_dir: Path | None = None) -> list[DictConfig]:
    """What Hydra makes of several runs' options, its interpolations not resolved yet."""
    if config_dir and not config_dir.is_dir():
        raise EdtError(f"there is no folder {str(config_dir)!r} to take further choices from; name another")
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    search = [f"hydra.searchpath=[file://{config_dir.resolve()}]"] if config_dir else []
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return [hydra_compose("config", [*for_hydra(overrides), *search]) for overrides in many]
    except Exception as error:  # of many kinds, some from Hydra's depths
        raise EdtError(explain_composing(error)) from error


def checked(composed: DictConfig) -> Config:
    """The typed configuration; raises EdtError for what slipped past the schema, as `+key=value` does."""
    known = OmegaConf.structured(Config)
    try:
        for where in ("", "budget", "scale", "method", "store"):
            given, schema = (composed[where], known[where]) if where else (composed, known)
            if not isinstance(given, DictConfig):  # an interpolation goes past the schema
                raise EdtError(f"{where} {HOLDS_OPTIONS}, as {where}.NAME=VALUE")
            if unknown := sorted(set(given) - set(schema)):
                raise EdtError(unknown_option(f"{where}.{unknown[0]}" if where else str(unknown[0])))
        return cast(Config, OmegaConf.to_object(composed))
    except OmegaConfBaseException as error:
        raise EdtError(explain_composing(error)) from error


def perform(config: Config, folder: Path, *, builder: Builder | None = None) -> Finished:
    """Run `config` and leave its files in `folder`. Stages that are in the store are not done again."""
    start = time.perf_counter()
    parts = (builder or Builder()).parts(config)
    tracker = build_tracker(config)
    check_writable(folder, "the output folder")
    check_writable(Path(config.store.root), "store.root")
    if parts.teacher is not None:
        parts.teacher.prepare()
    notes = folder / NOTES
    stages = Stages(parts=parts, store=Store(config.store.root), seed=config.seed, told=partial(append_note, notes))
    status = "failed"
    (folder / "report.json").unlink(missing_ok=True)  # of an earlier run in the same folder
    tracker.start(dataclasses.asdict(config), folder)
    notes.write_text("", "utf-8")
    try:
        report = adapt(
            stages,
            budget=config.budget,
            scale=config.scale,
            tracker=tracker,
            method=config.method.name,
            test=config.test_split,
            test_rounds=config.test_rounds,
        )
        report = _with_findings(report, config, parts, stages.store)
        if report.rounds:
            tracker.log("findings", to_json({"changes": report.changes, "findings": report.findings}))
        write_whole(folder / "report.json", json.dumps(to_json(report), ensure_ascii=False, indent=1))
        status = "finished"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        tracker.finish(status)
    seconds = time.perf_counter() - start
    return Finished(report=report, folder=folder, parts=parts, notes=tuple(stages.notes), seconds=seconds)


def _with_findings(report: Report, config: Config, parts: Parts, store: Store) -> Report:
    """What the run shows about itself, beside what the store knows of the same cell; one without a round, nothing."""
    if not report.rounds:
        return report
    cell: dict[str, Any] = {"seed": config.seed, "test": config.test_split}
    untuned = known_pretrained(parts, store, **cell)
    random = known_random(parts, store, scale=config.scale, **cell)
    there = len(parts.supporting.samples)
    return with_findings(report, untuned=untuned, random=random, alike=config.budget.likeness, there=there)
