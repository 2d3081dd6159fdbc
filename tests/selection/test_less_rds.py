"""The selectors that ask the student: over a tiny one, and over the real one on a handful of samples."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edt.errors import EdtError
from edt.fakes import FakeStudent, FakeSupporting, FakeTask
from edt.selection.less import LessSelector
from edt.selection.rds import RdsSelector, mean_states
from edt.students.pocket import PocketStudent
from edt.supporting.pocket import PocketSupporting
from edt.tasks.pocket import PocketTask
from edt.types import Adapter, Sample
from tests.students.tiny import samples, student


class Few:
    """A task and a supporting dataset over the pictures of the tiny student."""

    name, description = "few", "say which colour it is"

    def __init__(self, root: Path, of: Sequence[Sample]) -> None:
        self.root, self.samples, self.validation, self.test = root, of, of, ()

    def fingerprint(self) -> dict:
        return {"ids": [sample.id for sample in self.samples]}

    def read(self, sample, reply):
        raise NotImplementedError


SMALL = {"warm_up_share": 0.5, "batch_size": 4, "dimensions": 128, "warm_up_epochs": 2}


def build(kind, worn, cache: Path):
    return kind(worn, cache=str(cache), **(SMALL if kind is LessSelector else {}))


def select(selector, pocket, budget=5, exclude=frozenset(), num=12, targets=3, seed=0):
    task = Few(pocket, [sample for sample in samples(20) if int(sample.id[1:]) >= 20 - targets])
    return selector.select([], Few(pocket, samples(num)), task, budget=budget, exclude=exclude, round=1, seed=seed)


@pytest.fixture(params=[LessSelector, RdsSelector])
def kind(request):
    return request.param


def test_picks_are_ranked_nested_and_the_same_for_every_seed(kind, pocket, tmp_path):
    selector = build(kind, student(pocket), tmp_path)
    picks = select(selector, pocket, budget=8)
    assert len({pick.sample_id for pick in picks}) == 8
    assert all(pick.targeted and pick.error_id is None and pick.query for pick in picks)
    assert select(selector, pocket, budget=3, seed=1) == picks[:3]
    used = frozenset(pick.sample_id for pick in picks)
    assert not used & {pick.sample_id for pick in select(selector, pocket, budget=4, exclude=used)}


def test_features_are_made_once_and_no_model_is_loaded_for_what_is_there(kind, pocket, tmp_path, monkeypatch):
    picks = select(build(kind, student(pocket), tmp_path), pocket)
    monkeypatch.setattr(PocketStudent, "dress", lambda self: pytest.fail("a model was loaded"))
    assert select(build(kind, student(pocket), tmp_path), pocket) == picks


def test_the_student_is_given_back_as_it_was(kind, pocket, tmp_path):
    worn = student(pocket)
    before = worn.answer(samples(3), pocket)
    select(build(kind, worn, tmp_path), pocket)
    assert worn.answer(samples(3), pocket) == before
    assert not worn.dress().model.training


def test_the_fingerprint_has_the_students(kind, pocket, tmp_path):
    worn = student(pocket)
    other = worn.wearing(Adapter(path=str(pocket / "base"), key="another"))
    prints = [build(kind, one, tmp_path / name).fingerprint() for one, name in ((worn, "a"), (worn, "b"), (other, "a"))]
    assert prints[0] == prints[1] != prints[2]


def test_a_student_that_cannot_be_tuned_is_refused(kind, tmp_path):
    selector = build(kind, FakeStudent(), tmp_path)
    with pytest.raises(EdtError, match=r"student 'fake' cannot be tuned.*selector=bm25"):
        selector.select([], FakeSupporting(), FakeTask(), budget=2, exclude=frozenset(), round=1, seed=0)


def test_a_task_without_validation_samples_is_refused(kind, pocket, tmp_path):
    with pytest.raises(EdtError, match="task 'few' has no validation samples to compare"):
        select(build(kind, student(pocket), tmp_path), pocket, targets=0)


def test_states_are_means_over_all_tokens(pocket):
    trainable = student(pocket).trainable()
    trainable.start(dropout=0.0, precision="fp32")
    found = mean_states(trainable, samples(3), pocket)
    for sample, row in zip(samples(3), found, strict=True):
        ((batch, _),) = trainable.collate(trainable.rows([sample], pocket))
        with torch.no_grad():
            model = trainable.module
            embedded = model.embed(batch.ids, batch.features)  # type: ignore[operator]
            states = model.language_model.model(inputs_embeds=embedded).last_hidden_state  # type: ignore[union-attr]
        np.testing.assert_allclose(row, states[0].mean(0).numpy(), rtol=1e-4, atol=1e-5)
    trainable.stop()


def test_a_sample_that_is_a_validation_sample_is_likest_to_it(pocket, tmp_path):
    picks = select(RdsSelector(student(pocket), cache=str(tmp_path)), pocket, num=20, budget=3)
    assert {pick.sample_id for pick in picks} == {"s17", "s18", "s19"}
    assert [pick.score for pick in picks] == pytest.approx([1, 1, 1], abs=1e-4)


@pytest.mark.parametrize(
    "setting",
    [
        {"warm_up_share": 0.0},
        {"warm_up_share": 1.5},
        {"warm_up_epochs": 0},
        {"dimensions": 0},
        {"lr": 0.0},
        {"batch_size": -1},
    ],
)
def test_bad_settings_are_refused_when_built(setting):
    with pytest.raises(EdtError, match=next(iter(setting))):
        LessSelector(FakeStudent(), **setting)


def test_the_real_student_is_asked(tmp_path):
    worn, cache = PocketStudent(progress=False), str(tmp_path)
    task: Any = PocketTask("furniture", num_validation=2)
    supporting: Any = PocketSupporting(num_samples=8)
    for selector in (RdsSelector(worn, cache=cache), LessSelector(worn, batch_size=4, cache=cache)):
        picks = selector.select([], supporting, task, budget=6, exclude=frozenset(), round=1, seed=0)
        assert len({pick.sample_id for pick in picks}) == 6
        assert all(pick.targeted and -1 <= (pick.score or 0) <= 1 for pick in picks)
        assert len({pick.score for pick in picks}) > 1
