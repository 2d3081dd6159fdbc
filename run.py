"""One experiment: compose, check, build, run, report (also under Hydra multirun).

    python run.py task=pocket_vqa method=random scale=300
    python run.py -m method=pretrained,random,edt seed=0,1,2
    python run.py -m method=random,edt launcher=local jobs=2     # in processes of their own, two at a time

A run that was stopped goes on where it stopped when the same command is given again.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edt.cli import explain, explain_composing, for_hydra, say_errors
from edt.errors import EdtError
from edt.process import prepare_process

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from edt.config import Config
    from edt.sweep.multirun import Multirun

FULL_ERROR = "HYDRA_FULL_ERROR"


def main() -> None:
    """All jobs of the command line; what goes wrong before the first is put into our words."""
    import hydra

    import edt.config  # noqa: F401  makes the schema known to Hydra

    sys.argv[1:] = for_hydra(sys.argv[1:])
    _say_nothing_more()
    jobs = Jobs()
    try:
        try:
            hydra.main(version_base="1.3", config_path="conf", config_name="config")(jobs.take)()
        except Exception:
            jobs.finish()  # those that have begun go on, and are told
            raise
        jobs.finish()
    except BrokenPipeError:
        raise
    except Exception as error:
        if hasattr(error, "said"):
            raise
        raise EdtError(_not_started(error)) from error


class Jobs:
    """One run after another, or those of a multirun side by side."""

    def __init__(self) -> None:
        self._side_by_side: Multirun | None = None

    def take(self, composed: DictConfig) -> None:
        """A run as Hydra composed it; an error is said at once, so that a multirun shows every one."""
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        from edt.experiment import checked, perform
        from edt.sweep.multirun import Multirun

        try:
            config, hydra = checked(composed), HydraConfig.get()
            folder = Path(config.output or hydra.runtime.output_dir)
            if config.jobs and hydra.mode is RunMode.MULTIRUN:
                self._side_by_side = self._side_by_side or Multirun(config.jobs, tell)
                self._side_by_side.begin(config, folder)
            else:
                perform(config, folder)
                tell(config, folder)
        except Exception as error:
            if sentence := explain(error):
                print(f"error: {sentence}", file=sys.stderr)
            error.said = bool(sentence)  # pyright: ignore[reportAttributeAccessIssue]
            raise

    def finish(self) -> None:
        """Wait for what still runs; raises EdtError where a job failed."""
        if self._side_by_side is not None:
            self._side_by_side.finish()


def tell(config: Config, folder: Path) -> None:
    """What a run that has ended in `folder` came to."""
    from edt.sweep.record import read_report
    from edt.tables.terminal import print_run
    from edt.tracking.wandb import OFFLINE_RUN, how_to_upload, is_wandb

    print_run(read_report(folder), folder)
    if is_wandb(config.tracker) and (sentence := how_to_upload("this run", folder, OFFLINE_RUN)):
        print(sentence)


def _say_nothing_more() -> None:
    """Hydra writes a line and all overrides above the error of a job, which has been said by then."""
    from hydra.core.utils import JobReturn, JobStatus

    def outcome(ended: JobReturn) -> object:
        if ended.status is JobStatus.FAILED:
            raise ended._return_value
        return ended._return_value

    JobReturn.return_value = property(outcome, JobReturn.return_value.fset)  # pyright: ignore


def _not_started(error: Exception) -> str:
    """No job has begun: Hydra could not make the run's folder, or not use an option."""
    if not isinstance(error, OSError) or not error.filename:
        return explain_composing(error)
    place = "hydra.run.dir=, or with -m hydra.sweep.dir="
    return f"the run's folder {error.filename} cannot be written ({error.strerror}); name another with {place}"


if __name__ == "__main__":
    prepare_process()
    wants_full = os.environ.get(FULL_ERROR) == "1"
    os.environ[FULL_ERROR] = "1"  # Hydra then hands its errors to us
    sys.exit(say_errors(main, full=wants_full))
