"""What a sweep has taken is written down while it goes on, so that one that is killed is known of too."""

import time

from edt.sweep.clocked import Clocked, took
from edt.sweep.plan import make_plan
from edt.sweep.run import Job
from edt.sweep.spec import MethodRow, TableSpec, cells_of
from edt.tables.sweeps import read_sweeps
from tests.harness import FAKE_CONF, FAKES


def jobs_of(place, **methods):
    """Waiting jobs of a table of fakes, one a method: its options, by name."""
    rows = {name: MethodRow(overrides=[*overrides, *FAKES[1:]]) for name, overrides in methods.items()}
    spec = TableSpec(tasks=["fake"], scales=["96"], seeds=[0], methods=rows)
    plan = make_plan(cells_of("some", spec), [f"store.root={place / 'store'}"], place, config_dir=FAKE_CONF)
    return plan, [Job(cell=cell, folder=place / cell.spec.name) for cell in plan.cells]


def test_a_sweep_that_goes_on_is_written_down_as_far_as_it_has_come(tmp_path):
    _, jobs = jobs_of(tmp_path, random=[], edt=[])
    places = (tmp_path / "runs", tmp_path / "results")
    clocked = Clocked(*places, jobs=2, every=0)
    clocked.watch(jobs)
    assert not any(place.exists() for place in places)  # nothing is started yet
    for number, job in enumerate(jobs, start=1):
        job.state, job.started = "running", time.monotonic()
        clocked.watch(jobs)
        (line,) = read_sweeps(places[0] / "sweeps.jsonl")
        assert [line] == read_sweeps(places[1] / "sweeps.jsonl")
        assert line.cells == tuple(job.cell.digest[:12] for job in jobs[:number])
    assert took(line) == "2 cells took 0 s with jobs=2"
    later = Clocked(*places, jobs=1)
    later.watch(jobs)
    assert read_sweeps(places[0] / "sweeps.jsonl") == [line]  # not every moment
    later.keep()
    assert [one.jobs for one in read_sweeps(places[0] / "sweeps.jsonl")] == [2, 1]
