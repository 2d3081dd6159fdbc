"""Frozen products equal PyTorch's own, forward and backward, whatever library makes them."""

import pytest
import torch
from torch.nn.functional import cross_entropy, linear

from edt.products import CHUNK, FrozenLinear, freeze_products, frozen_product, head_loss, packed, product


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("rows", "wide", "out"), [(1, 3, 2), (7, 16, 5), (65, 48, 96)])
def test_a_product_is_a_linear_layer_also_of_a_transposed_weight(rows, wide, out):
    x, weight = numbers(rows, wide), numbers(out, wide, seed=1)
    assert torch.allclose(product(x, weight), linear(x, weight), atol=1e-5)
    turned = weight.T.contiguous()
    assert torch.allclose(product(x, turned.T), linear(x, weight), atol=1e-5)
    assert torch.allclose(product(x.view(1, rows, wide), weight)[0], linear(x, weight), atol=1e-5)


def test_half_precision_is_rounded_and_double_left_to_pytorch():
    x, weight = numbers(9, 32), numbers(8, 32, seed=1)
    half = product(x.bfloat16(), weight.bfloat16())
    assert half.dtype == torch.bfloat16
    assert torch.allclose(half.float(), linear(x, weight), atol=0.2)
    assert torch.equal(product(x.double(), weight.double()), linear(x.double(), weight.double()))


def test_the_gradient_of_a_frozen_product_goes_to_its_input_alone():
    x, weight = numbers(6, 10).requires_grad_(), numbers(4, 10, seed=1).requires_grad_()
    away = numbers(6, 4, seed=2)
    (frozen,) = torch.autograd.grad((frozen_product(x, weight) * away).sum(), x)
    (plain,) = torch.autograd.grad((linear(x, weight) * away).sum(), x)
    assert torch.allclose(frozen, plain, atol=1e-5)
    with pytest.raises(RuntimeError, match="not have been used"):
        torch.autograd.grad(frozen_product(x, weight).sum(), weight)


@pytest.mark.parametrize("rows", [1, CHUNK, 2 * CHUNK + 3])
def test_the_loss_of_a_head_and_its_gradient_are_those_of_cross_entropy(rows):
    hidden, head = numbers(rows, 24).requires_grad_(), numbers(500, 24, seed=1)
    tokens = torch.randint(500, (rows,), generator=torch.Generator().manual_seed(2))
    ours, plain = head_loss(hidden, head, tokens), cross_entropy(linear(hidden, head), tokens)
    assert ours.item() == pytest.approx(plain.item(), rel=1e-6)
    (ours_grad,), (plain_grad,) = (torch.autograd.grad(3 * loss, hidden) for loss in (ours, plain))
    assert torch.allclose(ours_grad, plain_grad, atol=1e-6)
    with torch.no_grad():
        assert head_loss(hidden, head, tokens).item() == ours.item()


def test_a_model_is_frozen_in_place_but_for_layers_with_a_bias():
    model = torch.nn.Sequential(torch.nn.Linear(8, 8, bias=False), torch.nn.Linear(8, 3))
    x = numbers(5, 8)
    before, weight = model(x), model[0].weight
    freeze_products(model)
    assert [type(part) for part in model] == [FrozenLinear, torch.nn.Linear]
    assert model[0].weight is weight
    assert torch.allclose(model(x), before, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 5, 32, 300])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_a_packed_weight_gives_the_same_product(rows, kind):
    x, weight = numbers(rows, 96).to(kind), numbers(80, 96, seed=1).to(kind)
    slack = 1e-5 if kind == torch.float32 else 0.2
    assert torch.allclose(product(x, packed(weight, rows=32)), product(x, weight), atol=slack)


def test_a_weight_that_cannot_be_packed_stays_as_it_is():
    weight = numbers(4, 3).double()
    assert packed(weight, rows=32) is weight
