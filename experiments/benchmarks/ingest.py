"""Reading a supporting dataset of the paper's size: a JSON array to Arrow, once, and rows at random from then on.

    python experiments/benchmarks/ingest.py [--records 1550000] [--results FILE]

Makes a synthetic file in Vision-Flan's format (its texts drawn by seed; its
records name 5,000 small pictures, which are looked up on disk but not opened,
`look=exists`), then reads it, asks for it a second time and takes 100,000 rows at
random, each in a process of its own. Peaks are of resident memory, of which the
mapped pages of the rows are shown apart: they are the file's, and can be dropped.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.benchmark import parser_of, publish
from edt.cli import say_errors
from edt.errors import EdtError
from edt.process import prepare_process

if TYPE_CHECKING:
    from rich.console import Console

HERE = Path(__file__).parent
PICTURES = 5000
TEXT = (
    "the picture shows a wooden chair beside an open window with two cats a street lamp behind it and some people who "
    "walk along the river while it rains on green hills far away from any town that we would know by its name"
)


def main() -> None:
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--records", type=int, default=1_550_000)
    parser.add_argument("--accesses", type=int, default=100_000)
    parser.add_argument("--stage", choices=("first", "second", "random"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.records < 1 or options.accesses < 1:
        raise EdtError("--records and --accesses must be at least 1")
    if options.stage:
        print(json.dumps(_stage(options.stage, options.folder, options.accesses)))
        return
    figures = measure(options.records, options.accesses)
    publish(figures, lambda console: show(figures, console), options.results)


def show(figures: dict[str, Any], console: Console) -> None:
    """A line a stage, for a reader."""
    from rich.table import Table

    records, megabytes = f"{figures['records']:,} records", f"{figures['megabytes']:,} MB"
    rows, accesses = f"rows of {figures['rows_megabytes']:,} MB", f"{figures['accesses']:,} rows at random"
    table = Table(title=f"{records} of {megabytes}; {rows}; {accesses}")
    for head in ("stage", "wall s", "CPU s", "peak MB", "of them mapped at the end"):
        table.add_column(head, justify="left" if head == "stage" else "right")
    for name, title in _TITLES.items():
        one = figures[name]
        numbers = f"{one['seconds']:.2f}", f"{one['cpu_seconds']:.2f}", f"{one['peak_mb']:,}", f"{one['mapped_mb']:,}"
        table.add_row(title, *numbers)
    console.print(table)


_TITLES = {"first": "JSON to Arrow", "second": "asked for again", "random": "rows at random"}


def measure(records: int, accesses: int) -> dict[str, Any]:
    """Figures of each stage, in a process of its own over one synthetic file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_synthetic(folder, records)
        stages = {stage: _apart(stage, folder, accesses) for stage in ("first", "second", "random")}
        rows = next((folder / "cache" / "ingest").glob("*/rows.arrow"))
        return {
            "benchmark": "ingest",
            "records": records,
            "accesses": accesses,
            "megabytes": round((folder / "records.json").stat().st_size / 1e6),
            "rows_megabytes": round(rows.stat().st_size / 1e6),
            **stages,
        }


def write_synthetic(folder: Path, records: int, *, seed: int = 0) -> None:
    """`records.json` and `images/` in Vision-Flan's format; ids come twice now and then, as they do there."""
    from PIL import Image

    dice = random.Random(seed)
    for number in range(PICTURES):
        path = folder / "images" / f"shard_{number % 9 + 1:02}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number == 0:
            Image.new("RGB", (8, 8), "grey").save(path)
            first = path.read_bytes()
        else:
            path.write_bytes(first)
    with (folder / "records.json").open("w", encoding="utf-8") as stream:
        stream.write("[")
        for number in range(records):
            picture = dice.randrange(PICTURES)
            record = {
                "id": f"record_{number - (number % 10_000 == 9999)}",
                "task_name": f"task_{number % 187}",
                "image": f"shard_{picture % 9 + 1:02}/{picture}.png",
                "conversations": [
                    {"from": "human", "value": f"{_words(dice, 36)}\n<image>"},
                    {"from": "gpt", "value": _words(dice, 14)},
                ],
            }
            stream.write(",\n" if number else "\n")
            stream.write(json.dumps(record))
        stream.write("\n]\n")


def _words(dice: random.Random, most: int) -> str:
    return " ".join(dice.choices(TEXT.split(), k=dice.randint(most // 2, most * 2)))


def _apart(stage: str, folder: Path, accesses: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--stage", stage, "--folder", str(folder), "--accesses", str(accesses)]
    environment = {**os.environ, "EDT_CACHE": str(folder / "cache"), "PYTHONPATH": str(HERE.parents[1])}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if ended.returncode:
        raise EdtError(f"the stage {stage} failed: {ended.stderr.strip()[-500:]}")
    return json.loads(ended.stdout.splitlines()[-1])


def _stage(stage: str, folder: Path, accesses: int) -> dict[str, Any]:
    import pyarrow  # noqa: F401  paid for before the clock starts, as by any program that uses Arrow

    from edt.supporting.ingest import Reading, ingest
    from edt.supporting.rows import ArrowSamples

    reading = Reading(look="exists", ids="renamed")
    wall, cpu = time.perf_counter(), time.process_time()
    done = ingest(folder / "records.json", folder / "images", reading)
    samples = ArrowSamples(done.file)
    count = len(samples)
    if stage == "random":
        dice = random.Random(0)
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(accesses):
            assert samples[dice.randrange(count)].answer
    return {
        "seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        **_memory(),
        "rows": count,
        "renamed": done.renamed,
        "bad": sum(done.bad.values()),
    }


def _memory() -> dict[str, int]:
    """Peak of resident memory, and how much of it at the end is pages of mapped files."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines() if sys.platform == "linux" else []
    of = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines) if "kB" in value}
    return {"peak_mb": of.get("VmHWM", 0) // 1024, "mapped_mb": of.get("RssFile", 0) // 1024}


if __name__ == "__main__":
    prepare_process()
    sys.exit(say_errors(main))
