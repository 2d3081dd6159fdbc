"""A mirror of the local story on Weights & Biases. Knows W&B; never changes a result and never ends a run.

Whatever goes wrong over there is said once, and from then on only the local
files are written.
"""

from __future__ import annotations

import logging
import netrc
import os
import platform
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edt.store.keys import digest
from edt.tracking.local import LocalTracker

MODES = (None, "online", "offline", "disabled")
GROUP = "WANDB_RUN_GROUP"
"""W&B's own variable for a run's group; a sweep sets it to the table, unless the user has set it."""
OFFLINE_RUN = "wandb/offline-run-*"
"""In a run's folder."""
MOST_PICTURES = 64
"""Pictures a table of errors; the local files have all."""

GAP_COLUMNS = ("sample", "step", "mistaken step", "missing skill", "state")
CHANGE_COLUMNS = ("round", "closed", "persists", "new", "likeness")
FINDING_COLUMNS = ("name", "state", "evidence")
ERROR_COLUMNS = ("sample", "picture", "question", "gold", "answer", "steps", "blamed", "why", "missing skill")
log = logging.getLogger("edt.tracking")


class WandbTracker:
    """Local JSON lines, and the same on W&B; offline where no key is set, unless `mode` says otherwise."""

    def __init__(self, project: str = "edt", entity: str | None = None, mode: str | None = None) -> None:
        if mode not in MODES:
            raise ValueError(f"mode must be online, offline, disabled or null, not {mode!r}")
        self._local = LocalTracker()
        self._project, self._entity, self._mode = project, entity, mode
        self._run: Any = None

    def start(self, config: Mapping[str, Any], folder: Path) -> None:
        self._local.start(config, folder)
        self._safely(lambda: self._open(config, folder))

    def log(self, event: str, record: Mapping[str, Any]) -> None:
        self._local.log(event, record)
        if self._run is not None and event in _MIRRORED:
            self._safely(lambda: self._run.log(_MIRRORED[event](record)))

    def finish(self, status: str) -> None:
        self._local.finish(status)
        run, self._run = self._run, None
        if run is not None:
            self._safely(lambda: close_run(run, status))

    def _open(self, config: Mapping[str, Any], folder: Path) -> None:
        method, scale = config["method"]["name"], config["scale"]["name"]
        task = config["task"].get("task") or config["task"]["_target_"].rpartition(".")[2]
        self._run = open_run(
            folder,
            project=self._project,
            entity=self._entity,
            mode=self._mode,
            name=f"{task}-{scale}-{method}-s{config['seed']}",
            group=os.environ.get(GROUP) or f"{task}-{scale}-{method}",
            job_type=method,
            config=dict(config),
        )

    def _safely(self, act: Callable[[], Any]) -> None:
        try:
            act()
        except Exception as error:
            self._run = None
            log.warning("W&B is left out from here on, the local files go on: %s: %s", type(error).__name__, error)


def is_wandb(node: Mapping[str, Any]) -> bool:
    """Whether a configuration's tracker is this one."""
    return node["_target_"] == f"{WandbTracker.__module__}.{WandbTracker.__qualname__}"


def how_to_upload(what: str, folder: Path, *patterns: str) -> str:
    """A sentence with the command for the offline runs in `folder`; empty where there are none."""
    found = [f"{shlex.quote(str(folder))}/{pattern}" for pattern in patterns if any(folder.glob(pattern))]
    return f"W&B was offline; to upload {what}: wandb sync {' '.join(found)}" if found else ""


def default_mode() -> str:
    """What `$WANDB_MODE` says; else online where a key is set, offline where none is."""
    if mode := os.environ.get("WANDB_MODE"):
        return mode
    if os.environ.get("WANDB_API_KEY"):
        return "online"
    host = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai").split("//")[-1].split("/")[0]
    try:
        return "online" if netrc.netrc().authenticators(host) else "offline"
    except (OSError, netrc.NetrcParseError):
        return "offline"


def open_run(folder: Path, *, project: str, entity: str | None, mode: str | None, **about: Any) -> Any:
    """A W&B run with its files in `folder`; `about` is its name, group, job type and configuration.

    Its id is the folder's: what is done there again takes the place of what
    was there, on the server as among the offline files, and is no second run.
    """
    import wandb

    name = run_id(folder)
    for earlier in (folder / "wandb").glob(f"offline-run-*-{name}"):
        shutil.rmtree(earlier, ignore_errors=True)
    return wandb.init(
        project=project,
        entity=entity,
        mode=mode or default_mode(),  # pyright: ignore[reportArgumentType]
        dir=str(folder),
        id=name,
        reinit="finish_previous",
        settings=wandb.Settings(
            console="off",
            silent=True,
            disable_git=True,
            disable_code=True,
            x_disable_stats=True,
            init_timeout=30,
            finish_timeout=60,
        ),
        **about,
    )


def run_id(folder: Path) -> str:
    """The same for the same folder of the same machine, so that two users of a project do not meet."""
    return digest([platform.node(), str(folder.resolve())])[:16]


def close_run(run: Any, status: str) -> None:
    run.summary["status"] = status
    run.finish(exit_code=0 if status == "finished" else 1)


def _round(record: Mapping[str, Any]) -> dict[str, Any]:
    import wandb

    gaps: Any = [[gap[key] for key in ("sample_id", "step", "step_text", "skill", "state")] for gap in record["gaps"]]
    return {
        "round": record["index"],
        "validation/score": record["validation"]["score"],
        "validation/unparsed": record["validation"]["unparsed"],
        "errors": record["errors"],
        "abstained": record["abstained"],
        "failed": record["failed"],
        "picks/targeted": sum(pick["targeted"] for pick in record["picks"]),
        "picks/filled": sum(not pick["targeted"] for pick in record["picks"]),
        **{f"seconds/{stage}": seconds for stage, seconds in record["seconds"].items()},
        "gaps": wandb.Table(columns=list(GAP_COLUMNS), data=gaps),
    }


def _errors(record: Mapping[str, Any]) -> dict[str, Any]:
    import wandb

    rows: Sequence[Mapping[str, Any]] = record["rows"][:MOST_PICTURES]
    table = wandb.Table(columns=list(ERROR_COLUMNS))
    for row in rows:
        picture = wandb.Image(row["picture"]) if Path(row["picture"]).is_file() else None
        table.add_data(
            row["sample"],
            picture,
            row["question"],
            row["gold"],
            row["answer"],
            "\n".join(row["steps"]),
            row["blamed"],
            row["why"],
            row["skill"],
        )
    return {"round": record["round"], "errors_seen": table}


def _report(record: Mapping[str, Any]) -> dict[str, Any]:
    """Scores, and what each stage cost in all rounds together."""
    scores = {f"final/seconds/{stage}": seconds for stage, seconds in record["seconds"].items()}
    for split in ("validation", "test"):
        if score := record[split]:
            scores |= {f"final/{split}/{key}": score[key] for key in ("score", "n", "unparsed", "low", "high")}
    return scores


def _findings(record: Mapping[str, Any]) -> dict[str, Any]:
    """Both as tables; the state of each finding also by its name, so that runs can be chosen by it."""
    import wandb

    tables = {
        name: wandb.Table(columns=list(columns), data=[[line[column] for column in columns] for line in record[name]])
        for name, columns in (("changes", CHANGE_COLUMNS), ("findings", FINDING_COLUMNS))
    }
    return {**tables, **{f"finding/{one['name']}": one["state"] for one in record["findings"]}}


_MIRRORED: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "round": _round,
    "errors": _errors,
    "report": _report,
    "findings": _findings,
}
