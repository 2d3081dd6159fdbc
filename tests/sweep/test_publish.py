"""A table whose cells are mirrored to W&B gets a run that sums it up; all offline, and read back from disk."""

import sys

import pytest

from edt.sweep.command import sweep
from edt.tables.cells import read_cells
from tests.harness import run_apart
from tests.sweep.test_sweep import options, place  # noqa: F401
from tests.tracking.offline import logged_table, written

PART = ("tasks=fake", "methods=pretrained,edt", "tracker=wandb")


@pytest.fixture
def offline(monkeypatch, place):  # noqa: F811
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.delenv("WANDB_RUN_GROUP", raising=False)
    return place


def the_run(all_records):
    (run,) = (record.run for record in all_records if record.WhichOneof("record_type") == "run")
    return run


def test_a_tables_offline_summary_has_its_rows(offline, capsys, monkeypatch):
    sweep(options(offline, *PART))
    shown = capsys.readouterr().out
    output = offline / "output" / "small"
    assert f"wandb sync {output}/wandb/offline-run-* {output}/*/wandb/offline-run-*" in shown
    _, of_cell = written(output / "fake-96-edt-s0")
    assert (the_run(of_cell).run_group, the_run(of_cell).job_type) == ("small", "edt")
    folder, all_records = written(output)
    run = the_run(all_records)
    assert (run.display_name, run.run_group, run.job_type) == ("small", "small", "summary")

    results = offline / "output_results" / "small"
    cells = read_cells(results / "cells.csv")
    long = logged_table(folder, all_records, "cells")
    found = [dict(zip(long["columns"], row, strict=True)) for row in long["data"]]
    assert [(row["run"], row["split"], row["score"]) for row in found] == [(c.run, c.split, c.score) for c in cells]
    wide = logged_table(folder, all_records, "wide")
    scores = {cell.method: cell.share for cell in cells if cell.split == "test"}
    assert {row[0]: row[2] for row in wide["data"]} == pytest.approx(scores)
    table = logged_table(folder, all_records, "table")
    assert table["columns"] == ["method", "samples", "fake", "mean"]
    assert [row[0] for row in table["data"]] == ["pre-trained", "error-driven"]
    for name in ("cells.csv", "rounds.csv", "table.md", "table.tex", "wide.csv", "time.svg", "report.html"):
        assert (folder / "files" / name).is_file()
    assert (folder / "files" / "table.md").read_bytes() == (results / "table.md").read_bytes()
    assert len(list(folder.glob("files/media/images/plots/*.png"))) == 4

    # W&B that cannot be had costs a sentence, and nothing of the table
    kept = (results / "table.md").read_bytes()
    (results / "table.md").unlink()
    monkeypatch.setitem(sys.modules, "wandb", None)  # importing it fails
    sweep(options(offline, *PART, "action=render"))
    assert "W&B has no summary of this table; its local files are whole" in capsys.readouterr().out
    assert (results / "table.md").read_bytes() == kept


@pytest.mark.parametrize("tracker", ["tracker=local", "tracker.mode=disabled"])
def test_without_wandb_there_is_no_summary(offline, capsys, tracker):
    sweep(options(offline, "tasks=fake", "methods=pretrained", "tracker=wandb", tracker))
    assert "W&B" not in capsys.readouterr().out
    assert not (offline / "output" / "small" / "wandb").exists()


def test_a_plan_does_not_import_wandb(offline):
    arguments = options(offline, "action=plan", "tracker=wandb")
    code = f"import sys; from edt.sweep.command import sweep; sweep({arguments!r}); sys.exit('wandb' in sys.modules)"
    done = run_apart([sys.executable, "-c", code], timeout=300)
    assert done.returncode == 0, done.stderr
    assert "6 to run" in done.stdout
