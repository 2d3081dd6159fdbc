"""The selectors that ask the student, over tiny students of the hub: what of these is tuned is left open at first."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from edt.selection.gradients import Sketch, features
from edt.selection.lent import Lent
from edt.selection.less import LessSelector
from edt.selection.rds import RdsSelector, mean_states
from tests.selection.test_less_rds import Few, build
from tests.students.hub.tiny import TINY, pictures, samples, save, student

kinds = pytest.mark.parametrize("kind", [LessSelector, RdsSelector])


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Path:
    root = pictures(tmp_path_factory.mktemp("hub"))
    for name, recipe in TINY.items():
        save(recipe, root / name)
    return root


def select(selector, hub, budget=5):
    task, supporting = Few(hub, samples(20)[17:]), Few(hub, samples(12))
    return selector.select([], supporting, task, budget=budget, exclude=frozenset(), round=1, seed=0)


@kinds
@pytest.mark.parametrize("name", TINY)
def test_every_family_is_asked_and_given_back_as_it_was(kind, name, hub, tmp_path):
    worn = student(hub, name)
    before = worn.answer(samples(3), hub)
    picks = select(build(kind, worn, tmp_path), hub)
    assert len({pick.sample_id for pick in picks}) == 5
    assert all(pick.targeted and pick.score is not None for pick in picks)
    assert len({pick.score for pick in picks}) > 1
    assert worn.answer(samples(3), hub) == before


@kinds
def test_one_in_four_bits_is_asked(kind, hub, tmp_path):
    assert len(select(build(kind, student(hub, "llava", precision="nf4"), tmp_path), hub)) == 5


def test_states_are_means_over_all_tokens_of_the_language_model(hub):
    worn = student(hub, "qwen2_vl")
    with Lent(worn) as lent:
        found = mean_states(lent.trainable(), samples(3), hub)
    core = worn.dress()
    for row, mean in zip(core.prompts.rows(samples(3), hub, with_reply=True), found, strict=True):
        with torch.no_grad():
            states = core.hidden(core.collate([row]))
        np.testing.assert_allclose(mean, states[0].mean(0).numpy(), rtol=1e-4, atol=1e-5)


def test_samples_pass_one_by_one_and_come_to_their_own_gradients(hub):
    threads = set()
    with Lent(student(hub, "llava")) as lent:
        trainable = lent.trainable()
        lora = trainable.groups()["lora"]
        lora_layer = next(part for part in trainable.module.modules() if hasattr(part, "lora_A"))
        lora_layer.register_forward_pre_hook(lambda *_: threads.add(threading.get_ident()))
        sketch = Sketch(sum(weight.numel() for weight in lora), dimensions=64, seed=0)
        found = features(trainable, samples(4), hub, sketch=sketch, adam=None)
        for sample, row in zip(samples(4), found, strict=True):
            ((part, _),) = trainable.collate(trainable.rows([sample], hub))
            gradients = torch.autograd.grad(trainable.loss(part), lora)
            wanted = sketch(torch.cat([gradient.reshape(-1) for gradient in gradients]))
            torch.testing.assert_close(torch.from_numpy(row), wanted)
    assert threads == {threading.get_ident()}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")
@kinds
def test_one_on_a_gpu_scores_as_on_the_cpu(kind, hub, tmp_path):
    there, here = (build(kind, student(hub, "llava", device=name), tmp_path / name) for name in ("cuda", "cpu"))
    scores = [{pick.sample_id: pick.score for pick in select(one, hub, budget=12)} for one in (there, here)]
    assert scores[0] == pytest.approx(scores[1], abs=0.05)
