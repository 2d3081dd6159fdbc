"""The measure of the chain's links, on a student whose mistakes are known: one that repeats a corrupted rationale."""

import json
import sys
from pathlib import Path

from tests.harness import FAKE_CONF, run_apart


def measured(tmp_path: Path, *overrides: str) -> dict[str, int]:
    results = tmp_path / "links.json"
    places = [
        f"store.root={tmp_path / 'store'}",
        "student=corrupted",
        "scale.samples=64",
        "--config-dir",
        str(FAKE_CONF),
    ]
    where = ["--tasks", "pocket_furniture", "--results", str(results)]
    done = run_apart([sys.executable, "experiments/links.py", *overrides, *places, *where], timeout=300)
    assert done.returncode == 0, done.stderr
    assert "pocket_furniture" in done.stdout
    return json.loads(results.read_text())["pocket_furniture"]


def test_the_planted_truth_makes_every_link_hold(tmp_path):
    found = measured(tmp_path, "identifier=oracle", "analyst=oracle", "teacher=oracle")
    assert found["errors"] > 30
    left = (tmp_path / "store" / "used" / "links" / "stages.jsonl").read_text().splitlines()
    assert [json.loads(line)["stage"] for line in left] == ["predict", "identify", "analyse", "select"]
    assert found["placed"] == found["named"] == found["needed"] == found["errors"]
    assert found["abstained"] == 0
    assert found["targeted"] == found["picks"] == 32
    assert found["found"] > 0.8 * found["targeted"]


def test_a_mistake_placed_at_random_and_a_step_taken_for_a_skill_are_told_apart_from_the_truth(tmp_path):
    found = measured(tmp_path, "identifier=random_step", "analyst=raw_step")
    assert 0 < found["placed"] < 0.7 * found["errors"]
    assert found["named"] < 0.7 * found["errors"]
