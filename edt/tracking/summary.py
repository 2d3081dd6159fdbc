"""One W&B run that sums up a table: its tables, plots and files. Knows W&B; not where a table comes from."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edt.tracking.wandb import close_run, open_run

JOB_TYPE = "summary"


def log_summary(
    folder: Path,
    *,
    project: str,
    entity: str | None,
    mode: str | None,
    name: str,
    group: str,
    tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[Any]]]],
    figures: Mapping[str, Any],
    files: Sequence[Path],
) -> bool:
    """Log `tables` (columns and rows by name), `figures` and `files`; whether it was done offline.

    Pictures among the files are shown as such too. W&B's own files go into
    `folder`, and a later summary there takes the place of this one. Raises
    whatever W&B does, with the run finished as failed.
    """
    import wandb

    about = {"name": name, "group": group, "job_type": JOB_TYPE, "config": {"table": name}}
    folder.mkdir(parents=True, exist_ok=True)
    run = open_run(folder, project=project, entity=entity, mode=mode, **about)
    status = "failed"
    try:
        logged: dict[str, Any] = {
            key: wandb.Table(columns=list(columns), data=[list(row) for row in rows])
            for key, (columns, rows) in tables.items()
        }
        logged |= {f"plots/{path.stem}": wandb.Image(str(path)) for path in files if path.suffix == ".png"}
        run.log(logged)
        run.summary.update(dict(figures))
        for path in files:
            copy = Path(run.dir) / path.name  # what is rendered anew before it is synced stays another file
            shutil.copyfile(path, copy)
            run.save(str(copy), base_path=run.dir, policy="now", glob=False)
        status = "finished"
    finally:
        close_run(run, status)
    return bool(run.offline)
