"""The samples of Pocket as they lie on disk: split by object, true to their facts, with gaps planted."""

import random

import pytest

from edt.paths import pocket_root
from edt.pocket.corrupt import corrupt
from edt.pocket.generate import NUM_SUPPORTING, NUM_TEST, NUM_VALIDATION, build
from edt.pocket.makers import is_gap
from edt.pocket.samples import read_samples
from edt.pocket.statements import first_wrong_step
from edt.pocket.targets import TASKS
from edt.supporting.pocket import PocketSupporting
from edt.tasks.pocket import PocketTask


def split(task, name):
    return read_samples(pocket_root() / "data" / f"{task}.{name}.jsonl")


def objects(samples):
    return {one for sample in samples for one in sample.truth.object_id.split("+")}


@pytest.mark.parametrize("task", TASKS)
def test_splits_are_large_enough_and_share_no_object_and_no_picture(task):
    validation, test = split(task, "validation"), split(task, "test")
    supporting = PocketSupporting().samples
    assert (len(validation), len(test), len(supporting)) == (NUM_VALIDATION, NUM_TEST, NUM_SUPPORTING)
    for one, other in ((validation, test), (validation, supporting), (test, supporting)):
        assert not objects(one) & objects(other)
        assert not {s.image for s in one} & {s.image for s in other}
        assert not {s.id for s in one} & {s.id for s in other}


def test_the_supporting_dataset_asks_nothing_as_a_target_task_does():
    supporting = PocketSupporting().samples
    assert len({s.source_task for s in supporting}) >= 30
    assert not [s.id for s in supporting if s.source_task.endswith("_target")]
    questions = {s.question.split(" Options:")[0] for s in supporting}
    for task in TASKS:
        assert not questions & {s.question.split(" Options:")[0] for s in split(task, "test")}
    assert len({text for s in supporting for text in s.required_skills}) >= 500


def test_every_sample_is_true_to_its_facts():
    for sample in [
        *PocketSupporting().samples,
        *(s for t in TASKS for n in ("validation", "test") for s in split(t, n)),
    ]:
        assert first_wrong_step(sample, sample.rationale) is None
        assert sample.truth is not None
        assert len(sample.rationale) == len(set(sample.truth.skills)) == 3
        assert len(sample.required_skills) == len(set(sample.truth.needs)) in (3, 4)
        assert not sample.options or sample.answer in sample.options
        assert len(set(sample.options)) == len(sample.options)
        assert (pocket_root() / "data" / sample.image).is_file()


def test_a_corrupted_rationale_is_wrong_just_from_where_it_says():
    rng = random.Random(0)
    for sample in [*PocketSupporting().samples[::7], *(s for task in TASKS for s in split(task, "test")[::3])]:
        made = corrupt(sample, rng)
        assert made is not None
        steps, implied, first = made
        assert implied != sample.answer
        assert not sample.options or implied in sample.options
        assert first_wrong_step(sample, steps) == first


def test_gaps_are_planted_in_every_task_and_leave_it_something():
    for task in TASKS:
        share = sum(is_gap(s.truth.facts) for s in split(task, "test") if s.truth) / NUM_TEST
        assert 0.2 < share < 0.6


def test_built_data_are_not_built_again():
    assert build(pocket_root()) == 0


def test_answers_are_judged_right_wrong_and_unparsed():
    task = PocketTask("furniture", num_validation=3)
    assert len(task.validation) == 3
    sample = task.validation[0]
    wrong = next(option for option in sample.options if option != sample.answer)
    assert task.read(sample, f"Step 1: x\nAnswer: {sample.answer.title()}.").outcome == "right"
    assert task.read(sample, f"Answer: {wrong}").is_error
    assert task.read(sample, "Answer: a spaceship").is_error
    assert task.read(sample, "Step 1: It is a spaceship.").outcome == "unparsed"
    assert task.read(sample, "I do not know").outcome == "unparsed"
