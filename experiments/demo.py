"""The demo: one error-driven run on the embedded benchmark, beside Random and the student as it came.

    python experiments/demo.py [OVERRIDES of run.py]

About three minutes on two cores after set-up; the second time a few seconds,
because finished stages are kept.  Writes outputs/demo/summary.json.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edt.cli import say_errors
from edt.process import prepare_script

if TYPE_CHECKING:
    from edt.experiment import Finished

METHODS = ("pretrained", "random", "edt")


def main() -> None:
    from edt.comparison import compare

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="options of run.py, such as task=pocket_vqa seed=1")
    parser.add_argument("--output", type=Path, default=Path("outputs/demo"))
    parser.add_argument("--config-dir", type=Path, help="a folder with further choices")
    options = parser.parse_intermixed_args()
    start = time.perf_counter()
    finished = compare(METHODS, options.overrides, options.output, config_dir=options.config_dir)
    show(finished, options.output, wall_seconds=time.perf_counter() - start)


def show(finished: dict[str, Finished], folder: Path, *, wall_seconds: float) -> None:
    """Print what came out, and write the summary and the plot."""
    from rich.console import Console

    from edt.tables.gaps import gap_lines
    from edt.tables.plot import plot_gaps
    from edt.tables.stories import stories
    from edt.tables.summary import peak_rss_mb, summary, write_summary
    from edt.tables.terminal import gaps_table, print_story, results_table, round_sentences

    console = Console()
    reports = {method: run.report for method, run in finished.items()}
    edt = finished["edt"]
    lines = gap_lines(edt.report)
    console.print()
    console.print(gaps_table(lines))
    for sentence in round_sentences(edt.report, lines):
        console.print(sentence, highlight=False, soft_wrap=True)
    console.print()
    for number, story in enumerate(stories(edt.report, edt.parts.task, edt.parts.supporting), start=1):
        print_story(console, number, story)
    console.print(results_table(reports, title=f"{edt.report.task}, seed {edt.report.seed}"))
    console.print(
        "One seed is noisy: differences within the intervals mean nothing. `python experiments/demo_seeds.py` averages."
    )
    plot = plot_gaps(
        lines, folder / "gaps.png", title=f"Gaps of {edt.report.task}: errors, and mended right after tuning"
    )
    notes = [note for run in finished.values() for note in run.notes]
    figures = summary(reports, notes, wall_seconds=wall_seconds, peak_rss_mb=peak_rss_mb())
    write_summary(folder / "summary.json", figures)
    outside = figures["share_outside_models"]
    share = "all from the store" if outside is None else f"{100 * outside:.1f}% of it outside models"
    console.print(f"{wall_seconds:.0f} s, {share}; peak memory {figures['peak_rss_mb']:.0f} MB\n", highlight=False)
    for name, path in files(edt, folder, plot).items():
        console.print(f"{name:<16}{path}", soft_wrap=True, highlight=False, markup=False)
    console.print(NEXT, highlight=False, markup=False, soft_wrap=True)


NEXT = """
What to run next (after `. .venv/bin/activate`):
  python run.py task=pocket_vqa scale=300 method=edt      another task, more samples
  python run.py -m method=random,edt seed=0,1,2           several runs; given again, it goes on where it stopped
  python experiments/demo_seeds.py                        the demo over three seeds, with intervals
  python run.py --help                                    all choices"""


def files(run: Finished, folder: Path, plot: Path | None) -> dict[str, str]:
    """Where what lies."""
    offline = sorted((run.folder / "wandb").glob("offline-run-*"))
    found = {
        "summary": folder / "summary.json",
        "gap plot": plot,
        "events": run.folder / "events.jsonl",
        "configuration": run.folder / "config.yaml",
        "report": run.folder / "report.json",
        "adapter": run.report.adapter and run.report.adapter.path,
        "W&B offline": offline[-1] if offline else None,
    }
    return {name: str(path) for name, path in found.items() if path}


if __name__ == "__main__":
    prepare_script()
    sys.exit(say_errors(main))
