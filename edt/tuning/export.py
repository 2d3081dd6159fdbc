"""A run's selection for other trainers, and an adapter merged into its base.

    python -m edt.tuning.export selection RUN_FOLDER --to llamafactory|ms_swift|trl --out FOLDER
    python -m edt.tuning.export merge ADAPTER_FOLDER --student llava_v1_5_7b --out FOLDER [--model FOLDER]

Knows run folders and adapters' folders; loads a model only to merge.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edt.cli import say_errors
from edt.errors import EdtError
from edt.students.hub.prompts import STYLES
from edt.tuning.datasets import FORMATS, HINTS, write_dataset
from edt.types import Pick, Report, from_json, picked_of


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    selection = actions.add_parser("selection", help="the picked samples as a dataset")
    selection.add_argument("run", type=Path, help="a finished run's folder")
    selection.add_argument("--to", choices=sorted(FORMATS), required=True)
    selection.add_argument("--out", type=Path, required=True)
    selection.add_argument("--round", type=int, help="only this round's picks; all rounds otherwise")
    selection.add_argument("--style", choices=STYLES, default="steps", help="the words around questions and answers")
    merging = actions.add_parser("merge", help="an adapter into its unquantised base")
    merging.add_argument("adapter", type=Path, help="the folder that tuning left")
    merging.add_argument("--student", required=True, metavar="NAME", help="of conf/student, as the run had it")
    merging.add_argument("--out", type=Path, required=True)
    merging.add_argument("--model", help="the base, where it is not what conf/student names: a folder, or owner/name")
    options = parser.parse_args(arguments)
    if options.action == "selection":
        export_selection(options.run, options.out, kind=options.to, round=options.round, style=options.style)
        print(f"written to {options.out}: {HINTS[options.to].format(folder=options.out)}")
    else:
        merge_adapter(options.adapter, options.out, student=options.student, model=options.model)
        print(f"merged into {options.out}")


def export_selection(run: Path, out: Path, *, kind: str, round: int | None = None, style: str = "steps") -> list[Path]:
    """The files written; raises EdtError where the run is not finished or picked nothing."""
    picks = picks_of(run, round=round)
    supporting = _supporting_of(run)
    return write_dataset(out, picks, picked_of(supporting.samples, picks), supporting.root, kind=kind, style=style)


def picks_of(run: Path, *, round: int | None = None) -> list[Pick]:
    """A finished run's picks, by round and rank."""
    try:
        report = from_json(Report, json.loads((run / "report.json").read_text("utf-8")))
    except FileNotFoundError:
        raise EdtError(f"there is no report.json in {run}: name the folder of a finished run") from None
    except (ValueError, TypeError) as error:
        raise EdtError(f"{run / 'report.json'} cannot be read ({error}); run it again") from None
    picks = [pick for record in report.rounds if round in (None, record.index) for pick in record.picks]
    if not picks:
        which = f"round {round}" if round is not None else "any round"
        raise EdtError(f"the run in {run} picked nothing in {which}; it has {len(report.rounds)} rounds")
    return picks


def _supporting_of(run: Path) -> Any:
    """The supporting dataset that a run picked from, out of its configuration."""
    from omegaconf import OmegaConf

    from edt.build import Builder
    from edt.config import Config
    from edt.experiment import checked

    file = run / "config.yaml"
    if not file.is_file():
        raise EdtError(f"there is no config.yaml in {run}: name the folder of a run")
    config: Any = OmegaConf.merge(OmegaConf.structured(Config), OmegaConf.load(file))
    return Builder().parts(checked(config)).supporting


def merge_adapter(adapter: Path, out: Path, *, student: str, model: str | None = None) -> None:
    """The student's checkpoint with the adapter in its weights, loadable like any other; raises EdtError."""
    from edt.build import Builder
    from edt.experiment import compose
    from edt.students.hub.merging import save_merged
    from edt.students.hub.student import HubStudent

    chosen = [f"student={student}", *([f"student.model={model}"] if model else [])]
    built = Builder().part("student", compose(chosen).student)
    if not isinstance(built, HubStudent):
        raise EdtError(
            f"student {student!r} has no checkpoint of transformers to merge into; adapters of it stay apart"
        )
    save_merged(built, adapter, out)


if __name__ == "__main__":
    sys.exit(say_errors(main))
