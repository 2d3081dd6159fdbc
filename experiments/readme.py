"""README's tables and figures, made from the result files that commands left.

    python experiments/readme.py [--check]

What stands between `<!-- begin NAME -->` and `<!-- end NAME -->` is made anew
from experiments/results and experiments/benchmarks/results; `--check` changes
nothing and fails where the two differ.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edt.cli import say_errors
from edt.errors import EdtError
from edt.paths import write_whole
from edt.sweep.spec import read_table, table_names
from edt.tables.markdown import percent, table
from edt.tables.terminal import NAMES

HERE = Path(__file__).parent
RESULTS, SPEEDS = HERE / "results", HERE / "benchmarks" / "results"
DATASHEET = HERE.parent / "docs" / "pocket.md"
BLOCK = r"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail where README is out of date")
    parser.add_argument("--readme", type=Path, default=HERE.parent / "README.md")
    options = parser.parse_args()
    old = options.readme.read_text("utf-8")
    new = filled(old)
    if options.check and new != old:
        raise EdtError(f"{options.readme} is out of date; run `python experiments/readme.py`")
    if new != old:
        write_whole(options.readme, new)


def filled(text: str) -> str:
    """`text` with every block made anew."""
    for name, make in BLOCKS.items():
        pattern = re.compile(BLOCK.format(name=name), re.DOTALL)
        if len(pattern.findall(text)) != 1:
            raise EdtError(f"README needs one block `<!-- begin {name} -->` … `<!-- end {name} -->`")
        body = make()
        text = pattern.sub(lambda found, body=body: found[1] + body + "\n" + found[2], text)
    return text


def coverage() -> str:
    """How much of every table that is described is measured."""
    measured, rest = [], []
    for name in table_names():
        page = RESULTS / name / "table.md"
        line = re.search(r"^- Coverage: (.*? runs) measured", _text(page) if page.exists() else "", re.MULTILINE)
        (measured if line else rest).append(
            f"[`{name}`](experiments/results/{name}/table.md) ({line[1]})" if line else f"`{name}`"
        )
    return f"Tables with results: {', '.join(measured)}. Without any yet: {', '.join(rest) or 'none'}."


def demo() -> str:
    """The demo's scores, then its time and memory."""
    found = _read(RESULTS / "demo_seed0.json")
    splits = ("validation", "test")
    rows = [
        [
            _name(method),
            *(_score(of[split]) for split in splits),
            ", ".join(str(of[split]["unparsed"]) for split in splits),
        ]
        for method, of in found["methods"].items()
    ]
    sizes = next(iter(found["methods"].values()))
    heads = ["method", *(f"{split} % (95%), n = {sizes[split]['n']}" for split in splits), "unparsed in each"]
    stages = ", ".join(f"{stage} {seconds:.0f}" for stage, seconds in found["seconds"].items())
    return (
        f"{table(heads, rows)}\n\n"
        f"It took {found['wall_seconds']:.0f} s ({stages}), {100 * found['share_outside_models']:.1f}% of it outside "
        f"model code, with a peak memory of {found['peak_rss_mb'] / 1000:.1f} GB."
    )


def story() -> str:
    """The first error that the demo told of. The pictures' folder is the reader's own, so it is left out."""
    told = _text(RESULTS / "demo_seed0.txt")
    first = re.search(r"^Error 1 .*?(?=^\s*$)", told, re.DOTALL | re.MULTILINE)
    if first is None:
        raise EdtError(f"{RESULTS / 'demo_seed0.txt'} tells of no error; save what `make demo` prints there")
    told = re.sub(r"\S*/images/", "…/images/", first[0]).rstrip()
    return f"```\n{told}\n```"


def seeds() -> str:
    """Means over seeds, and the differences between methods, for each task."""
    found, parts = _read(RESULTS / "demo_seeds.json"), []
    for task, of in found["tasks"].items():
        rows = [
            [_name(name), *(_average(cells[split]) for split in ("validation", "test"))]
            for name, cells in (of["methods"] | of["differences"]).items()
        ]
        heads = [f"{task}, seeds {', '.join(map(str, found['seeds']))}", "validation %", "test %"]
        parts.append(table(heads, rows))
    return "\n\n".join(parts)


def ladder() -> str:
    """The ladder's own table and notes, without its heading and what follows."""
    return _page("ladder").partition("\n## ")[0].strip()


def headlines() -> str:
    """What the main table comes to, as far as it is measured: its own notes."""
    return _told("main")


def methods() -> str:
    """The methods in the mean over tasks, with their seeds, and the table's own notes on them."""
    rows = [
        [row[0].strip(), row[1].strip(), _seeds_only(row[-1])] for row in _rows(_page("methods").partition("\n## ")[0])
    ]
    return f"{table(['method', 'samples', 'mean over tasks, test % (seeds)'], rows[2:], words=2)}\n\n{_told('methods')}"


def _page(name: str) -> str:
    """A table's page, without its heading."""
    return _text(RESULTS / name / "table.md").split("\n", 2)[2]


def _told(name: str) -> str:
    told = ("- Coverage", "- Cost", "- Headlines", "- error-driven at", "- Differences")
    return "\n".join(
        line for line in _page(name).splitlines() if line.startswith(told) and "not all tasks are measured" not in line
    )


def _seeds_only(cell: str) -> str:
    """Without footnotes that stand on the table's own page."""
    return re.sub(r"\s*\\\[\d+\\\]", "", cell).strip()


def base() -> str:
    """The untuned student on every task's test split, beside the datasheet's chance."""
    tasks = _text(DATASHEET).partition("## The tasks\n\n")[2].partition("\n\n")[0]
    chance = {row[0].strip("` "): row[-2].strip() for row in _rows(tasks)}
    rows = []
    with (RESULTS / "ladder" / "cells.csv").open(encoding="utf-8", newline="") as file:
        for of in csv.DictReader(file):
            if (of["method"], of["split"], of["state"]) == ("pretrained", "test", "measured"):
                score, parsed = float(of["score"]), 1 - int(of["unparsed"]) / int(of["n"])
                lot = chance[of["task"].removeprefix("pocket_")]
                rows.append([of["task"], lot, _tenths(score), percent(parsed), of["n"]])
    return table(["task", "chance %", "untuned student, test %", "replies parsed %", "questions"], rows)


def _rows(page: str) -> list[list[str]]:
    """The cells of every line of a Markdown page that is a row of a table."""
    return [line.strip("|").split("|") for line in page.splitlines() if line.startswith("|")]


def links() -> str:
    """Shares of errors and picks at each link of the chain."""
    rows = [
        [
            task,
            str(of["errors"]),
            *(f"{100 * of[name] / of['errors']:.0f}" for name in ("placed", "abstained", "named")),
            f"{100 * of['found'] / of['targeted']:.0f}" if of["targeted"] else "–",
        ]
        for task, of in _read(RESULTS / "links.json").items()
    ]
    return table(["task", "errors", "placed %", "abstained %", "skill named %", "picks that need it %"], rows)


def gaps() -> str:
    """The main table on questions about planted gaps, and on all others, at its headline scale."""
    parts: dict[tuple[str, str], dict[str, Any]] = {}
    found, scale = _read(RESULTS / "main" / "gaps.json"), read_table("main").headline_scale
    for part in found["parts"]:
        if part["scale"] in ("", scale, "full"):
            parts.setdefault((part["method"], part["scale"]), {})[part["about"]] = part
    rows = [
        [
            NAMES.get(method, method),
            at or "none",
            ", ".join(map(str, of["gap"]["seeds"])),
            *(cell for about in ("gap", "other") for cell in (_tenths(of[about]["score"]), _change(of[about]))),
        ]
        for (method, at), of in parts.items()
    ]
    minus = f"minus {NAMES.get(found['baseline'], found['baseline'])}"
    heads = ["method", "samples", "seeds", "on gaps %", minus, "on others %", minus]
    return f"{table(heads, rows, words=3)}\n\nA difference is over the runs that both sides have."


def _tenths(share: float) -> str:
    return f"{100 * share:.1f}"


def _change(part: Mapping[str, Any]) -> str:
    if (found := part["to_baseline"]) is None:
        return "–"
    return f"{100 * found['mean']:+.1f} ({100 * found['low']:+.1f} to {100 * found['high']:+.1f})"


def diagnosis() -> str:
    """Four ways to place the mistake, and whose skills are found, on the frozen set of errors."""
    placed, named = _read(RESULTS / "identifiers.json"), _read(RESULTS / "teachers.json")
    paper = placed["paper"]["scores"]
    ways = [
        [NAMED[row["identifier"]], _share(row["placing"]["exact"]), f"{paper[row['identifier']]:g}"]
        for row in placed["rows"]
    ]
    rank = sorted(placed["rows"], key=lambda row: row["placing"]["exact"]["count"])
    held = [row["identifier"] for row in rank] == sorted(paper, key=paper.__getitem__)
    skills = [[row["teacher"], _share(row["naming"]["found"])] for row in named["namings"]]
    return (
        f"{table(['mistake placed by', 'exact % (95%)', 'paper, ScienceQA %'], ways)}\n\n"
        f"{table(['teacher', 'skill found by the first hit of BM25, % (95%)'], skills)}\n\n"
        f"{placed['errors']['n']} errors with a planted mistake. The order of the paper's four rows "
        f"{'holds' if held else 'does not hold'} here."
    )


def _share(of: Mapping[str, Any]) -> str:
    return f"{100 * of['count'] / of['n']:.1f} ({100 * of['low']:.1f}–{100 * of['high']:.1f})"


NAMED = {
    "random_step": "a random step",
    "per_step": "each step asked about",
    "pseudo_rationale": "pseudo rationale",
    "answer_switch": "answer switch",
}


def speeds() -> str:
    """A line a benchmark: what was asked of it, and what it came to."""
    weigh, answers = _read(SPEEDS / "weigh.json"), _read(SPEEDS / "evaluation.json")
    ingest, planning = _read(SPEEDS / "ingest.json"), _read(SPEEDS / "planning.json")
    indexed, reference, peer = _searches(_read(SPEEDS / "retrieval.json"))
    rows = [
        [
            "retrieval",
            f"{indexed['samples'] / 1e6:.2f}M samples, beside rank-bm25 and the fastest bm25s",
            f"{reference['ms'] / indexed['ms']:,.0f} × and {peer['ms'] / indexed['ms']:.1f} ×, built in "
            f"{indexed['build_s']:.1f} s, {indexed['peak_mb']:.0f} MB",
            "1,000 ×, 5 ×, 5 s, 300 MB",
        ],
        *(
            [
                "weigh",
                f"all prefixes at once, {kind}; T = 3, 6, 12",
                " / ".join(f"{row['times_faster']:.1f}" for row in weigh["speed"] if row["options"] == kind) + " ×",
                " / ".join(_goal(row) for row in weigh["speed"] if row["options"] == kind) + " ×",
            ]
            for kind in ("letters", "words")
        ),
        *(
            [
                "evaluation",
                f"{name}, beside one at a time: {answers[key]['same_answers']} of {answers['items']} answers alike",
                f"{answers[key]['times_faster']:.1f} ×",
                goal,
            ]
            for key, name, goal in (("generation", "replies with steps", "4 ×"), ("options", "options weighed", "8 ×"))
        ),
        [
            "ingest",
            f"{ingest['records'] / 1e6:.2f}M records from JSON to Arrow, and asked for again",
            f"{ingest['first']['seconds']:.0f} s, {ingest['first']['peak_mb']} MB; {ingest['second']['seconds']} s",
            "60 s, 500 MB",
        ],
        ["planning", f"{planning['cells']} cells", f"{planning['seconds']['first']:.1f} s", "5 s"],
    ]
    return table(["benchmark", "what", "measured", "goal"], rows, words=4)


def _goal(row: Mapping[str, Any]) -> str:
    return f"{row['goal']:g}" + (" (missed)" if row["times_faster"] < row["goal"] else "")


def _searches(found: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """At the most samples and distinct texts: ours, rank-bm25 and the fastest bm25s."""
    most = max((row["samples"], row["texts"]) for row in found["rows"])
    rows = {row["engine"]: row for row in found["rows"] if (row["samples"], row["texts"]) == most}
    peers = [row for engine, row in rows.items() if engine.startswith("bm25s")]
    return rows["indexed"], rows["rank_bm25"], min(peers, key=lambda row: row["ms"])


TUNINGS = {
    "edt": "edt, every shortcut on, fp32",
    "edt_bf16": "edt as it is by default on a CPU with bf16 in hardware",
    "edt_plain": "edt, every shortcut off",
    "trainer": "Hugging Face Trainer",
    "sft": "TRL SFTTrainer",
}


def tuning() -> str:
    """Ways to tune the same student on the same batches."""
    found = _read(SPEEDS / "tuning.json")
    rows = [
        [
            TUNINGS[name],
            f"{found['seconds'][name]:.1f}",
            f"{found['samples_a_second'][name]:.1f}",
            f"{found['times_the_faster_peer'][name]:.2f}" if name in found["times_the_faster_peer"] else "–",
            f"{found['curves_apart_by'][name]:.1g}" if name in found["curves_apart_by"] else "–",
        ]
        for name in TUNINGS
        if name in found["seconds"]
    ]
    heads = ["tuning", "seconds", "samples a second", "× the faster peer", "loss apart from the Trainer's by"]
    return f"{table(heads, rows)}\n\n{found['samples']} samples, medians of {found['repeats']}."


BLOCKS: dict[str, Callable[[], str]] = {
    "coverage": coverage,
    "demo": demo,
    "story": story,
    "seeds": seeds,
    "ladder": ladder,
    "headlines": headlines,
    "methods": methods,
    "base": base,
    "links": links,
    "gaps": gaps,
    "diagnosis": diagnosis,
    "speeds": speeds,
    "tuning": tuning,
}


def _read(path: Path) -> Any:
    return json.loads(_text(path))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise EdtError(f"there is no {path} ({error.strerror}); the command in README makes it") from None


def _name(method: str) -> str:
    """A method, or a difference of two."""
    return " − ".join(NAMES.get(part, part) for part in method.split(" - "))


def _score(of: Mapping[str, Any]) -> str:
    return f"{100 * of['score']:.1f} ({100 * of['low']:.1f}–{100 * of['high']:.1f})"


def _average(of: Mapping[str, Any]) -> str:
    spread = "" if of["std"] is None else f" ± {100 * of['std']:.1f}"
    return f"{100 * of['mean']:.1f}{spread} ({100 * of['low']:.1f} to {100 * of['high']:.1f})"


if __name__ == "__main__":
    sys.exit(say_errors(main))
