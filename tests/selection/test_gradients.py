"""The parts of LESS against torch itself: Adam's step, the warm-up, the projection, and gradients of single samples."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edt.selection.gradients import Checkpoint, Sketch, features, warm_up
from edt.selection.rank import cosines
from tests.students.tiny import samples, student


def checkpoint(mean: torch.Tensor, square: torch.Tensor, steps: int) -> Checkpoint:
    return Checkpoint(state={}, mean=mean, square=square, steps=steps, rate=0.1)


@given(st.integers(0, 5), st.integers(0, 100))
def test_the_direction_is_the_step_that_adam_takes(steps, seed):
    chance = torch.Generator().manual_seed(seed)
    weight = torch.nn.Parameter(torch.randn(7, generator=chance))
    adam = torch.optim.AdamW([weight], lr=0.01, weight_decay=0.0)
    for _ in range(steps):
        weight.grad = torch.randn(7, generator=chance)
        adam.step()
    state = adam.state[weight]
    zeros = torch.zeros(7)
    at = checkpoint(state.get("exp_avg", zeros).clone(), state.get("exp_avg_sq", zeros).clone(), steps)
    gradient, before = torch.randn(7, generator=chance), weight.detach().clone()
    weight.grad = gradient.clone()
    adam.step()
    torch.testing.assert_close(before - weight.detach(), 0.01 * at.direction(gradient), rtol=1e-3, atol=1e-6)


@given(st.integers(0, 50))
def test_the_projection_is_linear_and_keeps_angles(seed):
    chance = torch.Generator().manual_seed(seed)
    rows = torch.randn(2, 3000, generator=chance)
    rows[1] += rows[0]  # a cosine of about 0.7
    sketch = Sketch(3000, dimensions=2048, seed=seed)
    torch.testing.assert_close(
        sketch(2 * rows[0] - rows[1]), 2 * sketch(rows[0]) - sketch(rows[1]), rtol=1e-4, atol=1e-4
    )
    small = torch.stack([sketch(row) for row in rows])
    assert torch.cosine_similarity(*small, dim=0) == pytest.approx(
        float(torch.cosine_similarity(*rows, dim=0)), abs=0.1
    )


def test_the_projection_is_the_same_for_its_seed_and_no_other():
    row = torch.arange(50.0)
    first, again, other = (Sketch(50, dimensions=16, seed=seed)(row) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


RATES = {"lora": 1e-2, "projector": 1e-3}


def test_warming_up_moves_the_weights_and_keeps_adams_moments(pocket):
    trainable = student(pocket).trainable()
    trainable.start(dropout=0.0, precision="fp32")
    before = {name: value.clone() for name, value in trainable.state().items()}
    found = warm_up(trainable, samples(6), pocket, rates=RATES, batch_size=4, epochs=2, seed=0)
    assert [one.steps for one in found] == [2, 4]
    assert [one.rate for one in found] == pytest.approx([1e-2 * (1 + 0.75) / 2, 1e-2 * (0.5 + 0.25) / 2])
    for one in found:
        assert one.mean.shape == one.square.shape == (sum(w.numel() for w in trainable.groups()["lora"]),)
        assert (one.square >= 0).all()
    assert not torch.equal(found[0].mean, found[1].mean)
    assert all(not torch.equal(before[name], value) for name, value in found[1].state.items())
    found[0].put_on(trainable)
    assert all(torch.equal(trainable.state()[name], value) for name, value in found[0].state.items())
    trainable.stop()


def test_a_checkpoint_survives_its_file_and_a_damaged_one_is_none(tmp_path):
    file, made = tmp_path / "deep" / "one.safetensors", checkpoint(torch.ones(3), torch.ones(3), 4)
    assert Checkpoint.load(file) is None
    made.save(file)
    found = Checkpoint.load(file)
    assert found is not None
    assert (found.steps, found.rate) == (4, 0.1)
    assert torch.equal(found.mean, made.mean)
    file.write_bytes(file.read_bytes()[:-2])
    assert Checkpoint.load(file) is None


def test_features_are_the_projected_gradients_of_single_samples(pocket):
    trainable = student(pocket).trainable()
    trainable.start(dropout=0.0, precision="fp32")
    lora = trainable.groups()["lora"]
    sketch = Sketch(sum(weight.numel() for weight in lora), dimensions=256, seed=0)
    asked = samples(4)
    found = features(trainable, asked, pocket, sketch=sketch, adam=None)
    for sample, row in zip(asked, found, strict=True):
        ((part, share),) = trainable.collate(trainable.rows([sample], pocket))
        gradients = torch.autograd.grad(trainable.loss(part), lora)
        assert share == 1
        wanted = sketch(torch.cat([gradient.reshape(-1) for gradient in gradients]))
        torch.testing.assert_close(torch.from_numpy(row), wanted)
    zeros = torch.zeros(sum(weight.numel() for weight in lora))
    signs = features(trainable, asked, pocket, sketch=sketch, adam=checkpoint(zeros, zeros, 0))
    assert cosines(signs, found).diagonal().min() > 0.2, "Adam's first step is the gradient's signs"
    trainable.stop()
