"""What is known of a table before any of it is run."""

from pathlib import Path

import pytest

from edt.experiment import compose_all
from edt.sweep.plan import compose_cells, make_plan
from edt.sweep.run import Job, next_of
from edt.sweep.spec import MethodRow, TableSpec, cells_of
from tests.harness import FAKE_CONF, FAKES


@pytest.mark.parametrize(
    "row",
    [
        ["method=edt"],
        ["method=edt", "identifier=random_step"],  # its seed is the run's
        ["method=random", "supporting=pocket_without_best"],  # what is left out depends on the task
        ["method=random", "task.num_test=${scale.samples}"],
    ],
)
def test_a_cell_is_composed_as_its_run_is(row):
    spec = TableSpec(
        tasks=["pocket_furniture", "pocket_vqa"],
        scales=["88", "264"],
        seeds=[0, 1],
        methods={"edt": MethodRow(), "row": MethodRow(overrides=row)},
    )
    cells = [cell for cell in cells_of("some", spec) if cell.seed or cell.task == "pocket_vqa"]
    alone = compose_all([cell.overrides for cell in cells])
    assert compose_cells(cells, [], config_dir=None) == alone


@pytest.mark.parametrize(
    ("scale", "rounds", "reason"),
    [
        ("300", 2, ""),
        ("1k", 2, "scale.samples=1000 is more than the 320 samples of the supporting dataset 'fake'; choose a smaller"),
        ("1k", 0, ""),
        ("full", 2, ""),
    ],
)
def test_a_cell_that_asks_for_more_than_there_is_says_so(tmp_path, scale, rounds, reason):
    spec = TableSpec(tasks=["fake"], scales=[scale], seeds=[0], methods={"edt": MethodRow()})
    options = [*FAKES[1:], f"budget.rounds={rounds}", f"store.root={tmp_path / 'store'}"]
    plan = make_plan(cells_of("some", spec), options, Path(tmp_path), config_dir=FAKE_CONF)
    (cell,) = plan.cells
    assert cell.reason.startswith(reason)
    assert bool(cell.reason) == bool(reason)
    assert bool(cell.digest) != bool(reason)


def test_no_cell_waits_for_what_another_is_making(tmp_path):
    """Two tasks share Random's training, and what LESS makes of the supporting dataset: the slots go to others."""
    tasks = ["pocket_furniture", "pocket_vqa"]
    methods = {name: MethodRow() for name in ("less", "random", "edt")}
    cells = cells_of("some", TableSpec(tasks=tasks, scales=["88"], seeds=[0], methods=methods))
    plan = make_plan(cells, [f"store.root={tmp_path / 'store'}"], tmp_path, config_dir=None)
    queue = [Job(cell=cell, folder=tmp_path / cell.spec.name) for cell in plan.cells]
    begun = []
    while job := next_of(queue):
        job.state = "running"
        begun.append(job)
    assert [job.cell.spec.method for job in begun] == ["less", "random", "edt", "edt"]
    begun[0].state = "measured"
    assert (following := next_of(queue)) is not None
    assert (following.cell.spec.method, following.cell.spec.task) == ("less", "pocket_vqa")
