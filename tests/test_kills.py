"""SIGKILL at random moments while a teacher is asked: the same files in the end, and nothing paid for twice."""

import json
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.harness import FAKE_CONF, run_apart, start

FAKE = [f"{group}=fake" for group in ("task", "student", "supporting", "tuner")]
DELAY = 0.004


def calls(ledger: Path) -> list[str]:
    """What was asked and paid for, in order."""
    return [json.loads(line)["asked"] for line in ledger.read_text().splitlines()] if ledger.exists() else []


def kill_at(command: list[str], ledger: Path, number: int, rng: random.Random) -> None:
    """Start the command, and kill it a moment after the ledger has `number` lines."""
    process = start(command)
    while process.poll() is None and (ledger.read_bytes().count(b"\n") if ledger.exists() else 0) < number:
        time.sleep(0.001)
    time.sleep(rng.uniform(0, 2 * DELAY))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def moments(total: int, kills: int, rng: random.Random) -> list[int]:
    """When to kill, as numbers of calls: in order, the last of them well before the end."""
    return sorted(rng.sample(range(1, total - 8), kills))


def diagnosing(folder: Path) -> list[str]:
    places = [
        f"store.root={folder / 'store'}",
        f"hydra.run.dir={folder / 'run'}",
        f"teacher.ledger={folder / 'ledger.jsonl'}",
        f"teacher.delay={DELAY}",
    ]
    parts = [*FAKE, "teacher=ledger", "identifier=answer_switch", "analyst=in_context", "tracker=local"]
    return [sys.executable, "run.py", "--config-dir", str(FAKE_CONF), *parts, *places]


def results(store: Path) -> dict[str, bytes]:
    return {str(file.relative_to(store)): file.read_bytes() for file in store.rglob("result.jsonl")}


def test_a_diagnosis_killed_ten_times_comes_to_the_same_files_and_repeats_no_call(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = run_apart(diagnosing(whole))
    assert done.returncode == 0, done.stderr
    asked, rng = calls(whole / "ledger.jsonl"), random.Random(4)
    assert len(asked) == len(set(asked)) > 30
    killed.mkdir()
    for number in moments(len(asked), 10, rng):
        kill_at(diagnosing(killed), killed / "ledger.jsonl", number, rng)
    assert run_apart(diagnosing(killed)).returncode == 0
    assert calls(killed / "ledger.jsonl") == asked
    assert len(results(whole / "store")) > 6
    assert [path for path in (killed / "store").rglob("*.part") if path.is_dir()] == []
    found = results(killed / "store")
    own = {name: text.replace(str(killed).encode(), str(whole).encode()) for name, text in found.items()}
    assert own == results(whole / "store")


def annotating(folder: Path, *arguments: str) -> list[str]:
    places = [f"config_dir={FAKE_CONF}", f"output={folder / 'skills.jsonl'}"]
    teacher = ["teacher=ledger", f"teacher.ledger={folder / 'ledger.jsonl'}", f"teacher.delay={DELAY}"]
    command = [sys.executable, "-m", "edt.supporting.annotate", "supporting=fake", "supporting.size=90", "batch=8"]
    return [*command, *teacher, *places, *arguments]


@pytest.mark.parametrize(("forgets", "kills"), [(False, 10), (True, 4)])
def test_an_annotation_killed_at_random_comes_to_the_same_file_and_pays_for_nothing_twice(tmp_path, forgets, kills):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    options = ["per_task=14", f"teacher.forgets={forgets}"]  # six source tasks of 15: some skills are lent
    done = run_apart(annotating(whole, *options))
    assert done.returncode == 0, done.stderr
    assert "90 samples: 84 annotated, 6 lent" in done.stdout
    asked, rng = calls(whole / "ledger.jsonl"), random.Random(2)
    assert len(asked) == 84
    killed.mkdir()
    file, ledger = killed / "skills.jsonl", killed / "ledger.jsonl"
    for number in moments(len(asked), kills, rng):
        kill_at(annotating(killed, *options), ledger, number, rng)
        kept = {
            json.loads(line)["replies"][0] for line in file.read_text().splitlines()[1:] if '"lent_by":null' in line
        }
        before = Counter(calls(ledger))
    assert run_apart(annotating(killed, *options)).returncode == 0
    assert file.read_bytes() == (whole / "skills.jsonl").read_bytes()
    if forgets:  # only what a batch in flight had not given back is asked again
        after = Counter(calls(ledger))
        again = [prompt for prompt in after if after[prompt] > before[prompt] > 0]
        assert len(again) <= 8
        assert len(kept) > 30
        assert after.total() <= len(asked) + 8 * kills
    else:
        assert calls(ledger) == asked
