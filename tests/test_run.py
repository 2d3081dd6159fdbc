import json
import re
import signal
import sys
import time
from collections import Counter

import pytest

from edt.pocket.targets import TASKS
from edt.tracking.local import read_events
from edt.types import Report, from_json
from tests.harness import FAKE_CONF, FAKES, command, environment, run_apart, run_here, start

HEAVY = ("torch", "transformers", "pytorch_lightning", "peft", "wandb", "scipy", "matplotlib")


def test_help_comes_at_once_without_anything_heavy(tmp_path):
    look = (
        "import sys, runpy, atexit; sys.argv = ['run.py', *sys.argv[1:]]\n"
        f"atexit.register(lambda: print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules]))\n"
        "runpy.run_path('run.py', run_name='__main__')"
    )
    done = run_apart([sys.executable, "-c", look, "--config-dir", str(FAKE_CONF), *FAKES, "--help"])
    assert "Usage: python run.py" in done.stdout
    assert "HEAVY []" in done.stdout
    assert done.returncode == 0


def test_whoever_reads_no_further_is_told_nothing_more():
    process = start([sys.executable, "run.py", "--help"])
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 128 + signal.SIGPIPE


def test_a_run_leaves_its_files(tmp_path):
    done = run_apart(command(tmp_path))
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "run"
    report = from_json(Report, json.loads((folder / "report.json").read_text()))
    assert report.method == "edt"
    assert "error-driven" in done.stdout
    assert [event["event"] for event in read_events(folder)] == [
        "start", "errors", "round", "errors", "round", "report", "findings", "finish",
    ]  # fmt: skip
    assert "_target_: edt.fakes.FakeStudent" in (folder / "config.yaml").read_text()
    stages = [json.loads(line)["stage"] for line in (folder / "stages.jsonl").read_text().splitlines()]
    assert stages == [*["predict", "identify", "analyse", "select", "tune"] * 2, "predict", "evaluate"]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("sede=1", "error: there is no option 'sede'; did you mean 'seed'"),
        ("student.dealy=1", "error: student has no option 'dealy'; FakeStudent knows: delay, unparsed"),
        ("task=null", "error: there is no task called 'null'; choose one of: "),
        ("task.size=abc", "error: task.size must be a whole number, not 'abc'"),
        ("hydra/launcher=5", "error: these options cannot be used: "),
        ("store.root=/proc/none", "error: store.root '/proc/none' cannot be written"),
        (
            "store.root=/dev/null/x",
            "error: store.root '/dev/null/x' cannot be written (Not a directory); choose another",
        ),
        ("output=/proc/none", "error: the output folder '/proc/none' cannot be written"),
        ("hydra.run.dir=/proc/none", "error: the run's folder /proc/none cannot be written"),
    ],
)
def test_a_mistake_gets_one_sentence_and_a_failing_exit_code(tmp_path, argument, message):
    done = run_apart(command(tmp_path, argument))
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["run.py", "task=pocket_vqa"], ["run.py", "--help"], ["sweep.py", "table=main"]])
def test_a_python_without_the_packages_is_told_how_to_get_them(arguments):
    done = run_apart([sys.executable, "-S", *arguments])  # without site-packages
    assert done.returncode == 1
    assert re.fullmatch(r"error: the package '\w+' is not installed for .*; run `make setup` and .*\n", done.stderr)


def test_without_pocket_a_run_is_told_the_one_command_that_sets_it_up(tmp_path, monkeypatch):
    monkeypatch.setenv("EDT_CACHE", str(tmp_path / "empty"))
    done = run_apart(
        [sys.executable, "run.py", f"hydra.run.dir={tmp_path / 'run'}", f"store.root={tmp_path / 'store'}"]
    )
    assert done.returncode == 1
    assert re.fullmatch(r"error: the language model .*; run `python -m edt.pocket.setup`\n", done.stderr)


def test_whoever_asks_hydra_for_it_gets_the_whole_error(tmp_path):
    whole = {**environment(), "HYDRA_FULL_ERROR": "1"}
    done = run_apart(["env", *(f"{k}={v}" for k, v in whole.items()), *command(tmp_path, "store.root=/proc/none")])
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize("name", ["report.json", "events.jsonl"])
def test_a_folder_in_the_place_of_a_file_is_named(tmp_path, name):
    (tmp_path / "run" / name).mkdir(parents=True)
    done = run_apart(command(tmp_path))
    assert done.returncode == 1
    assert f"error: {tmp_path / 'run' / name} cannot be used (Is a directory); mend that" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_says_where_it_cannot_write(tmp_path):
    options = ["--config-dir", str(FAKE_CONF), "--output", "/proc/none", *FAKES, f"store.root={tmp_path}"]
    done = run_apart([sys.executable, "experiments/demo.py", *options])
    assert done.returncode == 1
    assert "error: the output folder '/proc/none/pretrained' cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_multirun_goes_through_all_jobs_and_shares_the_base(tmp_path):
    sweep = [f"hydra.sweep.dir={tmp_path / 'sweep'}", "method=pretrained,random,edt", "scale=96,300", "-m"]
    done = run_apart(command(tmp_path, *sweep))
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "sweep").glob("*/report.json"))) == 6
    bases = [p for p in (tmp_path / "store" / "predict").glob("*/manifest.json") if '"adapter": null' in p.read_text()]
    assert len(bases) == 1


def test_a_glob_of_tasks_runs_every_one_and_the_second_time_finds_all_done(tmp_path):
    jobs = ["task=glob([fake,oth*])", "scale=96,192", "method=edt,random,full", "-m"]
    for name in ("first", "second"):
        arguments = [*command(tmp_path, f"hydra.sweep.dir={tmp_path / name}"), *jobs]
        arguments.remove("task=fake")
        done = run_apart(arguments, timeout=300)
        assert done.returncode == 0, done.stderr
        reports = [json.loads(path.read_text()) for path in (tmp_path / name).glob("*/report.json")]
        assert len(reports) == 12
        assert Counter(report["task"] for report in reports) == {"fake": 6, "other": 6}
        assert {_trained(report) for report in reports if report["method"] == "full"} == {320}
        assert Counter(_trained(r) for r in reports if r["method"] != "full") == {96: 4, 192: 4}
    notes = [note for path in (tmp_path / "second").glob("*/stages.jsonl") for note in path.read_text().splitlines()]
    assert notes
    assert all(json.loads(note)["reused"] for note in notes)


def test_a_glob_of_pockets_tasks_stands_for_every_one(tmp_path):
    """Refused before any of them begins, by an option that each job is asked about."""
    places = [f"hydra.sweep.dir={tmp_path / 'sweep'}", f"store.root={tmp_path / 'store'}"]
    done = run_apart([sys.executable, "run.py", "-m", "task=glob(pocket_*)", "jobs=-1", *places])
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["error: jobs must be a whole number from 0, not -1"] * 7
    folders = sorted(path.name for path in (tmp_path / "sweep").iterdir() if path.is_dir())
    assert folders == [f"{n}-{task}-demo-edt-s0" for n, task in enumerate(sorted(f"pocket_{name}" for name in TASKS))]
    assert not (tmp_path / "store").exists()


def _trained(report):
    return sum(len(record["picks"]) for record in report["rounds"])


def test_a_multirun_side_by_side_leaves_what_one_after_another_does(tmp_path):
    jobs = ["method=pretrained,random,edt", "seed=0,1", "-m"]
    for name, more in (("one", []), ("many", ["launcher=local", "jobs=3"])):
        place = tmp_path / name
        done = run_apart(command(place, f"hydra.sweep.dir={place / 'sweep'}", *more, *jobs), timeout=300)
        assert done.returncode == 0, done.stderr
    assert done.stdout.count("] started: ") == done.stdout.count("] done in ") == 6
    assert done.stdout.count("files: ") == 6
    one, many = (sorted((tmp_path / name / "sweep").glob("*/report.json")) for name in ("one", "many"))
    assert [path.parent.name for path in one] == [path.parent.name for path in many]
    assert [_scores(path) for path in one] == [_scores(path) for path in many]


def _scores(path):
    report = json.loads(path.read_text())
    return report["method"], report["seed"], report["validation"], report["test"]


def test_a_job_side_by_side_that_fails_or_dies_costs_only_itself(tmp_path):
    sweep = [f"hydra.sweep.dir={tmp_path / 'sweep'}", "launcher=local", "task.size=0,5", "seed=0,7", "-m"]
    done = run_apart(command(tmp_path, "method=random", "+tuner.fatal_seed=7", *sweep), timeout=300)
    assert done.returncode == 1
    assert len(re.findall(r"failed after .*: task.size", done.stdout)) == 2
    assert len(re.findall(r"failed after .*: killed by SIGKILL; see log.txt", done.stdout)) == 1
    assert "error: 3 of 4 jobs failed; given again, the same command runs them" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(list((tmp_path / "sweep").glob("*/report.json"))) == 1


def test_a_job_side_by_side_that_ends_without_a_report_costs_only_itself(tmp_path):
    sweep = [f"hydra.sweep.dir={tmp_path / 'sweep'}", "launcher=local", "seed=7,0", "-m"]
    fatal = ["+tuner.fatal_seed=7", "+tuner.end=leave"]
    done = run_apart(command(tmp_path, "method=random", *fatal, *sweep), timeout=300)
    assert done.returncode == 1
    assert re.search(r"\[0\] failed after .*: it ended without a report; see log.txt", done.stdout)
    assert re.search(r"\[1\] done in ", done.stdout)
    assert "error: 1 of 2 jobs failed; given again, the same command runs them" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_job_that_cannot_begin_leaves_those_side_by_side_to_be_told(tmp_path):
    sweep = [f"hydra.sweep.dir={tmp_path / 'sweep'}", "method=random", "launcher=local", "seed=0,-1,1", "-m"]
    done = run_apart(command(tmp_path, *sweep), timeout=300)
    assert done.returncode == 1
    assert done.stderr.count("error: seed must be") == 1
    assert done.stdout.count("] done in ") == done.stdout.count("files: ") == 2
    assert "Traceback" not in done.stderr


def test_a_multirun_says_every_failure_and_still_runs_the_rest(tmp_path):
    sweep = [f"hydra.sweep.dir={tmp_path / 'sweep'}", "task.size=0,5,-1", "-m"]
    done = run_apart(command(tmp_path, *sweep))
    assert done.returncode == 1
    assert done.stderr.count("error: task.size") == 2
    assert len(list((tmp_path / "sweep").glob("*/report.json"))) == 1
    assert "Traceback" not in done.stderr


def wait_for(pattern, root, process):
    for _ in range(400):
        if list(root.glob(pattern)):
            return
        if process.poll() is not None:
            pytest.fail(f"the run ended early: {process.communicate()[1]}")
        time.sleep(0.05)
    pytest.fail(f"{pattern} did not appear")


@pytest.mark.parametrize(
    ("when", "slow"),
    [("predict/*.part", "student.delay=0.1"), ("tune/*.part/adapter/seen.txt", "tuner.delay=0.05")],
)
def test_a_run_killed_in_a_stage_goes_on_to_the_same_result(tmp_path, when, slow):
    process = start(command(tmp_path, slow))
    wait_for(when, tmp_path / "store", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "run" / "report.json").exists()
    done = run_apart(command(tmp_path, name="again"))
    assert done.returncode == 0, done.stderr
    run_here(tmp_path / "undisturbed")
    reports = [json.loads((tmp_path / name / "report.json").read_text()) for name in ("again", "undisturbed/run")]
    for key in ("predictions", "validation", "test"):
        assert reports[0][key] == reports[1][key]
    assert reports[0]["adapter"]["key"] == reports[1]["adapter"]["key"]
    assert not list((tmp_path / "store").glob("*/*.part"))


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "stopped by SIGTERM")],
)
def test_who_stops_a_run_is_told_how_to_go_on_and_it_leaves_no_half_result(tmp_path, number, code, words):
    process = start(command(tmp_path, "student.delay=0.2"))
    wait_for("predict/*.part", tmp_path / "store", process)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == code
    assert stderr.splitlines()[-1] == f"{words}; the same command goes on from the last finished stage"
    assert "Traceback" not in stderr
    assert read_events(tmp_path / "run")[-1]["status"] == "interrupted"
    assert run_apart(command(tmp_path, name="again")).returncode == 0


def test_two_processes_do_each_stage_once(tmp_path):
    both = [start(command(tmp_path, "student.delay=0.01", name=name)) for name in ("one", "two")]
    assert [process.wait(timeout=60) for process in both] == [0, 0], [p.communicate() for p in both]
    notes = [
        json.loads(line)
        for name in ("one", "two")
        for line in (tmp_path / name / "stages.jsonl").read_text().splitlines()
    ]
    made = [note["key"] for note in notes if not note["reused"]]
    assert len(made) == len(set(made)) == len({note["key"] for note in notes})


def test_a_damaged_result_is_done_again_with_a_warning(tmp_path, caplog):
    first = run_here(tmp_path)
    victim = next((tmp_path / "store" / "predict").glob("*/result.jsonl"))
    victim.write_text(victim.read_text()[:40])
    again = run_here(tmp_path, name="again")
    assert again.report.predictions == first.report.predictions
    assert "is damaged (result.jsonl); it is made again" in caplog.text


@pytest.mark.parametrize("script", ["demo", "demo_seeds", "links"])
def test_a_script_explains_itself(script):
    done = run_apart([sys.executable, f"experiments/{script}.py", "--help"])
    assert done.returncode == 0
    assert "OVERRIDES of run.py" in done.stdout
