"""One experiment: compose, check, build, run, report (also under Hydra multirun).

    python run.py task=pocket_vqa method=random scale=300
    python run.py -m method=pretrained,random,edt seed=0,1,2

A run that was stopped goes on where it stopped when the same command is given again.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

import edt.config  # noqa: F401  makes the schema known to Hydra
from edt.cli import explain, quoted, say_errors
from edt.process import prepare_process

FULL_ERROR = "HYDRA_FULL_ERROR"


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(composed: DictConfig) -> None:
    """One job; an error is said at once, so that a multirun shows every one."""
    from edt.experiment import checked, perform
    from edt.tables.terminal import print_run

    try:
        config = checked(composed)
        finished = perform(config, Path(config.output or HydraConfig.get().runtime.output_dir))
        print_run(finished.report, finished.folder)
    except Exception as error:
        if sentence := explain(error):
            print(f"error: {sentence}", file=sys.stderr)
            error.said = True  # pyright: ignore[reportAttributeAccessIssue]
        raise


if __name__ == "__main__":
    prepare_process()
    wants_full = os.environ.get(FULL_ERROR) == "1"
    os.environ[FULL_ERROR] = "1"  # Hydra then hands its errors to us
    sys.argv[1:] = quoted(sys.argv[1:])
    sys.exit(say_errors(main, full=wants_full))
