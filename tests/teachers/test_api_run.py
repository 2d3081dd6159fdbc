"""Whole runs with a teacher behind an endpoint: what is written, what is paid, and going on after a kill."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edt.build import Builder
from edt.experiment import compose, perform
from edt.teachers.bundle import export, stages_of
from edt.teachers.callbook import CallBook
from tests.harness import FAKE_CONF, ROOT, command, environment, run_apart, start
from tests.teachers.loopback import Loopback
from tests.teachers.wire import KEY

PARTS = ("identifier=answer_switch", "analyst=in_context")


def options(folder: Path, url: str, *more: str) -> list[str]:
    teacher = ["teacher=gpt_4o_mini", f"teacher.base_url={url}", f"teacher.calls={folder / 'calls.sqlite'}"]
    return [*PARTS, *teacher, "teacher.retries=1", *more]


def run(folder: Path, url: str, *more: str, name: str = "run") -> subprocess.CompletedProcess[str]:
    arguments = [a for a in command(folder, name=name) if not a.startswith(("identifier", "analyst"))]
    return run_apart([*arguments, *options(folder, url, *more)], timeout=120)


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def results(store: Path, *stages: str) -> dict[str, str]:
    return {
        str(path.relative_to(store)): path.read_text("utf-8")
        for stage in stages or ("identify", "analyse", "select")
        for path in sorted(store.glob(f"{stage}/*/result.jsonl"))
    }


def test_a_run_pays_once_writes_no_key_and_can_be_replayed(tmp_path):
    with Loopback() as server:
        done = run(tmp_path, server.url, "tracker=wandb")
        assert done.returncode == 0, done.stderr
        assert server.keys == {f"Bearer {KEY}"}
        assert set(server.asked.values()) == {1}
    book = CallBook(tmp_path / "calls.sqlite")
    assert set(book.answered().values()) == {1}
    assert len(book.answered()) == len(server.asked) - 1  # but for the probe
    assert [line.outcome for line in book.lines()] == ["answered", "hit", "probe"]
    book.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("wandb" in path.parts and path.suffix == ".wandb" for path in files)
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert KEY not in done.stdout + done.stderr
    _check_replay(tmp_path, book)


def _check_replay(folder: Path, book: CallBook) -> None:
    """Without server and key, in an empty store, to the same bytes under the same keys."""
    keys = [key for key, stage in stages_of([folder / "run"]).items() if stage in ("identify", "analyse")]
    export(book, folder / "calls.jsonl.gz", [folder / "run"])
    replayed = ["teacher=replay", f"teacher.bundle={folder / 'calls.jsonl.gz'}", f"store.root={folder / 'fresh'}"]
    fakes = [f"{group}=fake" for group in ("task", "student", "supporting", "tuner")]
    config = compose([*fakes, *PARTS, "tracker=local", *replayed], config_dir=FAKE_CONF)
    perform(config, folder / "replayed", builder=Builder())
    again = results(folder / "fresh")
    assert again == results(folder / "store")
    assert {Path(name).parent.name for name in again} >= set(keys)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({"status": 401}, "it refuses the key (HTTP 401); check OPENAI_API_KEY"),
        ({"status": 500}, "HTTP 500"),
        ({"logprobs": False}, "cannot deliver source=logprobs; it can deliver sampling, verbalised"),
    ],
)
def test_work_that_cannot_be_done_fails_before_it_begins_in_one_sentence(tmp_path, server, words):
    with Loopback(**server) as endpoint:
        done = run(tmp_path, endpoint.url)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: teacher")
    assert KEY not in done.stdout + done.stderr
    assert not list((tmp_path / "store").glob("predict/*"))


def test_a_budget_ends_a_run_and_raising_it_goes_on(tmp_path):
    with Loopback() as server:
        done = run(tmp_path, server.url, "teacher.max_usd=0.0013", "teacher.concurrency=1")
        assert done.returncode == 1
        assert "error: teacher.max_usd is 0.0013: " in done.stderr
        assert CallBook(tmp_path / "calls.sqlite").spent() <= 0.0013
        before = sum(server.asked.values())
        assert before > 2
        assert run(tmp_path, server.url, name="again").returncode == 0
        assert set(server.asked.values()) == {1}


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_a_run_killed_while_it_asks_buys_no_call_twice_and_comes_to_the_same_bytes(tmp_path, kills):
    rng, more = random.Random(4), (f"task.size={12 * kills}", "teacher.concurrency=2")
    with Loopback(delay=0.02) as server:
        arguments = [a for a in command(tmp_path, name="killed") if not a.startswith(("identifier", "analyst"))]
        for _ in range(kills):
            _kill_while_asking([*arguments, *options(tmp_path, server.url, *more)], server, rng)
        done = run(tmp_path, server.url, *more, name="last")
        assert done.returncode == 0, done.stderr
        undisturbed = run(tmp_path / "other", server.url, *more)
        assert undisturbed.returncode == 0, undisturbed.stderr
    book = CallBook(tmp_path / "calls.sqlite")
    assert set(book.answered().values()) == {1}
    assert book.answered().keys() == CallBook(tmp_path / "other" / "calls.sqlite").answered().keys()
    assert results(tmp_path / "store") == results(tmp_path / "other" / "store")


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_an_annotation_killed_while_it_asks_buys_no_call_twice_and_comes_to_the_same_bytes(tmp_path, kills):
    def annotating(folder: Path, url: str) -> list[str]:
        files = [f"config_dir={FAKE_CONF}", f"output={folder / 'skills.jsonl'}"]
        teacher = [one for one in options(folder, url, "teacher.concurrency=2") if one not in PARTS]
        asked = ["supporting=fake", f"supporting.size={30 * kills}", "batch=8"]
        return [sys.executable, "-m", "edt.supporting.annotate", *asked, *files, *teacher]

    killed, whole, rng = tmp_path / "killed", tmp_path / "whole", random.Random(5)
    with Loopback(delay=0.02) as server:
        for _ in range(kills):
            _kill_while_asking(annotating(killed, server.url), server, rng)
        for folder in (killed, whole):
            done = run_apart(annotating(folder, server.url))
            assert done.returncode == 0, done.stderr
    assert (killed / "skills.jsonl").read_bytes() == (whole / "skills.jsonl").read_bytes()
    books = [CallBook(folder / "calls.sqlite").answered() for folder in (killed, whole)]
    assert books[0] == books[1] == dict.fromkeys(books[0], 1)
    assert len(books[0]) == 30 * kills
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def _kill_while_asking(arguments: list[str], server: Loopback, rng: random.Random) -> None:
    before = len(server.asked)
    process = subprocess.Popen(
        arguments, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(600):
        if len(server.asked) > before + 4 or process.poll() is not None:
            break
        time.sleep(0.05)
    time.sleep(rng.uniform(0, 0.2))
    assert process.poll() is None, "the run was over before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_ctrl_c_takes_in_what_is_on_its_way(tmp_path):
    arguments = [a for a in command(tmp_path) if not a.startswith(("identifier", "analyst"))]
    with Loopback(delay=0.3) as server:
        process = start([*arguments, *options(tmp_path, server.url, "teacher.concurrency=3")])
        for _ in range(600):
            if len(server.asked) > 4:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "on their way: they are paid" in stderr
        assert stderr.splitlines()[-1].startswith("interrupted; the same command goes on")
    book = CallBook(tmp_path / "calls.sqlite")
    assert len(book.answered()) == len(server.asked) - 1  # but for the probe
    assert "open" not in {line.outcome for line in book.lines()}


def test_the_ledger_is_shown_for_a_run(tmp_path):
    with Loopback() as server:
        assert run(tmp_path, server.url).returncode == 0
    shown = run_apart(
        [sys.executable, "-m", "edt.teachers.bundle", "ledger", "--calls", str(tmp_path / "calls.sqlite")]
    )
    assert "gpt-4o-mini-2024-07-18" in shown.stdout
    config = (tmp_path / "run" / "config.yaml").read_text()
    assert "key_from: OPENAI_API_KEY" in config
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert any(gap["state"] == "named" for record in report["rounds"] for gap in record["gaps"])
