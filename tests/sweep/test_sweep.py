"""Tables of fakes, in processes as a user starts them."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edt.errors import EdtError
from edt.store.folders import MANIFEST
from edt.sweep.command import Request, sweep
from edt.sweep.live import clock
from edt.sweep.record import read_outcome
from edt.tables.cells import read_cells, write_cells
from edt.tables.rounds import read_rounds
from edt.tables.sweeps import SweepLine, keep_sweep, read_sweeps
from edt.tracking.local import read_events
from tests.harness import FAKE_CONF, FAKES, ROOT, environment, run_apart

TABLE = """
title: Small table
tasks: [fake, other]
scales: ["96"]
seeds: [0]
methods:
  pretrained: {scales: [], seeds: [0]}
  random: {}
  edt: {}
headline_scale: "96"
"""
CLAIMS = "tasks: [fake]\nmethods: {edt: {}, random: {}, rds: {}}\nscales: [a]"
OUTPUTS = ("cells.csv", "table.md", "table.tex", "table.html", "wide.csv", "scores.svg", "scores.png")
ROUNDS = tuple(f"{stem}.{kind}" for stem in ("gaps", "rounds", "time") for kind in ("svg", "png"))
"""Made from `rounds.csv`, which also has the seconds that were measured: another run has others."""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "small.yaml").write_text(TABLE)
    return tmp_path


def options(place, *arguments, table="small", name="output"):
    return [
        f"table={table}",
        f"experiments={place / 'experiments'}",
        f"config_dir={FAKE_CONF}",
        f"output={place / name}",
        f"results={place / f'{name}_results'}",
        f"store.root={place / 'store'}",
        *FAKES[1:],  # the task is the table's own choice
        *arguments,
    ]


def command(place, *arguments, name="output"):
    return [sys.executable, "sweep.py", *options(place, *arguments, name=name)]


def results(place, name="output", files=OUTPUTS):
    return {file: (place / f"{name}_results" / "small" / file).read_bytes() for file in files}


def untimed(files):
    """Without what the clock said: another run of the same table has another wall time."""
    return {
        name: re.sub(rb" Wall time[^:]*: .*? with jobs=\d+( and \d+)?\.", b"", data) for name, data in files.items()
    }


def made(place):
    """Stages by kind and key."""
    return {path.parent.name: path.parent.parent.name for path in (place / "store").glob(f"*/*/{MANIFEST}")}


def test_a_plan_counts_what_is_shared_and_starts_nothing(place, capsys):
    sweep(options(place, "action=plan"))
    shown = capsys.readouterr().out
    assert "6 cells (0 done, 0 failed before, 6 to run)" in shown
    counts = {line.split()[0]: [int(n) for n in line.split()[1:4]] for line in shown.splitlines() if "unknown" in line}
    # Random takes no notice of the task, so one training serves both; two rounds of edt serve one task each.
    assert counts["tune"] == [6, 5, 5]
    assert counts["identify"] == [4, 4, 4]
    assert counts["evaluate"] == [6, 6, 6]
    assert not (place / "store").exists()
    assert not (place / "output").exists()


def test_a_plan_counts_as_made_only_what_the_store_still_has(place, capsys):
    def to_make():
        sweep(options(place, "tasks=fake", "methods=pretrained,random", "action=plan"))
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        return next(int(words[3]) for words in lines if words[:1] == ["predict"])

    sweep(options(place, "tasks=fake", "methods=pretrained"))
    capsys.readouterr()
    with_store = to_make()
    shutil.rmtree(place / "store")
    assert to_make() == with_store + 1  # the untuned student's answers, which Random's round begins with


def test_a_table_is_run_resumed_and_rendered_again_byte_for_byte(place, capsys):
    first = run_apart(command(place, "jobs=2"), timeout=300)
    assert first.returncode == 0, first.stderr
    said = " ".join(first.stdout.split())
    assert "Coverage: 6 of 6 runs measured" in said
    assert re.search(r"took about \d+ s\. Wall time: \d+ s, in 1 sweep with jobs=2\. ", said)
    assert re.search(r" 6 cells took \d+ s with jobs=2$", said)
    cells = read_cells(place / "output_results" / "small" / "cells.csv")
    assert len(cells) == 12
    assert {cell.state for cell in cells} == {"measured"}
    assert len({(cell.task, cell.split, cell.questions) for cell in cells}) == 4  # one set of questions a split
    assert [cell.trained_samples for cell in cells if cell.split == "test"] == [0, 96, 96, 0, 96, 96]
    every = (*OUTPUTS, "rounds.csv", "sweeps.jsonl", *ROUNDS)
    kept, stages = results(place, files=every), made(place)
    # both tasks have the same gaps, so that even less is tuned than could be planned
    assert sum(kind == "tune" for kind in stages.values()) == 3

    sweep(options(place))
    assert "6 done" in capsys.readouterr().out
    assert results(place, files=every) == kept
    assert made(place) == stages
    for file in (*OUTPUTS[1:], *ROUNDS):
        (place / "output_results" / "small" / file).unlink()
    sweep(options(place, "action=render"))
    shown = capsys.readouterr().out.replace("\n", "")
    assert all(str(place / "output_results" / "small" / file) in shown for file in ROUNDS)
    assert results(place, files=every) == kept

    # a changed part makes its cells missing, and says so
    sweep(options(place, "action=plan", "+tuner.epochs=2"))
    assert "6 cells (0 done" in capsys.readouterr().out


def test_rounds_are_kept_where_the_runs_are_gone_and_no_plot_outlives_its_data(place, capsys):
    arguments = ["methods=edt"]
    sweep(options(place, *arguments))
    folder = place / "output_results" / "small"
    lines = read_rounds(folder / "rounds.csv")
    assert [(line.task, line.round) for line in lines] == [(t, r) for t in ("fake", "other") for r in (1, 2, 3)]
    assert all(line.gaps == (line.closed or 0) + (line.persists or 0) for line in lines if line.round < 3)
    kept = results(place, files=("rounds.csv", *ROUNDS))
    shutil.rmtree(place / "output")
    sweep(options(place, *arguments))
    assert "2 done" in capsys.readouterr().out
    assert results(place, files=("rounds.csv", *ROUNDS)) == kept

    # lines of runs that the table no longer has measured count for nothing
    write_cells([replace(cell, digest="another") for cell in read_cells(folder / "cells.csv")], folder / "cells.csv")
    sweep(options(place, *arguments, "action=render"))
    assert not any((folder / file).exists() for file in ROUNDS)
    (folder / "rounds.csv").write_text("table\nsmall\n")
    with pytest.raises(EdtError, match=r"rounds\.csv, line 1, does not have the columns"):
        sweep(options(place, *arguments, "action=render"))


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("kill", "killed by SIGKILL"),
        ("exit", "exit code 7"),
        ("leave", "it ended without a report; see log.txt"),
        ("error", "tuner"),
    ],
)
def test_a_cell_that_dies_costs_only_itself_and_is_run_again(place, end, reason):
    fatal = [f"tuner.{k}={v}" for k, v in {"end": end, "fatal_seed": 1, "spared_by": place / "mended"}.items()]
    arguments = ["tasks=fake", "methods=random", "seeds=0,1", *(f"+{one}" for one in fatal)]
    done = run_apart(command(place, *arguments), timeout=300)
    assert done.returncode == 1
    assert "1 of 2 cells failed; the same command runs them again" in done.stderr
    cells = [cell for cell in read_cells(place / "output_results" / "small" / "cells.csv") if cell.split == "test"]
    assert [cell.state for cell in cells] == ["measured", "failed"]
    assert reason in cells[1].reason
    (place / "mended").touch()
    again = run_apart(command(place, *arguments), timeout=300)
    assert again.returncode == 0, again.stderr
    cells = read_cells(place / "output_results" / "small" / "cells.csv")
    assert {cell.state for cell in cells} == {"measured"}


@pytest.fixture
def published(place):
    """Options of a table that says all of itself, with its results where a whole table's are."""
    fakes = "".join(f"  - {one}\n" for one in FAKES[1:])
    (place / "experiments" / "small.yaml").write_text(f"{TABLE}overrides:\n{fakes}")
    return [
        *("table=small", f"experiments={place / 'experiments'}", f"config_dir={FAKE_CONF}"),
        *(f"output={place / 'output'}", f"store.root={place / 'store'}", "tracker=local"),
    ]


def test_a_part_of_a_table_leaves_the_published_one_alone(place, published):
    sweep(published)
    whole = place / "experiments" / "results" / "small" / "cells.csv"
    kept = whole.read_bytes()
    sweep([*published, "tasks=fake", "methods=random"])
    sweep([*published, "+tuner.epochs=2"])
    assert whole.read_bytes() == kept
    assert len(read_cells(place / "output" / "small" / "cells.csv")) == 12
    sweep([*published, "tasks=fake", f"results={place / 'asked'}"])
    assert len(read_cells(place / "asked" / "small" / "cells.csv")) == 6


def test_runs_with_other_options_take_no_place_of_the_tables_own(place, published, capsys, monkeypatch):
    monkeypatch.chdir(place)
    plain = [one for one in published if not one.startswith("output=")]
    sweep(plain)
    folder, whole = place / "outputs" / "tables" / "small", place / "experiments" / "results" / "small"
    kept = {path: path.read_bytes() for at in (folder, whole) for path in at.rglob("*") if path.is_file()}
    capsys.readouterr()
    sweep([*plain, "+tuner.epochs=2", "methods=edt"])
    (apart,) = folder.glob("other-????????")  # not runs of the task called other
    said = capsys.readouterr().out
    words = "tuner.epochs=2: with other options than the table's own, runs are kept apart in outputs/tables/small/"
    assert f"{words}{apart.name}\n" in said
    assert {path: path.read_bytes() for path in kept} == kept
    assert len(read_cells(apart / "cells.csv")) == 4
    assert all(read_outcome(apart / f"{task}-96-edt-s0") for task in ("fake", "other"))
    assert (apart / "report.html").is_file()

    # a bound on money or a part of the table changes no run, and a place that is asked for is kept
    requests = [
        Request.read([*plain, *more])
        for more in (["tuner.epochs=2"], ["tuner.epochs=3"], ["store.root=x", "teacher.max_usd=20"], ["tasks=fake"])
    ]
    runs = [place / request.runs for request in requests]
    assert runs[0] == apart
    assert runs[1] not in (apart, folder)
    assert runs[2:] == [folder, folder]
    assert [request.place for request in requests[2:]] == [whole, folder.relative_to(place)]
    asked = Request.read([*plain, "tuner.epochs=2", "results=asked", "output=given"])
    assert (asked.place, asked.runs) == (Path("asked/small"), Path("given/small"))


def test_a_table_knows_the_wall_time_of_the_sweeps_that_ran_it(place, capsys):
    folder, runs = place / "output_results" / "small", place / "output" / "small"
    cost = re.compile(r"Cost: (\d+) runs share .* took about \d+ s\.(.*)")

    def note():
        found = cost.search((folder / "table.md").read_text())
        assert found
        return found[2]

    sweep(options(place, "methods=random"))
    assert note() == f" Wall time: {clock(read_sweeps(folder / 'sweeps.jsonl')[0].seconds)}, in 1 sweep with jobs=1."
    sweep(options(place, "methods=random,pretrained", "jobs=2"))
    lines = read_sweeps(folder / "sweeps.jsonl")
    assert read_sweeps(runs / "sweeps.jsonl") == lines
    assert [(line.jobs, len(line.cells)) for line in lines] == [(1, 2), (2, 2)]
    assert all(0 < line.seconds < 100 for line in lines)
    whole = f" Wall time: {clock(sum(line.seconds for line in lines))}, in 2 sweeps with jobs=1 and 2."
    assert note() == whole
    # a sweep that ran nothing of this table does not count, and runs without a sweep are not passed over
    keep_sweep(SweepLine(started="earlier", seconds=9000, jobs=3, cells=("0" * 12,)), folder / "sweeps.jsonl")
    sweep(options(place, "methods=random,pretrained", "action=render"))
    assert note() == whole
    keep_sweep(replace(lines[1], seconds=9000, cells=lines[1].cells[:1]), folder / "sweeps.jsonl")
    sweep(options(place, "methods=random,pretrained", "action=render"))
    assert note() == " Wall time of 3 of the runs: 2.5 h, in 2 sweeps with jobs=1 and 2."
    (folder / "sweeps.jsonl").unlink()
    sweep(options(place, "methods=random,pretrained", "action=render"))
    assert note() == ""
    # nothing is run before it is known that its time can be kept
    (runs / "sweeps.jsonl").write_text("{}\n")
    capsys.readouterr()
    with pytest.raises(EdtError, match=r"sweeps\.jsonl, line 1, is no sweep .* mend it or take it out"):
        sweep(options(place))
    assert "running" not in capsys.readouterr().out


def test_measured_lines_of_a_published_table_are_not_measured_again(place, published, capsys):
    sweep(published)
    folder = place / "experiments" / "results" / "small"
    kept = (folder / "cells.csv").read_bytes()
    (place / "store").rename(place / "old_store")
    (place / "output").rename(place / "old_output")
    sweep(published)
    assert "6 done" in capsys.readouterr().out
    assert (folder / "cells.csv").read_bytes() == kept
    assert not (place / "store").exists()
    # another table takes them over, as far as it asks for the same; what differs is run
    (place / "experiments" / "other.yaml").write_text((place / "experiments" / "small.yaml").read_text())
    sweep([*published[1:], "table=other", "action=plan"])
    assert "6 cells (6 done" in capsys.readouterr().out
    sweep([*published, "+tuner.epochs=2", "action=plan"])
    assert "6 cells (0 done" in capsys.readouterr().out
    (folder / "cells.csv").write_text("table,task\n", "utf-8")
    sweep([*published, "action=plan"])
    assert "6 cells (0 done" in capsys.readouterr().out


def test_a_cell_does_not_wait_for_a_training_that_another_one_makes(place, published):
    sweep([*published, "jobs=2", "methods=random", "tuner.delay=0.03"])
    logs = [path.read_text() for path in (place / "output" / "small").glob("*/log.txt")]
    assert len(logs) == 2
    assert not [text for text in logs if "waiting for another process" in text]


def test_no_more_cells_are_reckoned_at_once_than_there_are_cores(published, capsys):
    sweep([*published, "methods=random", "tuner.delay=0.03"])
    capsys.readouterr()
    sweep([*published, "methods=random", "seeds=1,2,3,4,5,6", "action=plan", "jobs=64"])
    shown = " ".join(capsys.readouterr().out.split())
    found = re.search(
        r"About (\d+) s with jobs=64 \((\d+) s of work.* It is an estimate: a cell has 1 thread of", shown
    )
    assert found, shown
    least, work = int(found[1]), int(found[2])
    assert work >= int(6 * 96 * 0.03)  # whole seconds of a training a seed: both tasks share it
    assert abs(least - work / min(12, os.cpu_count() or 1)) <= 1


def test_on_error_stop_starts_nothing_more(place):
    arguments = ["tasks=fake", "methods=random", "seeds=1,0", "on_error=stop", "+tuner.fatal_seed=1"]
    done = run_apart(command(place, *arguments), timeout=300)
    assert done.returncode == 1
    assert "1 of 2 cells failed, 1 not started" in done.stderr
    states = [cell.state for cell in read_cells(place / "output_results" / "small" / "cells.csv")]
    assert states == ["failed", "failed", "missing", "missing"]


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "stopped by SIGTERM")],
)
def test_who_stops_a_sweep_stops_its_cells_and_finds_a_table_to_go_on_with(place, number, code, words):
    process = subprocess.Popen(
        command(place, "tuner.delay=0.5"), cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: list((place / "store").glob("tune/*.part")))
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert said == f"{words}; the same command goes on from the last finished stage\n"
    (cell,) = (place / "output" / "small").glob("*-random-*")
    assert "stopped by SIGTERM" in (cell / "log.txt").read_text()  # a cell is told by SIGTERM
    assert read_events(cell)[-1]["status"] == "interrupted"
    states = {cell.state for cell in read_cells(place / "output_results" / "small" / "cells.csv")}
    assert states == {"measured", "missing"}  # what was done is written down
    (line,) = read_sweeps(place / "output_results" / "small" / "sweeps.jsonl")
    assert len(line.cells) == 2  # the one that was stopped, too
    assert line.seconds > 1
    every = sorted(path.name for path in (place / "output_results" / "small").iterdir() if path.name != ".lock")
    assert {"cells.csv", "table.md", "table.tex", "table.html", "time.svg"} <= set(every)
    kept = results(place, files=every)  # a table is of one piece, also when it is stopped
    sweep(options(place, "action=render"))
    assert results(place, files=every) == kept
    assert run_apart(command(place, "tasks=fake", "methods=pretrained"), timeout=300).returncode == 0


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_at_any_moment_change_nothing_and_repeat_nothing(place, kills):
    once = run_apart(command(place, "jobs=2", name="calm"), timeout=300)
    assert once.returncode == 0, once.stderr
    calm = untimed(results(place, "calm"))
    (place / "store").rename(place / "calm_store")
    draw, finished = random.Random(0), {}
    for _ in range(kills):
        process = subprocess.Popen(
            command(place, "jobs=2"), cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(draw.uniform(2, 9))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert finished.items() <= born(place).items(), "a finished stage was made again"
        finished = born(place)
    last = run_apart(command(place, "jobs=2"), timeout=300)
    assert last.returncode == 0, last.stderr
    assert finished.items() <= born(place).items()
    assert untimed(results(place)) == calm


def test_what_is_left_of_a_cell_and_cannot_be_read_is_run_again(place):
    arguments = ["tasks=fake", "methods=random"]
    sweep(options(place, *arguments))
    table, cell = place / "output_results" / "small" / "cells.csv", place / "output" / "small" / "fake-96-random-s0"
    kept, report = table.read_bytes(), (cell / "report.json").read_bytes()
    outcome = (cell / "outcome.json").read_bytes()
    damages = {
        "report.json": [
            b"\xff\xfe",
            report[: len(report) // 2],
            json.dumps({**json.loads(report), "test": None}).encode(),
        ],
        "outcome.json": [b"\xff", outcome[:20], b"[]", b"7", b"[" * 100_000],
    }
    for name, damage in [(name, damage) for name, many in damages.items() for damage in many]:
        whole = (cell / name).read_bytes()
        (cell / name).write_bytes(damage)
        assert read_outcome(cell) is None
        (cell / name).write_bytes(whole)
    (cell / "outcome.json").write_bytes(damages["outcome.json"][0])
    (cell / "events.jsonl").write_bytes(b"\xff\n{")
    table.unlink()
    sweep(options(place, *arguments))
    assert table.read_bytes() == kept
    told = [event["event"] for event in read_events(cell)]
    assert told == ["start", "errors", "round", "report", "findings", "finish"]


def test_an_earlier_table_that_is_no_text_is_named_and_left_out(place, caplog):
    sweep(options(place, "tasks=fake", "methods=pretrained"))
    cells = place / "output_results" / "small" / "cells.csv"
    cells.write_bytes(cells.read_bytes() + b"\xff")
    shutil.rmtree(place / "output")
    sweep(options(place, "tasks=fake", "methods=pretrained"))
    assert f"nothing is taken from an earlier table: {cells}" in caplog.text
    assert {cell.state for cell in read_cells(cells)} == {"measured"}


def test_a_cell_whose_folder_cannot_be_made_costs_only_itself(place):
    (place / "output" / "small").mkdir(parents=True)
    (place / "output" / "small" / "fake-none-pretrained-s0").write_text("in the way")
    done = run_apart(command(place, "tasks=fake", "methods=random,pretrained"), timeout=300)
    assert done.returncode == 1
    assert "1 of 2 cells failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert "fake-none-pretrained-s0 cannot be used" in done.stdout
    cells = read_cells(place / "output_results" / "small" / "cells.csv")
    found = {cell.method: (cell.state, cell.reason) for cell in cells}
    assert found["random"][0] == "measured"
    assert found["pretrained"][0] == "failed"
    assert "fake-none-pretrained-s0 cannot be used" in found["pretrained"][1]


def test_a_cell_that_fails_to_begin_is_known_as_failed(place, capsys):
    cell = place / "output" / "small" / "fake-none-pretrained-s0"
    (cell / "log.txt").mkdir(parents=True)
    with pytest.raises(EdtError, match="1 of 1 cells failed"):
        sweep(options(place, "tasks=fake", "methods=pretrained"))
    assert (outcome := read_outcome(cell))
    assert outcome["state"] == "failed"
    assert "log.txt cannot be used" in outcome["reason"]
    table = place / "output_results" / "small" / "cells.csv"
    assert {cell.reason for cell in read_cells(table)} == {outcome["reason"]}
    (cell / "log.txt").rmdir()
    capsys.readouterr()
    sweep(options(place, "tasks=fake", "methods=pretrained"))
    assert "(0 done, 1 failed before, 0 to run)" in capsys.readouterr().out
    assert {cell.state for cell in read_cells(table)} == {"measured"}


def test_two_sweeps_on_one_store_make_each_stage_once(place):
    both = [
        subprocess.Popen(command(place, name=name), cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL)
        for name in ("one", "two")
    ]
    assert [process.wait(timeout=300) for process in both] == [0, 0]
    assert untimed(results(place, "one")) == untimed(results(place, "two"))
    notes = [
        json.loads(line) for path in place.glob("*/small/*/stages.jsonl") for line in path.read_text().splitlines()
    ]
    fresh = [note["key"] for note in notes if not note["reused"]]
    assert len(fresh) == len(set(fresh)) == len(made(place))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["table=nothing"], "there is no table 'nothing' .* choose one of: small"),
        (["table="], "name a table: .* known are small"),
        (["action=fly"], "action must be one of run, plan, render, not 'fly'"),
        (["action="], "action must be one of run, plan, render, not ''"),
        (["jobs=0"], "jobs must be a whole number from 1 to 1024, not '0'"),
        (["jobs=two"], "jobs must be a whole number from 1 to 1024, not 'two'"),
        (["on_error=cry"], "on_error must be one of continue, stop, not 'cry'"),
        (["split=train"], "split must be one of validation, test, not 'train'"),
        (["config_dir=/nowhere"], "there is no folder config_dir=/nowhere; name another"),
        (["results="], "results= needs a folder"),
        (["methods=magic"], "has no method 'magic'; choose of: pretrained, random, edt"),
        (["seeds=0,0"], "seeds= names '0' twice"),
        (["seeds=x"], "seeds must be whole numbers from 0 to 2147483647, as in seeds=0,1,2, not 'x'"),
        (["seeds=-1"], "seeds must be whole numbers .* not '-1'"),
        (["seeds=99999999999999999999"], "seeds must be whole numbers .* not '9"),
        (["tasks="], "tasks= names none"),
        (["tasks=fake,,other"], "tasks= names none, or an empty one; leave it out, or write tasks=A,B"),
        (["tasks=nowhere", "action=plan"], "there is no task called 'nowhere'; choose one of: "),
        (["methods="], "methods= names none"),
        (["seed=1"], "seed= is set by the table; choose a part of it with seeds="),
        (["scale=paper"], "there is no scale called 'paper'; the paper's own .* python sweep.py table=paper"),
        (["scales=paper", "action=plan"], "there is no scale called 'paper'; .* python sweep.py table=paper"),
        (["scale=88"], "scale= is set by the table; choose a part of it with scales="),
        (["launcher=magic", "action=plan"], "there is no launcher called 'magic'; choose one of: basic, local"),
        (["+scale.samples=6"], "scale.samples= is set by the table"),
        (["seeds=[0"], r"seeds must be whole numbers .* not '\[0'"),
        (["budget=5"], "there is no budget called '5'; choose one of: default, one_round"),
        (["tuner.dealy=3"], "tuner has no option 'dealy'; FakeTuner knows: delay"),
        (["output=/proc/none"], "output '/proc/none/small' cannot be written .*; choose another"),
        (["results=/dev/null"], "results '/dev/null/small' cannot be written .*; choose another"),
        (["nonsense"], "cannot read the option 'nonsense'"),
        (["action=render"], "there is no .*cells.csv; run the table first"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(place, arguments, message):
    with pytest.raises(EdtError, match=message):
        sweep(options(place, *arguments))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: x\ntasks: [fake]\nmethods: {edt: {}}", "scales is empty"),
        ("titel: x", "titel"),
        ("tasks: [fake]\nmethods: {edt: {seeds: [1, 1]}}\nscales: [a]", "seeds of edt names one twice"),
        ("tasks: [fake]\nmethods: {edt: {}}\nscales: [a]\nsplit: train", "split must be validation or test"),
        (f"{CLAIMS}\nbaseline: randm", "baseline is 'randm', which is none of the table's methods"),
        (f"{CLAIMS}\nheadline_scale: '97'", "headline_scale is '97', which is none of the table's scales"),
        (f"{CLAIMS}\nrivals: [magic]", "rivals has 'magic', which is none of the table's methods"),
        (f"{CLAIMS}\nrivals: [rds, rds]", "rivals names one twice"),
        (f"{CLAIMS}\nrivals: [random]", "rivals has 'random', which is compared anyway; take it out"),
        (f"{CLAIMS}\ngoal: 2", "goal must be from 0 to 1, the number of tasks, not 2"),
        ("7", "Invalid loaded object type"),
        ("tasks: " + "[" * 3000, "nested too deep"),
        ("tasks: &all [*all]", "nested too deep, or within itself"),
        ("tasks: [fake]\nmethods: {edt: {seeds: []}}\nscales: [a]", "seeds of edt is empty"),
        ("tasks: [fake]\nmethods: {../../edt: {}}\nscales: [a]", r"a method is called '\.\./\.\./edt'; use letters"),
        ("tasks: [fake]\nmethods: {_edt: {}}\nscales: [a]", "a method is called '_edt'; use letters"),
        ("tasks: [../task/fake]\nmethods: {edt: {}}\nscales: [a]", r"a task is called '\.\./task/fake'; use letters"),
        ("tasks: [fake]\nmethods: {edt: {}}\nscales: [../a]", r"a scale is called '\.\./a'; use letters"),
        ("tasks: [fake]\nmethods: {edt: {scales: [../a]}}\nscales: [a]", r"a scale is called '\.\./a'; use letters"),
        (f"{CLAIMS}\noverrides: [seed=7]", r"overrides has 'seed=7', and seed= is set by the table itself"),
        (f"{CLAIMS}\noverrides: [++scale.samples=7]", r"overrides has '\+\+scale\.samples=7', and scale\.samples="),
        (f"{CLAIMS}\noverrides: [method=random]", "overrides has 'method=random'"),
        (
            "tasks: [fake]\nscales: [a]\nmethods: {edt: {overrides: [task=other]}}",
            "overrides of edt has 'task=other', and task= is set by the table itself; take it out",
        ),
        (f"{CLAIMS}\ngoal: -1", "goal must be from 0 to 1, the number of tasks, not -1"),
    ],
)
def test_a_table_that_is_unsound_is_refused(place, text, message):
    (place / "experiments" / "small.yaml").write_text(text)
    with pytest.raises(EdtError, match=message):
        Request.read(options(place)).spec()


def test_a_part_of_the_tasks_has_no_goal_and_one_of_the_methods_its_rivals(place):
    text = f"{TABLE}rivals: [pretrained]\ngoal: 2\n"
    (place / "experiments" / "small.yaml").write_text(text)
    assert [Request.read(options(place, *part)).spec().goal for part in ([], ["tasks=fake"])] == [2, 0]
    assert Request.read(options(place, "methods=edt,random")).spec().rivals == ["pretrained"]


def test_help_is_there_at_once():
    done = run_apart([sys.executable, "sweep.py", "--help"])
    assert done.returncode == 0
    assert "action=plan" in done.stdout


def test_clock():
    assert [clock(s) for s in (3, 600, 36000)] == ["3 s", "10 min", "10.0 h"]


def born(place):
    """When each stage was put in its place."""
    return {str(path): path.stat().st_mtime_ns for path in (place / "store").glob(f"*/*/{MANIFEST}")}


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
