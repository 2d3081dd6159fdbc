"""A table's files while it runs: what is done is written down, and nothing that was measured is lost."""

from filelock import FileLock

from edt.sweep.command import sweep
from edt.sweep.recorder import Recorder
from edt.sweep.run import run_cells
from edt.tables.cells import read_cells
from tests.harness import start
from tests.sweep.test_clocked import jobs_of
from tests.sweep.test_sweep import command, options, place, wait_for  # noqa: F401


def states(path):
    return [cell.state for cell in read_cells(path) if cell.split == "test"]


def test_a_sweep_that_goes_on_keeps_the_cells_that_are_done(tmp_path):
    plan, _ = jobs_of(tmp_path / "runs", pretrained=[], random=["+tuner.fatal_seed=0", "+tuner.end=error"], edt=[])
    often, seldom = (Recorder(plan, tmp_path / "runs", tmp_path / name, every=e) for name, e in (("a", 0), ("b", 60)))
    path, seen = tmp_path / "a" / "cells.csv", []

    def watch(jobs):
        often.watch(jobs)
        seldom.watch(jobs)
        if path.exists() and states(path) not in seen:
            seen.append(states(path))

    run_cells(plan.cells, tmp_path / "runs", jobs=1, stop_on_error=False, watch=watch)
    assert seen == [
        ["measured", "missing", "missing"],
        ["measured", "failed", "missing"],
        ["measured", "failed", "measured"],
    ]
    assert not (tmp_path / "b").exists()  # at most once in that time
    often.keep()
    seldom.keep()
    assert path.read_bytes() == (tmp_path / "b" / "cells.csv").read_bytes()
    assert not often.aside


def test_what_another_sweep_has_measured_meanwhile_is_kept(place, tmp_path):  # noqa: F811
    plan, _ = jobs_of(tmp_path, pretrained=[])
    folder = tmp_path / "results"
    run_cells(plan.cells, tmp_path / "one", jobs=1, stop_on_error=False)
    Recorder(plan, tmp_path / "one", folder).keep()
    kept = (folder / "cells.csv").read_bytes()
    late = Recorder(plan, tmp_path / "two", folder)  # it began when nothing was measured, and was stopped at once
    late.keep()
    assert (folder / "cells.csv").read_bytes() == kept
    assert states(folder / "cells.csv") == ["measured"]
    assert not late.aside


def test_one_sweep_at_a_time_has_a_place_of_results(place):  # noqa: F811
    results = place / "output_results" / "small"
    results.mkdir(parents=True)
    with FileLock(results / ".lock"):
        process = start([*command(place, "methods=pretrained", "tasks=fake"), f"output={place / 'another'}"])
        assert process.stdout
        assert process.stdout.readline() == f"waiting for another sweep of table small in {results}\n"
        assert process.poll() is None
    said, wrong = process.communicate(timeout=120)
    assert process.returncode == 0, wrong
    assert "1 cell took" in said


def test_a_file_that_would_lose_measured_lines_is_kept_beside_it(place, capsys):  # noqa: F811
    folder = place / "output_results" / "small"
    first, changed = ["tasks=fake", "methods=random"], ["tasks=fake", "methods=random", "+tuner.epochs=2"]
    sweep(options(place, *first))
    sweep(options(place, "tasks=other", "methods=random"))  # the others are still in their runs
    sweep(options(place, *first))
    assert not list(folder.glob("*.earlier*"))
    kept = {name: (folder / name).read_bytes() for name in ("cells.csv", "rounds.csv")}
    capsys.readouterr()
    sweep(options(place, *changed))
    assert f"or could not be read: kept as {folder / 'cells.csv.earlier'}\n" in capsys.readouterr().out
    assert {name: (folder / f"{name}.earlier").read_bytes() for name in kept} == kept
    changed_cells = (folder / "cells.csv").read_bytes()
    assert changed_cells != kept["cells.csv"]
    sweep(options(place, *first))
    assert (folder / "cells.csv").read_bytes() == kept["cells.csv"]
    assert (folder / "cells.csv.earlier-2").read_bytes() == changed_cells
    assert (folder / "cells.csv.earlier").read_bytes() == kept["cells.csv"]
    # one that cannot be read may hold anything
    (folder / "cells.csv").write_bytes(b"\xff")
    sweep(options(place, *first))
    assert (folder / "cells.csv").read_bytes() == kept["cells.csv"]
    assert (folder / "cells.csv.earlier-3").read_bytes() == b"\xff"
