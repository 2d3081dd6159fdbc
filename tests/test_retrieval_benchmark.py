"""The retrieval benchmark at a size that says nothing of speed, but all of agreement."""

import json
import sys

from tests.harness import run_apart

SCRIPT = [sys.executable, "experiments/benchmarks/retrieval.py"]


def test_it_prints_a_table_and_its_figures_and_finds_the_reference_equal(tmp_path):
    results = tmp_path / "retrieval.json"
    small = ["--sizes", "400", "900", "--queries", "12", "--exact", "9", "--engines", "indexed", "rank_bm25"]
    done = run_apart([*SCRIPT, *small, "--results", str(results)], timeout=120)
    assert done.returncode == 0, done.stderr
    assert "edt, indexed" in done.stdout
    assert "edt, indexed" in results.with_suffix(".txt").read_text("utf-8")
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures == json.loads(results.read_text())
    ours = [row for row in figures["rows"] if row["engine"] == "indexed"]
    assert [(row["samples"], row["texts"]) for row in ours] == [(400, 31), (900, 70), (900, 31)]
    assert [(row["same_top"], row["same_scores"]) for row in ours[:2]] == [(9, True)] * 2
    assert figures["goals"]["identical"] is True


def test_sizes_that_cannot_be_asked_for_the_top_are_refused():
    done = run_apart([*SCRIPT, "--sizes", "20"])
    assert done.returncode == 1
    assert done.stderr.startswith("error: --sizes must be 200 or more")
