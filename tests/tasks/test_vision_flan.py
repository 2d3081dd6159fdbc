"""The five tasks out of a small file of Vision-Flan's form."""

import json
from pathlib import Path
from typing import Any

import pytest

from edt.build import Builder
from edt.errors import EdtError
from edt.experiment import compose
from edt.protocols import fingerprint_of
from edt.tasks.vision_flan import TARGETS, vision_flan
from edt.types import Outcome
from tests.pictures import drawn, put

ASKED = {
    "coco+image_classification_furniture": ("Name it. Options: (a) chair (b) bench", "(b) bench"),
    "coco+image_classification_appliance": ("Name it.\nOptions:\n(a) oven\n(b) fridge", "(a) oven"),
    "Caltech101+Living_Thing_classification": ("Is it alive? (a) yes (b) no", "(a) yes"),
    "VQA": ("What colour is it?", "Red"),
    "ITM": ("Does 'a dog' fit? (a) no (b) yes", "(b) yes"),
    "other": ("Describe.", "It is."),
}


@pytest.fixture(autouse=True)
def file(tmp_path):
    home = tmp_path / "data" / "vision_flan_1m"
    records = []
    for place, (name, (question, answer)) in enumerate(ASKED.items()):
        for number in range(6):
            image = put(home / "shard_01", f"{name}_{number}.png", drawn(100 * place + number))
            turns = [{"from": "human", "value": f"{question}\n<image>"}, {"from": "gpt", "value": answer}]
            records.append(
                {"id": f"{name}+{number // 2}", "task_name": name, "image": f"shard_01/{image}", "conversations": turns}
            )
    (home / "vision_flan.json").write_text(json.dumps(records), "utf-8")


@pytest.mark.parametrize("name", TARGETS)
def test_each_task_has_its_questions_its_options_and_its_names(name):
    task = vision_flan(task=name, num_validation=2)
    assert (len(task.validation), len(task.test)) == (2, 4)
    assert set(TARGETS[name].names) <= set(task.source_tasks)
    sample = task.test[0]
    question, answer = ASKED[TARGETS[name].names[0]]
    assert sample.question == question
    assert task.read(sample, f"Answer: {answer}").outcome is Outcome.RIGHT
    assert len(sample.options) == (0 if name == "vqa" else 2)
    assert task.name == f"vision_flan_{name}"


def many(folder: Path, name: str, number: int) -> list[dict[str, Any]]:
    """Records of one task, each with a picture of its own bytes."""
    question, answer = ASKED[name]
    turns = [{"from": "human", "value": f"{question}\n<image>"}, {"from": "gpt", "value": answer}]
    one, records = drawn(0, size=8), []
    for index in range(number):
        image = put(folder, f"{index}.png", one + str(index).encode())
        records.append({"id": str(index), "task_name": name, "image": image, "conversations": turns})
    return records


@pytest.mark.parametrize(
    ("options", "size", "numbers"),
    [
        ([], 2_500, (1000, 1000)),  # Vision-Flan-1-million has 1,664,261 // 187 = 8,899 of a task on average
        (
            ["task.num_validation=400", "task.num_test=500"],
            1000,
            (400, 500),
        ),  # as README has it for the smaller release
    ],
)
def test_the_numbers_of_the_configuration_can_be_drawn(tmp_path, options, size, numbers):
    config = compose(["task=vision_flan_furniture", *options])
    assert config.task["dataset"] == "vision_flan_1m"
    records = many(tmp_path / "pictures", "coco+image_classification_furniture", size)
    (tmp_path / "all.json").write_text(json.dumps(records), "utf-8")
    places = {"file": str(tmp_path / "all.json"), "images": str(tmp_path / "pictures")}
    task = Builder().part("task", {**config.task, **places})
    assert (len(task.validation), len(task.test)) == numbers


def test_all_five_are_drawn_alike():
    settings = [compose([f"task=vision_flan_{name}"]).task for name in TARGETS]
    assert [one.pop("task") for one in settings] == list(TARGETS)
    assert all(one == settings[0] for one in settings)


def test_records_that_cannot_be_judged_are_left_out_counted_and_told(tmp_path, caplog):
    records = many(tmp_path / "pictures", "coco+image_classification_furniture", 40)
    human, gpt = ({**turn} for turn in records[0]["conversations"])
    records[3]["conversations"] = [human, {**gpt, "value": "table"}]
    records[8]["conversations"] = [
        {**human, "value": "Name it. Options: (a) bench (b) bench"},
        {**gpt, "value": "bench"},
    ]
    records[9]["conversations"] = [{**human, "value": "Name it."}, gpt]
    (tmp_path / "all.json").write_text(json.dumps(records), "utf-8")
    places: Any = {"file": str(tmp_path / "all.json"), "images": str(tmp_path / "pictures"), "num_validation": 10}
    with caplog.at_level("INFO", "edt"):
        task = vision_flan(task="furniture", max_bad=0.075, **places)
        left = {sample.id for sample in (*task.validation, *task.test)}
    assert left == {str(number) for number in range(40)} - {"3", "8", "9"}
    assert (
        "3 of 40 records are no question with options (2 × no one answer; 1 × no options), such as '3'" in caplog.text
    )
    assert "they are left out" in caplog.text
    strict = vision_flan(task="furniture", max_bad=0.07, **places)
    with pytest.raises(EdtError, match=r"its answer 'table' is none of its options.* the share task\.max_bad=0\.07"):
        _ = strict.validation
    assert fingerprint_of(strict) == fingerprint_of(task)  # it decides whether there are rows, not which
    asked = vision_flan(task="furniture", metric="exact_match", max_bad=0, **places)
    assert len(asked.validation) + len(asked.test) == 40


def test_the_draw_is_part_of_the_fingerprint_and_the_kin_of_vqa_is_kept_out():
    first, again, other = (vision_flan(task="vqa", num_validation=2, seed=seed) for seed in (0, 0, 1))
    assert fingerprint_of(first) == fingerprint_of(again) != fingerprint_of(other)
    assert first.source_tasks == ("VQA", "VQAv2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "colour"}, "is none of Vision-Flan's that the paper asks; known are appliance, furniture"),
        (
            {"task": "vqa", "names": ["VQAv2"]},
            r"has no task called VQAv2; name its tasks with task.names=\[…\] \(it has",
        ),
        (
            {"task": "vqa", "metric": "option"},
            r"6 of 6 records are no question with options \(6 × no options\), such as 'VQA\+0' of VQA: its question "
            r"'What colour is it\?' lists none.* more than the share task.max_bad=0.05: allow more, or choose another",
        ),
        ({"task": "vqa", "max_bad": 1.0}, r"task\.max_bad=1\.0 must be a share of records: 0 or more, and below 1"),
        ({"task": "vqa", "names": "VQA"}, r"must be a list of task names, such as \[VQA\]"),
        (
            {"task": "vqa", "dataset": "vision_flan_191_1k"},
            "there is no .*annotation_191-task_1k.json; get the dataset Vision-Flan/vision-flan_191-task_1k",
        ),
    ],
)
def test_what_cannot_be_had_is_said(options, message):
    with pytest.raises(EdtError, match=message):
        _ = vision_flan(**options).validation
