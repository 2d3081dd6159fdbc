import json
import logging
import sys
from pathlib import Path

import pytest
from PIL import Image

from edt.fakes import FakeTuner
from edt.tracking.local import read_events
from edt.tracking.wandb import WandbTracker, default_mode
from edt.types import to_json
from tests.harness import command, run_apart, run_here
from tests.tracking.offline import history, logged_table, summary, written


@pytest.fixture
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("HOME", str(tmp_path))
    Image.new("RGB", (16, 16), "teal").save(tmp_path / "picture.png")
    return tmp_path


def test_an_offline_run_holds_metrics_tables_and_pictures(offline):
    finished = run_here(offline, "tracker=wandb", f"task.root={offline}")
    folder, all_records = written(finished.folder)
    (run,) = (record.run for record in all_records if record.WhichOneof("record_type") == "run")
    assert (run.run_group, run.job_type) == ("fake-demo-edt", "edt")
    rows = history(all_records)
    assert [row["round"] for row in rows if "validation/score" in row] == [1, 2]
    (final,) = (row for row in rows if "final/test/score" in row)
    assert finished.report.test is not None
    assert final["final/test/score"] == pytest.approx(finished.report.test.score)
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("files/media/table/*.json"))]
    gaps = next(table for table in found if "mistaken step" in table["columns"] and table["data"])
    assert len(gaps["data"]) == finished.report.rounds[0].errors
    errors = next(table for table in found if "picture" in table["columns"] and table["data"])
    assert len(errors["data"]) == finished.report.rounds[0].errors
    artifacts = [record.artifact for record in all_records if record.WhichOneof("record_type") == "artifact"]
    pictures = [entry for artifact in artifacts for entry in artifact.manifest.contents if entry.path.endswith(".png")]
    assert pictures
    assert all(Path(entry.local_path).is_file() for entry in pictures)


def test_findings_and_the_seconds_of_stages_are_in_the_events_and_in_the_summary(offline):
    finished = run_here(offline, "tracker=wandb", "scale=96")
    report, events = finished.report, read_events(finished.folder)
    (told,) = (event for event in events if event["event"] == "findings")
    assert told["changes"] == to_json(report.changes)
    assert told["findings"] == to_json(report.findings) != []
    assert not {"changes", "findings"} & next(event for event in events if event["event"] == "report").keys()
    folder, all_records = written(finished.folder)
    said = summary(all_records)
    for stage in ("predict", "identify", "analyse", "select", "tune", "evaluate"):
        assert said[f"final/seconds/{stage}"] == pytest.approx(report.seconds[stage])
    assert {name: state for name, state in said.items() if name.startswith("finding/")} == {
        f"finding/{finding.name}": finding.state for finding in report.findings
    }
    table = logged_table(folder, all_records, "findings")
    assert table["data"] == [[finding.name, finding.state, finding.evidence] for finding in report.findings]
    assert [row[:4] for row in logged_table(folder, all_records, "changes")["data"]] == [
        [change.round, change.closed, change.persists, change.new] for change in report.changes
    ]


def test_a_run_without_a_round_has_the_seconds_of_its_stages_and_no_findings(offline):
    finished = run_here(offline, "tracker=wandb", "method=pretrained")
    said = summary(written(finished.folder)[1])
    assert said["final/seconds/evaluate"] == pytest.approx(finished.report.seconds["evaluate"])
    assert "findings" not in [event["event"] for event in read_events(finished.folder)]


def test_run_py_says_how_an_offline_run_is_uploaded(tmp_path):
    arguments = [argument for argument in command(tmp_path, "method=pretrained") if argument != "tracker=local"]
    mirrored = run_apart([*arguments, "tracker=wandb"], timeout=120)
    folder = tmp_path / "run"
    assert f"\nW&B was offline; to upload this run: wandb sync {folder}/wandb/offline-run-*\n" in mirrored.stdout
    assert list(folder.glob("wandb/offline-run-*"))
    assert "W&B" not in run_apart([*arguments, "tracker=local"]).stdout


def test_finish_is_written_also_when_the_run_fails(offline, monkeypatch):
    def break_down(self, student, samples, root, *, folder, seed):
        raise RuntimeError("the tuner broke")

    monkeypatch.setattr(FakeTuner, "tune", break_down)
    with pytest.raises(RuntimeError, match="the tuner broke"):
        run_here(offline, "tracker=wandb", name="broken")
    _, all_records = written(offline / "broken")
    (exit_record,) = (record.exit for record in all_records if record.WhichOneof("record_type") == "exit")
    assert exit_record.exit_code == 1
    assert read_events(offline / "broken")[-1]["status"] == "failed"


def test_two_runs_in_one_process_stay_apart(offline):
    first, second = (run_here(offline, "tracker=wandb", f"method={name}", name=name) for name in ("edt", "random"))
    ids = {written(finished.folder)[0].name for finished in (first, second)}
    assert len(ids) == 2
    for finished in (first, second):
        kinds = [record.WhichOneof("record_type") for record in written(finished.folder)[1]]
        assert kinds.count("exit") == 1


def test_what_is_done_again_in_a_folder_takes_the_place_of_what_was(offline):
    first = written(run_here(offline, "tracker=wandb").folder)[0]
    (first / "mark").touch()
    folder, all_records = written(run_here(offline, "tracker=wandb", "method=random").folder)
    assert folder.name.rpartition("-")[2] == first.name.rpartition("-")[2]
    assert not (folder / "mark").exists()
    assert [record.run.job_type for record in all_records if record.WhichOneof("record_type") == "run"] == ["random"]


def test_the_group_is_the_sweeps_where_there_is_one(offline, monkeypatch):
    monkeypatch.setenv("WANDB_RUN_GROUP", "main")
    _, all_records = written(run_here(offline, "tracker=wandb", "method=pretrained").folder)
    assert [record.run.run_group for record in all_records if record.WhichOneof("record_type") == "run"] == ["main"]


def test_a_broken_wandb_is_said_once_and_changes_nothing(offline, monkeypatch, caplog):
    local = run_here(offline, name="local").report
    monkeypatch.setitem(sys.modules, "wandb", None)  # importing it fails
    with caplog.at_level(logging.WARNING, logger="edt.tracking"):
        mirrored = run_here(offline, "tracker=wandb", name="mirrored")
    assert mirrored.report == local
    assert caplog.text.count("W&B is left out from here on") == 1
    assert read_events(mirrored.folder)[-1]["status"] == "finished"


def test_wandb_that_breaks_on_the_way_is_left_alone(offline, caplog):
    class Breaks:
        def log(self, row):
            raise OSError("disk full")

    tracker = WandbTracker(mode="offline")
    tracker.start({"method": {"name": "m"}, "scale": {"name": "s"}, "task": {"task": "t"}, "seed": 0}, offline / "run")
    tracker._run.finish()
    tracker._run = Breaks()
    with caplog.at_level(logging.WARNING, logger="edt.tracking"):
        for _ in range(3):
            tracker.log("report", {"validation": None, "test": None, "seconds": {}})
        tracker.finish("finished")
    assert caplog.text.count("disk full") == 1
    assert [event["event"] for event in read_events(offline / "run")] == ["start", *["report"] * 3, "finish"]


@pytest.mark.parametrize(
    ("key", "mode", "expected"), [("", "", "offline"), ("k", "", "online"), ("k", "offline", "offline")]
)
def test_offline_is_the_default_without_a_key(offline, monkeypatch, key, mode, expected):
    for name, value in (("WANDB_API_KEY", key), ("WANDB_MODE", mode)):
        monkeypatch.setenv(name, value)
    assert default_mode() == expected


def test_an_unknown_mode_is_one_sentence(tmp_path):
    done = run_apart(
        [
            argument
            for argument in command(tmp_path, "tracker=wandb", "tracker.mode=loud")
            if argument != "tracker=local"
        ]
    )
    assert "error: tracker: mode must be online, offline, disabled or null, not 'loud'" in done.stderr
    assert done.returncode == 1
