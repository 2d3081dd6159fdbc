import pytest

from edt.errors import EdtError
from edt.experiment import compose, perform
from edt.fakes import FakeTask
from edt.supporting.validation import ValidationSamples
from edt.types import by_id
from tests.harness import FAKE_CONF, FAKES


def test_it_is_gone_through_again_until_there_are_enough():
    task = FakeTask(size=4)
    names = [sample.id for sample in task.validation]
    assert list(ValidationSamples(task).samples) == list(task.validation)
    found = ValidationSamples(task, num_samples=10).samples
    assert [sample.id for sample in found] == [*names, *(f"{n}#2" for n in names), *(f"{n}#3" for n in names[:2])]
    assert len(by_id(found)) == 10
    assert found[5].question == task.validation[1].question
    assert [sample.id for sample in ValidationSamples(task, num_samples=3).samples] == names[:3]


def test_it_is_told_by_its_task_and_number():
    prints = [
        ValidationSamples(FakeTask(task=name, size=4), num_samples=num).fingerprint()
        for name, num in (("a", 4), ("a", 4), ("b", 4), ("a", 5))
    ]
    assert prints[0] == prints[1]
    assert len({str(one) for one in prints}) == 3


def test_too_few_are_refused():
    with pytest.raises(EdtError, match=r"supporting\.num_samples must be above 0.* not 0"):
        ValidationSamples(FakeTask(), num_samples=0)


def test_the_method_tunes_on_nothing_else_and_on_as_many_as_the_others(tmp_path):
    fakes = [fake for fake in FAKES if not fake.startswith("supporting=")]
    options = ["method=validation", "scale=88", f"store.root={tmp_path / 'store'}"]
    config = compose([*fakes, *options], config_dir=FAKE_CONF)
    finished = perform(config, tmp_path / "run")
    (record,) = finished.report.rounds
    own = {sample.id for sample in finished.parts.task.validation}
    assert len(record.picks) == len({pick.sample_id for pick in record.picks}) == 88
    assert {pick.sample_id.partition("#")[0] for pick in record.picks} == own
    assert finished.parts.supporting.root == finished.parts.task.root
