"""README's own commands for the paper's run, and all of them from end to end on the smallest things of their kind."""

import json
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edt.diagnosis.required_skills import SkillQuestions
from edt.doctor import examine
from edt.experiment import compose
from edt.supporting.annotate import Request
from edt.tuning.export import merge_adapter
from edt.tuning.tuner import LightningTuner
from edt.types import Report, from_json
from tests.harness import ROOT, run_apart
from tests.pictures import drawn, put
from tests.students.hub.tiny import TINY, pictures, samples, save, student
from tests.supporting.flan import record, write
from tests.tasks.test_scienceqa import write as write_scienceqa
from tests.teachers.loopback import SKILLS, Loopback
from tests.teachers.wire import KEY

MADE = "outputs/skills.jsonl"


def commands() -> list[list[str]]:
    """The options of the two that README gives: naming skills, and the run."""
    text = (ROOT / "README.md").read_text("utf-8").replace("\\\n", "")
    starts = ("-m edt.supporting.annotate", "run.py")
    found = [re.findall(rf"^python {start} (.*supporting=vision_flan_1m.*)$", text, re.MULTILINE) for start in starts]
    return [shlex.split(lines[0], comments=True) for lines in found]


def test_the_commands_are_whole_and_fit_each_other():
    naming, running = commands()
    config, request = compose(running), Request.read(naming)
    named = compose(request.overrides)
    assert config.supporting == {**named.supporting, "annotations": str(request.output)}
    assert config.teacher == named.teacher
    assert config.analyst["examples"] == "skill_examples.txt"
    SkillQuestions(**request.questions)  # its examples are there
    assert (config.scale.samples, config.task["_target_"]) == (10_000, "edt.tasks.scienceqa.scienceqa")


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    """A LLaVA of a few thousand weights that has learnt one thing: to reason in a step and answer "iron"."""
    root = pictures(tmp_path / "learning")
    save(TINY["llava"], root / "llava")
    lesson = [replace(one, options=(), answer="iron", rationale=("I look.",)) for one in samples(16)]
    tuner = LightningTuner(
        kind="full", lr=1e-2, batch_size=8, epochs=20, preflight=False, progress=False, checkpoint_every=1000
    )
    tuner.tune(student(root, "llava"), lesson, root, folder=root / "adapter", seed=0)
    merge_adapter(root / "adapter", root / "merged", student="llava_v1_5_7b", model=str(root / "llava"))
    return root / "merged"


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """Both datasets where they are looked for: eight questions to validate on, all of them answered by "wood"."""
    place = tmp_path / "data"
    for name, folder in (("EDT_CACHE", tmp_path / "cache"), ("EDT_DATA", place)):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    write_scienceqa(place / "scienceqa", "validation", range(100, 112))
    write_scienceqa(place / "scienceqa", "test", range(200, 206))
    flan = place / "vision_flan_1m"
    images = [put(flan, f"shard_01/{number}.png", drawn(number)) for number in range(24)]
    write(flan / "vision_flan.json", [record(number, image=image) for number, image in enumerate(images)])
    return place


def test_from_an_untuned_llava_to_a_report(tmp_path, data, checkpoint):
    naming, running = (
        [option.replace(MADE, str(tmp_path / "skills.jsonl")) for option in options] for options in commands()
    )
    small = [
        *(f"student.model={checkpoint}", "student.max_new_tokens=40", "student.progress=false"),
        *("task.num_validation=8", "scale.samples=8", "tracker=local", f"store.root={tmp_path / 'store'}"),
        *("tuner.batch_size=4", "tuner.trainer.accumulate=1", "tuner.workers=0", "tuner.progress=false"),
    ]
    with Loopback() as server:
        teacher = [f"teacher.base_url={server.url}", f"teacher.calls={tmp_path / 'calls.sqlite'}"]
        done = run_apart([sys.executable, "-m", "edt.supporting.annotate", *naming, *teacher], timeout=120)
        assert done.returncode == 0, done.stderr
        assert "24 samples: 24 annotated, 0 lent, 0 without a skill" in done.stdout
        assert [f.text for f in examine([*running, *teacher, *small]) if f.state == "missing"] == []
        place = f"hydra.run.dir={tmp_path / 'run'}"
        done = run_apart([sys.executable, "run.py", *running, *teacher, *small, place], timeout=120)
        assert done.returncode == 0, done.stderr
    report = from_json(Report, json.loads((tmp_path / "run" / "report.json").read_text("utf-8")))
    first, _ = report.rounds
    assert first.errors == 8  # it says "iron"
    named = [gap for gap in first.gaps if gap.state == "named"]
    assert named
    assert {gap.skill for gap in named} <= set(SKILLS)
    lines = [json.loads(line) for line in (tmp_path / "skills.jsonl").read_text("utf-8").splitlines()[1:]]
    needs = {line["sample_id"]: line["skills"] for line in lines}
    assert any(pick.targeted and pick.rank == 1 and needs[pick.sample_id] == [pick.query] for pick in first.picks)
    assert [len(found.picks) for found in report.rounds] == [4, 4]
    assert report.adapter is not None
    assert list(Path(report.adapter.path).glob("*.safetensors"))
    assert report.test is not None
    assert report.test.n == 4
