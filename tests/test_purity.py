"""How pure picks are, measured on planted skills, without a model and with one whose mistakes are known."""

import json
import sys

import pytest

from tests.harness import FAKE_CONF, run_apart


def measured(tmp_path, *arguments):
    places = [f"store.root={tmp_path / 'store'}", "--config-dir", str(FAKE_CONF)]
    where = ["--tasks", "pocket_furniture", "--budgets", "24", "400", "--results", str(tmp_path / "purity.json")]
    done = run_apart([sys.executable, "experiments/purity.py", *arguments, *places, *where], timeout=300)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures == json.loads((tmp_path / "purity.json").read_text())
    return figures


@pytest.mark.parametrize("arguments", [["--every"], ["student=corrupted"]])
def test_all_choices_are_measured_and_a_small_budget_is_nearly_pure(tmp_path, arguments):
    figures = measured(tmp_path, *arguments)
    notes = tmp_path / "store" / "used" / "purity" / "stages.jsonl"
    assert notes.is_file() == (arguments != ["--every"])
    assert figures["queries"]["pocket_furniture"] > 30
    assert len({(row["stop_words"], row["stem"], row["idf"]) for row in figures["rows"]}) == 8
    pure = {budget: [] for budget in (24, 400)}
    for row in figures["rows"]:
        pure[row["budget"]].append(row["purity"]["pocket_furniture"])
    assert min(pure[24]) > 0.8
    assert all(0 < share <= 1 for share in pure[400])
