import dataclasses

import pytest

from edt.errors import EdtError
from edt.fakes import FakeAnalyst, FakeIdentifier, FakeStudent, FakeSupporting, FakeTask, FakeTuner
from edt.selection.baselines import AllSelector, RandomSelector
from edt.store.folders import Store
from edt.store.stages import Parts, Stages
from edt.types import Pick


def stages(tmp_path, *, seed=0, **changes):
    parts = Parts(
        task=FakeTask(),
        supporting=FakeSupporting(),
        student=FakeStudent(),
        identifier=FakeIdentifier(),
        analyst=FakeAnalyst(),
        selector=RandomSelector(),
        tuner=FakeTuner(),
    )
    return Stages(parts=dataclasses.replace(parts, **changes), store=Store(tmp_path), seed=seed, round=1)


def picks(*numbers):
    return [Pick(sample_id=f"supporting-{number}", round=1, targeted=False) for number in numbers]


def test_predictions_of_the_base_are_shared_by_seeds_and_methods(tmp_path):
    first = stages(tmp_path)
    again = stages(tmp_path, seed=1, selector=AllSelector(), tuner=FakeTuner(epochs=3))
    assert first.predict("validation", None) == again.predict("validation", None)
    assert [note.reused for note in again.notes] == [True]


def test_two_tasks_share_a_training_on_the_same_samples(tmp_path):
    first, other = stages(tmp_path), stages(tmp_path, task=FakeTask(task="other"))
    assert first.tune(None, picks(1, 2, 3)) == other.tune(None, picks(1, 2, 3))
    assert other.notes[-1].reused
    stages(tmp_path).tune(None, picks(3, 2, 1))
    assert len(list((tmp_path / "tune").glob("*/manifest.json"))) == 2


@pytest.mark.parametrize("change", [{"tuner": FakeTuner(epochs=2)}, {"supporting": FakeSupporting(size=99)}])
def test_a_changed_part_makes_a_new_training(tmp_path, change):
    stages(tmp_path).tune(None, picks(1, 2))
    changed = stages(tmp_path, **change)
    changed.tune(None, picks(1, 2))
    assert not changed.notes[-1].reused


def test_a_seed_and_a_start_make_new_trainings(tmp_path):
    first = stages(tmp_path)
    adapter = first.tune(None, picks(1, 2))
    first.tune(adapter, picks(1, 2))
    stages(tmp_path, seed=1).tune(None, picks(1, 2))
    assert len(list((tmp_path / "tune").glob("*/manifest.json"))) == 3


def test_the_adapter_lies_in_the_store_after_it_was_renamed_into_place(tmp_path):
    adapter = stages(tmp_path).tune(None, picks(0, 6, 12, 18))
    assert adapter is not None
    assert ".part" not in adapter.path
    assert FakeStudent().wearing(adapter).skills["tell wood from metal"] == 8


def test_nothing_picked_leaves_the_adapter_as_it_is(tmp_path):
    assert stages(tmp_path).tune(None, []) is None
    assert not (tmp_path / "tune").exists()


@pytest.mark.parametrize(
    ("budget", "exclude", "message"),
    [(5, frozenset(), "made 120 picks where the budget is 5")],
)
def test_a_selector_that_breaks_its_contract_is_named(tmp_path, budget, exclude, message):
    with pytest.raises(EdtError, match=message):
        stages(tmp_path, selector=AllSelector()).select([], budget=budget, exclude=exclude)


def test_time_inside_a_model_is_counted_where_a_part_counts_it(tmp_path):
    student = FakeStudent(delay=0.01)
    run = stages(tmp_path, student=student)
    run.predict("validation", None)
    (note,) = run.notes
    assert 0.2 < note.seconds_in_model <= note.seconds
