"""A selector that searches required skills is refused a dataset that names none, before anything is read or tuned."""

import json

import pytest

from edt.build import Builder
from edt.doctor import examine
from edt.errors import EdtError
from edt.experiment import compose
from edt.supporting.annotations import Annotation, AnnotationFile, content_of
from edt.supporting.llava import LlavaSupporting
from edt.types import Sample
from tests.harness import FAKE_CONF, FAKES, command, run_apart
from tests.supporting.flan import pictures, record, write

SEARCHERS = ["bm25", "dense", "hybrid", "task_description"]
OTHERS = ["random", "all", "question", "balanced", "insta"]


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Options of a run over fakes and a file of LLaVA's format, which names no skill."""
    monkeypatch.setenv("EDT_CACHE", str(tmp_path / "cache"))
    write(tmp_path / "data.json", [record(n) for n in range(12)])
    pictures(tmp_path / "images")
    places = [f"supporting.file={tmp_path}/data.json", f"supporting.images={tmp_path}/images"]
    return ["supporting=llava_json", *places, "scale.samples=6"]


def build(own, *overrides):
    return Builder().parts(compose([*FAKES, *own, *overrides], config_dir=FAKE_CONF))


def annotations(tmp_path, *skills: str) -> str:
    """An option with a file in which every sample of the dataset needs these skills."""
    plain = LlavaSupporting(
        dataset="llava_json", file=str(tmp_path / "data.json"), images=str(tmp_path / "images")
    ).samples

    def line(sample: Sample) -> Annotation:
        return Annotation(sample_id=sample.id, content=content_of(sample), skills=skills)

    AnnotationFile(tmp_path / "skills.jsonl", {"by": "hand"}).add(map(line, plain))
    return f"supporting.annotations={tmp_path}/skills.jsonl"


@pytest.mark.parametrize("selector", SEARCHERS)
def test_what_searches_skills_is_refused_a_dataset_without_any(own, tmp_path, selector):
    with pytest.raises(EdtError) as raised:
        build(own, f"selector={selector}")
    assert "the supporting dataset 'llava_json' names no required skill" in str(raised.value)
    assert "`python -m edt.supporting.annotate supporting=llava_json teacher=… output=FILE`" in str(raised.value)
    assert "supporting.annotations=FILE" in str(raised.value)
    assert not (tmp_path / "cache" / "ingest").exists()  # it was not read for that
    build(own, f"selector={selector}", annotations(tmp_path, "see a box"))


@pytest.mark.parametrize("selector", OTHERS)
def test_what_searches_no_skills_is_left_alone(own, selector):
    assert build(own, f"selector={selector}").supporting.name == "llava_json"


def test_a_run_without_a_round_selects_nothing(own):
    assert build(own, "budget.rounds=0").supporting.name == "llava_json"


def test_a_file_in_which_no_sample_has_a_skill_is_no_way_out(own, tmp_path):
    with pytest.raises(EdtError, match="names no required skill"):
        build(own, annotations(tmp_path))
    with pytest.raises(EdtError, match=r"there is no file .*absent\.jsonl to take required skills from"):
        build(own, f"supporting.annotations={tmp_path}/absent.jsonl")
    (tmp_path / "broken.jsonl").write_text('{"by":"hand"}\n[]\n')
    with pytest.raises(EdtError, match=r"broken\.jsonl, line 2, is no annotation"):
        build(own, f"supporting.annotations={tmp_path}/broken.jsonl")


def test_a_run_ends_before_its_first_stage_in_one_sentence(own, tmp_path):
    done = run_apart([a for a in command(tmp_path, *own) if a != "supporting=fake"])
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: the supporting dataset 'llava_json' names no required skill")
    assert not list((tmp_path / "store").glob("*/*"))


def test_the_doctor_finds_it(own, tmp_path, monkeypatch):
    monkeypatch.setenv("EDT_DATA", str(tmp_path / "none"))
    (tmp_path / "t.jsonl").write_text(json.dumps({"id": "t", "image": "0.png", "question": "?", "answer": "red"}))
    task = ["task=custom", f"task.file={tmp_path}/t.jsonl", f"task.images={tmp_path}/images", "tracker=local"]

    def found(*overrides):
        findings = [f for f in examine([*task, *own, *overrides]) if f.what == "required skills"]
        return [(finding.state, finding.text) for finding in findings]

    ((state, text),) = found("method=task_description")
    assert state == "missing"
    assert "python -m edt.supporting.annotate supporting=llava_json" in text
    assert found("method=task_description", annotations(tmp_path, "see a box")) == [("ok", "llava_json names some")]
    assert found("method=random") == []
