"""Benchmarks at sizes that say nothing of speed: they run, keep what they print, and their ways agree."""

import json
import sys

import pytest

from edt.store.folders import Store
from experiments.benchmarks.sharing import trainings_in
from tests.harness import ROOT, run_apart

FOLDER = ROOT / "experiments" / "benchmarks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if "def main" in path.read_text("utf-8"))


def figures_of(tmp_path, name: str, *options: str) -> dict:
    results = tmp_path / f"{name}.json"
    command = [sys.executable, f"experiments/benchmarks/{name}.py", *options, "--results", str(results)]
    done = run_apart(command, timeout=300)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures == json.loads(results.read_text())
    kept = results.with_suffix(".txt").read_text()
    assert kept.strip()
    assert all(line in done.stdout for line in kept.splitlines())
    return figures


def test_every_way_to_tune_learns_the_same(tmp_path):
    figures = figures_of(tmp_path, "tuning", "--samples", "16", "--repeats", "1")  # two steps
    assert {"edt", "edt_plain", "trainer", "sft"} <= set(figures["seconds"])
    assert max(apart for name, apart in figures["curves_apart_by"].items() if name != "edt_bf16") <= 1e-3
    assert figures["curves_apart_by"].get("edt_bf16", 0) <= 0.01


def test_answers_at_once_are_those_of_one_at_a_time(tmp_path):
    figures = figures_of(tmp_path, "evaluation", "--items", "3", "--repeats", "1")
    assert [figures[way]["same_answers"] for way in ("generation", "options")] == [3, 3]


def test_selectors_are_measured_in_the_order_they_are_named(tmp_path):
    names = ["bm25", "random", "dense"]
    figures = figures_of(tmp_path, "selection", "--samples", "24", "--queries", "2", "--only", *names)
    assert [(row["selector"], row["samples"], row["budget"]) for row in figures["rows"]] == [(n, 24, 24) for n in names]
    assert all(row["peak_mb"] > 10 and row["selection_seconds"] >= 0 for row in figures["rows"])


def test_too_few_samples_to_measure_a_selector_are_refused():
    done = run_apart([sys.executable, "experiments/benchmarks/selection.py", "--samples", "8"])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: --samples 8 must be above 8")


@pytest.mark.parametrize(("name", "options"), [("planning", ["--repeats", "1"]), ("products", ["--seconds", "0.001"])])
def test_the_short_ones_keep_what_they_print(tmp_path, name, options):
    assert figures_of(tmp_path, name, *options)["benchmark"] == name


@pytest.mark.parametrize("name", NAMES)
def test_every_one_leaves_its_files_where_it_is_told_to(name):
    done = run_apart([sys.executable, f"experiments/benchmarks/{name}.py", "--help"])
    assert done.returncode == 0, done.stderr
    assert "--results RESULTS" in done.stdout


def test_published_figures_are_there_as_a_table_too():
    published = sorted(path.stem for path in (FOLDER / "results").glob("*.json"))
    assert published
    assert set(published) <= set(NAMES)
    assert published == sorted(path.stem for path in (FOLDER / "results").glob("*.txt"))


def test_trainings_are_results_and_no_locks_or_leftovers(tmp_path):
    def make(folder):
        (folder / "result.jsonl").write_text("{}")

    store = Store(tmp_path)
    for stage, name in (("tune", "a"), ("tune", "b"), ("predict", "c")):
        store.fetch(stage, name * 32, make, about={})
    (tmp_path / "tune" / f"{'d' * 32}.part").mkdir()
    assert len(list((tmp_path / "tune").iterdir())) > 3
    assert trainings_in(tmp_path) == 2
