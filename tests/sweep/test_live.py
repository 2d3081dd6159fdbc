"""How much time is left of a table, as the cells that are done tell; and what a terminal shows of it."""

import os
import pty
import re
import select
import subprocess
import time
from contextlib import suppress

import pytest

from edt.sweep.live import time_left
from tests.harness import ROOT, environment
from tests.sweep.test_clocked import jobs_of
from tests.sweep.test_sweep import command, place  # noqa: F401

HOUR = 3600.0


def put(job, state, seconds=0.0):
    job.state, job.seconds = state, 0.0 if state == "running" else seconds
    job.started = time.monotonic() - seconds


def left(jobs, elapsed, estimate=None, costs=()):
    return time_left(jobs, elapsed, estimate=estimate, costs=dict(costs))


@pytest.fixture
def four(tmp_path):
    """Jobs whose methods are alike, and a plan of a store that is empty."""
    return jobs_of(tmp_path, a=["method=random"], b=["method=random"], c=["method=edt"], d=["method=edt"])


def test_before_a_cell_is_done_the_estimate_counts_down_and_is_then_not_known(four):
    _, jobs = four
    put(jobs[0], "running", HOUR)
    assert left(jobs, HOUR / 2, estimate=HOUR) == HOUR / 2
    assert left(jobs, 2 * HOUR, estimate=HOUR) is None
    assert left(jobs, HOUR) is None
    put(jobs[0], "failed", 3.0)  # one that fell at once says nothing of the others
    put(jobs[1], "running", 5.0)
    assert left(jobs, 8.0, estimate=HOUR) == HOUR - 8


def test_an_estimate_of_an_hour_that_takes_two_is_put_right_by_the_first_cell(four):
    _, jobs = four
    put(jobs[0], "measured", HOUR / 2)
    assert left(jobs, HOUR / 2, estimate=HOUR) == pytest.approx(1.5 * HOUR)  # elapsed / done * (n - done)
    put(jobs[1], "running", HOUR / 4)
    assert left(jobs, 0.75 * HOUR, estimate=HOUR) == pytest.approx(1.25 * HOUR)
    for job in jobs[1:3]:
        put(job, "measured", HOUR / 2)
    assert left(jobs, 1.5 * HOUR, estimate=HOUR) == pytest.approx(0.5 * HOUR)
    put(jobs[3], "running", 0.6 * HOUR)
    assert left(jobs, 2.1 * HOUR, estimate=HOUR) is None  # longer than any before it
    put(jobs[3], "measured", 0.6 * HOUR)
    assert left(jobs, 2.1 * HOUR, estimate=HOUR) == 0


def test_cells_that_run_side_by_side_are_counted_so_and_none_ends_before_its_own_time(four):
    _, jobs = four
    for job in jobs[:2]:
        put(job, "measured", HOUR)
    assert left(jobs, HOUR) == pytest.approx(HOUR)
    put(jobs[2], "measured", HOUR)
    put(jobs[3], "running", 0.0)
    assert left(jobs, 2 * HOUR) == pytest.approx(HOUR)


def test_cells_are_weighed_by_what_they_were_reckoned_to_cost(four):
    plan, jobs = four
    names = [job.cell.spec.name for job in jobs]
    costs = dict(zip(names, (97.0, 0.0, 297.0, 297.0), strict=True))
    put(jobs[0], "measured", 200.0)
    assert left(jobs, 200.0, estimate=1.0, costs=costs) == pytest.approx(2 * (3 + 300 + 300))
    # what several cells need is the first one's, and nothing is known of a store that has seen no such stage
    assert plan.costs(plan.cells) == {}
    kinds = {stage.kind for stage in plan.stages()}
    known = type(plan)(cells=plan.cells, rates=dict.fromkeys(kinds, 1.0))
    reckoned = known.costs(known.cells)
    assert sum(reckoned.values()) == known.seconds(known.stages())[0]
    assert reckoned[names[0]] > 96
    assert reckoned[names[1]] == 0


def test_a_terminal_shows_what_is_left(place):  # noqa: F811
    ours, theirs = pty.openpty()
    arguments = command(place, "methods=random,edt", "tasks=fake", "seeds=0,1", "tuner.delay=0.02")
    env = {**environment(), "COLUMNS": "120", "LINES": "40", "TERM": "xterm"}
    process = subprocess.Popen(arguments, cwd=ROOT, env=env, stdout=theirs, stdin=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    with suppress(OSError):  # the other side is closed
        while select.select([ours], [], [], 60)[0]:
            seen += os.read(ours, 65536)
    os.close(ours)
    assert process.wait(timeout=60) == 0, seen
    shown = re.sub(r"\x1b\[[0-9;]*m", "", seen.decode())  # colours
    assert "so far, time left not known" in shown  # nothing is in the store yet
    assert re.search(r"so far, about \d+ s left", shown)
    assert "1 measured" in shown
