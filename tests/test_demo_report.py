import json
import sys

from tests.harness import FAKE_CONF, GROUPS, run_apart

FAKES = [f"{group}=fake" for group in GROUPS]


def script(name, tmp_path, *arguments):
    places = ["--config-dir", str(FAKE_CONF), "--output", str(tmp_path / "out")]
    overrides = [*FAKES, f"store.root={tmp_path / 'store'}"]
    return run_apart([sys.executable, f"experiments/{name}.py", *overrides, *arguments, *places], timeout=120)


def test_the_demo_tells_the_whole_story(tmp_path):
    done = script("demo", tmp_path)
    assert done.returncode == 0, done.stderr
    for words in (
        "pre-trained", "Random", "error-driven", "Largest gaps", "round 1: 18 errors", "closed",
        "missing skill:", "blamed: step 2: it is the second", "after tuning:", "picture.png", "One seed is noisy",
        "summary.json", "events.jsonl", "config.yaml", "offline-run-",
        "What to run next (after `. .venv/bin/activate`)",
    ):  # fmt: skip
        assert words in done.stdout, words
    assert done.stdout.count("picked: supporting-") == 6
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if "│" in line or "─" in line)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert list(summary["methods"]) == ["pretrained", "random", "edt"]
    assert (tmp_path / "out" / "gaps.png").is_file()
    assert summary["seconds"]["tune"] > 0
    assert done.stderr.count("── method") == 3


def test_the_demo_says_what_is_wrong_in_one_sentence(tmp_path):
    done = script("demo", tmp_path, "scale=97")
    assert done.returncode == 1
    assert "error: there is no scale called '97'; choose one of" in done.stderr
    assert "Traceback" not in done.stderr


def test_seeds_are_averaged_with_intervals(tmp_path):
    results = tmp_path / "seeds.json"
    done = script(
        "demo_seeds", tmp_path, "tracker=local", "--seeds", "0", "1", "--tasks", "fake", "--results", str(results)
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(results.read_text())["tasks"]["fake"]
    assert found["methods"]["edt"]["test"]["seeds"] == 2
    assert found["differences"]["edt - pretrained"]["test"]["low"] > 0.4
    assert "edt - random" in done.stdout
