import pytest
from PIL import Image

from edt.tracking.summary import log_summary
from tests.tracking.offline import logged_table, summary, written


@pytest.fixture
def files(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    Image.new("RGB", (16, 16), "teal").save(tmp_path / "scores.png")
    (tmp_path / "table.md").write_text("# A table\n")
    return [tmp_path / "table.md", tmp_path / "scores.png"]


def summarise(folder, files, score):
    return log_summary(
        folder,
        project="edt",
        entity=None,
        mode="offline",
        name="small",
        group="small",
        tables={"wide": (("method", "a", "a_std"), [["random", 0.5, None], ["edt", score, 0.1]])},
        figures={"headline/mean_gain": 0.25},
        files=files,
    )


def test_an_offline_summary_holds_tables_plots_files_and_figures(tmp_path, files):
    assert summarise(tmp_path / "runs", files, 0.75)
    folder, all_records = written(tmp_path / "runs")
    (run,) = (record.run for record in all_records if record.WhichOneof("record_type") == "run")
    assert (run.display_name, run.run_group, run.job_type) == ("small", "small", "summary")
    table = logged_table(folder, all_records, "wide")
    assert table["columns"] == ["method", "a", "a_std"]
    assert table["data"] == [["random", 0.5, None], ["edt", 0.75, 0.1]]
    assert list(folder.glob("files/media/images/plots/scores*.png"))
    saved = [item.path for r in all_records if r.WhichOneof("record_type") == "files" for item in r.files.files]
    assert {"table.md", "scores.png"} <= set(saved)
    assert (folder / "files" / "table.md").read_text() == "# A table\n"
    assert summary(all_records)["headline/mean_gain"] == 0.25


def test_a_later_summary_takes_the_place_of_the_first(tmp_path, files):
    summarise(tmp_path / "runs", files, 0.75)
    summarise(tmp_path / "runs", files, 0.5)
    folder, all_records = written(tmp_path / "runs")  # there is just one
    assert logged_table(folder, all_records, "wide")["data"][1] == ["edt", 0.5, 0.1]


def test_a_summary_that_breaks_is_finished_as_failed(tmp_path, files):
    files[0].unlink()
    with pytest.raises(FileNotFoundError):
        summarise(tmp_path / "runs", files, 0.75)
    _, all_records = written(tmp_path / "runs")
    (exit_record,) = (record.exit for record in all_records if record.WhichOneof("record_type") == "exit")
    assert exit_record.exit_code == 1


def test_what_is_synced_later_is_what_was_rendered_then(tmp_path, files):
    summarise(tmp_path / "runs", files, 0.75)
    (tmp_path / "table.md").write_text("# Another\n")
    folder, _ = written(tmp_path / "runs")
    assert (folder / "files" / "table.md").read_text() == "# A table\n"
