"""The guards around quantisation and LoRA: each of these went wrong silently somewhere."""

import pytest
import torch

from edt.errors import EdtError
from edt.students.adapter import load_state, read_state, state_of
from edt.students.lora import check_lora, lora_layers, lora_state, materialise
from edt.students.quantisation import check_quantised, expected_names, quantised
from tests.students.tiny import load_core, samples


@pytest.fixture(params=["nf4", "none"])
def core(request, pocket):
    core = load_core(pocket, quantisation=request.param)
    load_state(core.model, read_state(pocket / "base"))
    return core


def batch_of(core, pocket):
    return core.collate(core.rows(samples(5), pocket))


def gradients(core, batch):
    core.model.zero_grad()
    core.model.loss(batch).backward()
    return [weight.grad.clone() for weight in core.model.lora_parameters() + core.model.projector_parameters()]


def cosine(first, second):
    first, second = (torch.cat([part.flatten() for part in parts]) for parts in (first, second))
    return torch.cosine_similarity(first, second, dim=0).item()


def test_exactly_the_blocks_linear_layers_are_quantised(pocket):
    core = load_core(pocket)
    layers = quantised(core.model.language_model)
    assert len(layers) == 14
    assert not any(layer.support_avx512bf16_for_cpu for layer in layers.values())
    assert all(layer.weight.quant_state.nested for layer in layers.values())


def test_a_wrong_set_of_quantised_layers_is_refused(pocket):
    model = load_core(pocket).model.language_model
    with pytest.raises(EdtError, match="against the plan"):
        check_quantised(model, expected=expected_names(2) | {"lm_head"})


def test_a_layer_that_may_repack_is_refused(pocket):
    model = load_core(pocket).model.language_model
    layers = quantised(model)
    next(iter(layers.values())).support_avx512bf16_for_cpu = True
    with pytest.raises(EdtError, match="repack"):
        check_quantised(model, expected=set(layers))


def test_lora_is_in_the_language_model_only(core):
    names = list(lora_layers(core.model))
    assert len(names) == 14
    assert all(name.startswith("language_model.model.layers.") for name in names)
    check_lora(core.model)


def test_only_lora_and_the_projector_learn(core):
    learns = {id(weight) for weight in core.model.parameters() if weight.requires_grad}
    assert learns == {id(weight) for weight in core.model.lora_parameters() + core.model.projector_parameters()}


def test_gradients_after_an_eval_pass_equal_those_before(core, pocket):
    batch = batch_of(core, pocket)
    core.model.train()
    before = gradients(core, batch)
    core.model.eval()
    with torch.no_grad():
        core.model.loss(batch)
    core.model.train()
    after = gradients(core, batch)
    assert all(torch.equal(one, two) for one, two in zip(before, after, strict=True))


def test_materialised_weights_change_nothing(core, pocket):
    batch = batch_of(core, pocket)
    core.model.train()
    plain_loss, plain = core.model.loss(batch).item(), gradients(core, batch)
    materialise(core.model, "fp32")
    weights = [*core.model.lora_parameters(), *core.model.projector_parameters()]
    found = zip(weights, gradients(core, batch), strict=True)
    assert all(one.stride() == weight.stride() for weight, one in found), "a fused optimiser would mix them up"
    assert core.model.loss(batch).item() == pytest.approx(plain_loss, abs=1e-5)
    for one, two in zip(plain, gradients(core, batch), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-5)
    materialise(core.model, None)
    assert core.model.loss(batch).item() == plain_loss


def test_bf16_products_stay_close(core, pocket):
    batch = batch_of(core, pocket)
    core.training()
    exact_loss, exact = core.model.loss(batch).item(), gradients(core, batch)
    core.training(precision="bf16")
    assert core.model.loss(batch).item() == pytest.approx(exact_loss, rel=0.02)
    assert cosine(exact, gradients(core, batch)) > 0.95


def test_a_merged_weight_is_the_layer(core):
    layer = next(iter(lora_layers(core.model).values()))
    x = torch.randn(3, 32)
    torch.testing.assert_close(x @ layer.merged().T, layer(x), rtol=1e-4, atol=1e-5)


def test_logits_at_supervised_places_give_the_whole_loss(core, pocket):
    batch = batch_of(core, pocket)
    model = core.model.language_model
    embedded = core.model.embed(batch.ids, batch.features)
    mask = torch.arange(batch.ids.shape[1]) < (batch.supervised.int().cumsum(1).argmax(1) + 1)[:, None]
    labels = torch.where(batch.supervised, batch.ids, -100)
    whole = model(inputs_embeds=embedded, attention_mask=mask.long(), labels=labels).loss
    assert core.model.loss(batch).item() == pytest.approx(whole.item(), rel=1e-5)


def test_dropout_is_off_in_eval_and_on_in_train(core, pocket):
    batch = batch_of(core, pocket)
    for layer in lora_layers(core.model).values():
        layer.set_dropout(0.5)
    for precision in (None, "fp32"):
        materialise(core.model, precision)
        core.model.eval()
        assert core.model.loss(batch).item() == core.model.loss(batch).item()
        core.model.train()
        assert core.model.loss(batch).item() != core.model.loss(batch).item()


def test_a_state_that_does_not_fit_is_refused(core):
    state = {name: value.clone() for name, value in state_of(core.model).items()}
    first = next(iter(lora_state(core.model)))
    with pytest.raises(EdtError, match="do not fit"):
        load_state(core.model, {name: value for name, value in state.items() if name != first})
    with pytest.raises(EdtError, match="do not fit"):
        load_state(core.model, {**state, first: torch.zeros(1, 1)})
