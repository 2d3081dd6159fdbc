import json
import subprocess
import sys

from edt.tables.summary import peak_rss_mb, seconds_by_stage, summary, write_summary
from tests.harness import run_here


def test_the_summary_has_the_layout_that_others_read(tmp_path):
    runs = {method: run_here(tmp_path, f"method={method}", name=method) for method in ("pretrained", "edt")}
    notes = [note for run in runs.values() for note in run.notes]
    data = summary(
        {method: run.report for method, run in runs.items()}, notes, wall_seconds=9.0, peak_rss_mb=peak_rss_mb()
    )
    write_summary(tmp_path / "deep" / "summary.json", data)
    read = json.loads((tmp_path / "deep" / "summary.json").read_text())
    assert read["task"] == "fake"
    assert set(read["seconds"]) == {"predict", "identify", "analyse", "select", "tune", "evaluate"}
    assert read["peak_rss_mb"] > 10  # of this process, whatever else it has done
    assert set(read["methods"]) == {"pretrained", "edt"}
    for splits in read["methods"].values():
        for split in ("validation", "test"):
            assert {"score", "n", "unparsed"} <= set(splits[split])
    assert 0.9 < read["share_outside_models"] <= 1


def test_a_shared_stage_is_counted_once(tmp_path):
    first, again = run_here(tmp_path), run_here(tmp_path, name="again")
    assert seconds_by_stage([*first.notes, *again.notes]) == seconds_by_stage(first.notes)
    assert summary({"edt": again.report}, again.notes, wall_seconds=1, peak_rss_mb=1)["share_outside_models"] is None


def test_a_program_and_its_child_count_for_what_they_hold_and_not_for_what_started_them():
    starter = b"x" * 600_000_000
    held = "b'x' * 200_000_000"
    code = f"""
import subprocess, sys
from edt.tables.summary import peak_rss_mb
mine = {held}
subprocess.run(["true"], check=True)
alone = peak_rss_mb()
child = subprocess.Popen([sys.executable, "-c", "his = {held}; print(flush=True); input()"], stdin=-1, stdout=-1)
child.stdout.readline()
print(alone, peak_rss_mb())
child.communicate()
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    alone, together = map(float, shown.stdout.split())
    assert len(starter) / 1e6 > 390 > alone > 200, "by getrusage: 600 and more, twice"
    assert together > alone + 200
