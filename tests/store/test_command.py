import json
import os
import sys
import time

import pytest
from filelock import FileLock

from edt.store.folders import Store
from edt.store.stages import StageNote, noting
from tests.harness import run_apart, run_here


def store(tmp_path, *arguments, runs=None):
    places = ["--root", str(tmp_path / "store")]
    for folder in runs or [tmp_path]:
        places += ["--runs", str(folder)]
    return run_apart([sys.executable, "-m", "edt.store", *arguments, *places])


@pytest.fixture
def used(tmp_path):
    """A store that one run refers to."""
    run_here(tmp_path)
    return tmp_path


def folders(place):
    return sorted(path for path in (place / "store").glob("*/*") if path.is_dir())


def test_ls_counts_results_by_stage(used):
    shown = store(used, "ls")
    assert shown.returncode == 0
    counts = {line.split()[0]: int(line.split()[1]) for line in shown.stdout.splitlines() if len(line.split()) == 4}
    assert counts == {"analyse": 2, "evaluate": 1, "identify": 2, "predict": 3, "select": 2, "tune": 2}


def test_verify_names_what_is_damaged(used):
    whole = store(used, "verify")
    assert (whole.returncode, whole.stdout.strip()) == (0, "12 of 12 results are whole")
    victim = next((used / "store" / "predict").glob("*/result.jsonl"))
    victim.write_text("{}")
    done = store(used, "verify")
    assert done.returncode == 1
    assert f"damaged: {victim.parent} (result.jsonl)" in done.stdout
    assert "11 of 12" in done.stdout


def test_gc_removes_only_what_no_run_needs_and_only_when_told(used):
    kept = folders(used)
    left = used / "store" / "tune" / f"{'a' * 32}.part"
    left.mkdir()
    unused = used / "store" / "tune" / ("d" * 32)
    unused.mkdir()
    (unused / "manifest.json").write_text(json.dumps({"seconds": 1, "files": {}}))
    (used / "store" / "tune" / "notes").mkdir()  # not the store's own: never touched
    kept.append(used / "store" / "tune" / "notes")
    assert store(used, "gc", "--yes").stdout.strip() == "0.0 MB"  # all of it is young
    shown = store(used, "gc", "--older-than", "0")
    assert f"would remove: {left} (left by a killed run)" in shown.stdout
    assert f"would remove: {unused} (no run refers to it)" in shown.stdout
    assert left.exists()
    assert unused.exists()
    with FileLock(f"{unused}.lock"):
        assert f"in use: {unused}" in store(used, "gc", "--yes", "--older-than", "0").stdout
    assert not left.exists()
    assert unused.exists()
    store(used, "gc", "--yes", "--older-than", "0")
    assert folders(used) == sorted(kept)


def test_what_a_link_leads_to_is_no_result_and_a_time_that_is_none_is_refused(used):
    (used / "elsewhere").mkdir()
    (used / "store" / "tune" / ("e" * 32)).symlink_to(used / "elsewhere")
    assert "12 of 12 results are whole" in store(used, "verify").stdout
    for days in ("-1", "nan"):
        done = store(used, "gc", "--yes", "--older-than", days)
        assert (done.returncode, done.stderr) == (1, f"error: --older-than {days} must be days, 0 or more\n")
    store(used, "gc", "--yes", "--older-than", "0")
    assert len(folders(used)) == 13


def test_a_store_that_is_not_there_is_named(tmp_path):
    done = store(tmp_path, "ls")
    assert done.returncode == 1
    assert "there is no store at" in done.stderr


def test_odd_manifests_are_counted_named_and_made_again(used):
    odd = ["[]", '{"seconds": "x", "files": {}}', f'{{"seconds": 1{"0" * 400}}}', "\ud800"]
    found = sorted((used / "store").glob("*/*/manifest.json"))
    for path, text in zip(found, odd, strict=False):
        path.write_bytes(text.encode(errors="surrogatepass"))
    found[4].unlink()
    found[4].mkdir()
    for action in ("ls", "gc"):
        done = store(used, action)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    done = store(used, "verify")
    assert done.returncode == 1
    assert done.stdout.count("damaged: ") == 5
    assert done.stderr.strip().endswith("error: 5 results are damaged; a run that needs one makes it again")
    assert len(run_here(used, name="again").report.rounds) == 2
    assert store(used, "verify").returncode == 0


def test_gc_refuses_where_nobody_says_what_is_used(used):
    for notes in used.rglob("stages.jsonl"):
        notes.write_text("{")
    done = store(used, "gc", "--yes", "--older-than", "0")
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    for notes in used.rglob("stages.jsonl"):
        notes.unlink()
    assert "says what it uses; name the folder" in store(used, "gc", "--yes").stderr
    assert len(folders(used)) == 12


def lost(place, *arguments, **places):
    """Results that gc takes for unused, whatever their age."""
    done = store(place, "gc", "--older-than", "0", *arguments, **places)
    assert done.returncode == 0, done.stderr
    return done.stdout.count("would remove: ")


def test_gc_follows_links_to_runs_and_meets_no_folder_twice(used):
    (used / "outputs" / "tables").mkdir(parents=True)
    (used / "elsewhere").mkdir()
    (used / "run").rename(used / "elsewhere" / "run")
    (used / "outputs" / "tables" / "main").symlink_to(used / "elsewhere")
    (used / "elsewhere" / "back").symlink_to(used / "outputs")  # a loop
    (used / "outputs" / "nowhere").symlink_to(used / "none")
    assert lost(used, runs=[used / "outputs"]) == 0


def test_gc_reads_every_folder_of_runs_and_wants_a_run_in_each(used):
    run_here(used, "seed=1", name="more")
    assert lost(used, runs=[used / "run"]) > 0
    assert lost(used, runs=[used / "more"]) > 0
    assert lost(used, runs=[used / "run", used / "more"]) == 0
    (used / "empty").mkdir()
    for wrong in (used / "empty", used / "none"):
        done = store(used, "gc", "--yes", runs=[used / "run", wrong])
        assert (done.returncode, done.stdout) == (1, "")
        assert f"no run under {wrong} says what it uses" in done.stderr


def test_gc_counts_what_is_no_run_and_leaves_its_notes_in_the_store(used):
    found = store(used, "gc", "--older-than", "0", runs=[used / "run"])
    assert found.stdout.strip() == "0.0 MB"
    for notes in (used / "run").rglob("stages.jsonl"):
        lines = notes.read_text().splitlines()
        notes.write_text(lines[0] + "\n")
    assert lost(used, runs=[used / "run"]) == 11
    told = noting(used / "store", "links")
    for line in lines[1:]:
        told(StageNote(**json.loads(line)))
    assert lost(used, runs=[used / "run"]) == 0


def test_a_result_is_as_young_as_its_last_use(used):
    folder = used / "store" / "tune" / ("d" * 32)
    kept = Store(used / "store")

    def make(place):
        (place / "result").write_text("1")

    kept.fetch("tune", folder.name, make, about={})
    then = time.time() - 8 * 86400
    for path in (folder, *folder.iterdir()):
        os.utime(path, (then, then))
    assert f"would remove: {folder}" in store(used, "gc").stdout
    made = (folder / "manifest.json").stat().st_mtime_ns
    assert kept.find("tune", folder.name) is not None  # only looks, as a plan does
    assert f"would remove: {folder}" in store(used, "gc").stdout
    assert kept.fetch("tune", folder.name, make, about={}).reused
    assert store(used, "gc").stdout.strip() == "0.0 MB"
    assert (folder / "manifest.json").stat().st_mtime_ns == made


def test_a_result_whose_time_cannot_be_set_is_reused_all_the_same(used, monkeypatch):
    def refuse(path):
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(os, "utime", refuse)
    assert all(note.reused for note in run_here(used, name="again").notes)
