"""The supporting dataset of Pocket, over a small file of its kind."""

import json

import pytest

from edt.errors import EdtError
from edt.supporting.annotations import Annotation, AnnotationFile, content_of, file_digest
from edt.supporting.pocket import PocketSupporting, pocket_without_best
from edt.types import Sample, to_json

SOURCES = ("furniture_first", "furniture_name", "living_name", "scene_left_choice")


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("EDT_CACHE", str(tmp_path))
    samples = [
        Sample(id=f"{source}-{number}", image="", question="?", answer="a", source_task=source)
        for number in range(3)
        for source in SOURCES
    ]
    (tmp_path / "pocket" / "data").mkdir(parents=True)
    lines = "".join(json.dumps(to_json(sample)) + "\n" for sample in samples)
    (tmp_path / "pocket" / "data" / "supporting.jsonl").write_text(lines, "utf-8")


def sources(supporting: PocketSupporting) -> list[str]:
    return sorted({sample.source_task for sample in supporting.samples})


@pytest.mark.parametrize(
    ("without", "left"),
    [
        ([], sorted(SOURCES)),
        (["furniture"], ["living_name", "scene_left_choice"]),
        (["furniture_first"], ["furniture_name", "living_name", "scene_left_choice"]),
        (["scene", "living_name"], ["furniture_first", "furniture_name"]),
    ],
)
def test_a_domain_or_a_source_task_is_left_out(without, left):
    supporting = PocketSupporting(without=without)
    assert sources(supporting) == left
    assert len(supporting.samples) == 3 * len(left)


def test_what_is_left_out_is_part_of_the_fingerprint_and_the_whole_keeps_its_own():
    whole, less = PocketSupporting(), PocketSupporting(without=["living", "furniture"])
    assert set(whole.fingerprint()) == {"data", "num_samples"}
    assert less.fingerprint() == {**whole.fingerprint(), "without": ["furniture", "living"]}
    assert less.fingerprint() == PocketSupporting(without=["furniture", "living", "living"]).fingerprint()
    assert (whole.name, less.name) == ("pocket", "pocket without furniture without living")


def test_a_number_counts_what_is_left():
    assert len(PocketSupporting(without=["furniture"], num_samples=4).samples) == 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: PocketSupporting(without=["furni"]).samples,
            "'furni', which is no source of Pocket; .* domains furniture, living, scene, .* furniture_first, furn",
        ),
        (lambda: PocketSupporting(without="furniture"), r"must be a list of sources, such as \[furniture\]"),
        (lambda: PocketSupporting(num_samples=0), "num_samples must be above 0, or null for all, not 0"),
        (lambda: pocket_without_best(task="caption"), "fits the task 'caption' best .*furniture, appliance"),
        (lambda: pocket_without_best(task=None), "fits the task None best"),
    ],
)
def test_a_source_that_is_not_there_is_named(make, message):
    with pytest.raises(EdtError, match=message):
        make()


@pytest.mark.parametrize(("task", "gone"), [("furniture", "furniture"), ("living_thing", "living"), ("vqa", "scene")])
def test_the_sources_that_fit_a_task_best_are_left_out(task, gone):
    left = sources(pocket_without_best(task=task))
    assert left == sorted(source for source in SOURCES if not source.startswith(gone))


def test_required_skills_are_taken_from_a_file_that_the_fingerprint_names(tmp_path):
    plain = PocketSupporting()
    path = tmp_path / "skills.jsonl"
    file = AnnotationFile(path, {})
    file.add(Annotation(sample_id=s.id, content=content_of(s), skills=("a skill",)) for s in plain.samples)
    named = PocketSupporting(annotations=str(path))
    assert {sample.required_skills for sample in named.samples} == {("a skill",)}
    assert named.fingerprint() == {**plain.fingerprint(), "annotations": file_digest(path)}
    assert len(pocket_without_best(task="furniture", annotations=str(path)).samples) == 6
