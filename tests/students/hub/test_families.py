"""Every family on a tiny checkpoint of its architecture, loaded as the hub's is."""

import dataclasses
import importlib.util
import logging
import re
from dataclasses import replace

import pytest
import torch

from edt.errors import EdtError
from edt.students.hub.decode import generate, takes_branches, weigh_plainly
from edt.students.hub.prompts import HubRow
from edt.students.hub.weights import linear_names
from edt.students.quantisation import quantised
from tests.students.hub.tiny import TINY, samples, student

families = pytest.mark.parametrize("name", sorted(TINY))


@families
def test_batched_answers_are_single_ones(hub, name):
    one = student(hub, name, batch_size=5)
    asked = samples(8)
    assert one.answer(asked, hub) == [one.answer([sample], hub)[0] for sample in asked]


@families
def test_prompts_and_hidden_states_are_those_of_the_checkpoint_s_own_processor_and_model(hub, name):
    """What transformers makes of the same words and picture, features and all, is the reference."""
    from edt.students.hub.processor import decode

    core = student(hub, name, features_gb=0.0).dress()
    for sample in samples(3):
        row = core.prompts.row(sample, hub, reply=None)
        batch = core.collate([row])
        turn = [{"type": "image"}, {"type": "text", "text": core.prompts._question(sample, steps=True)}]
        text = core.pictures.tokenizer.apply_chat_template(
            [{"role": "user", "content": turn}],
            chat_template=core.pictures.template, tokenize=False, add_generation_prompt=True,
        )  # fmt: skip
        assert row.image is not None
        image = decode(row.image.read_bytes(), row.image)
        processor = core.pictures.processor
        given = processor(images=[image], text=[text], return_tensors="pt", add_special_tokens=name == "llava")
        assert given["input_ids"][0].tolist() == list(row.prompt)
        theirs = core.model(**given).logits[0]
        ours = core.model.lm_head(core.hidden(batch))[0]
        assert torch.allclose(ours, theirs, atol=1e-4)


@families
def test_greedy_decoding_is_the_model_s_own(hub, name):
    core = student(hub, name).dress()
    row = core.prompts.row(samples(1)[0], hub, reply=None)
    (ours,) = generate(core, [row], max_new_tokens=6)
    ids = list(row.prompt)
    for _ in range(6):
        longer = dataclasses.replace(row, prompt=tuple(ids))
        token = int(core.model.lm_head(core.hidden(core.collate([longer]))[0, -1]).argmax())
        ids.append(token)
        if token in core.prompts.stops:
            break
    assert ours == ids[len(row.prompt) :]


@families
def test_options_in_one_forward_are_options_one_by_one(hub, name):
    one = student(hub, name, batch_size=3)
    core, asked = one.dress(), samples(5)
    assert takes_branches(core)
    together = one.weigh(asked, hub)
    for sample, logs in zip(asked, together, strict=True):
        row, options = core.prompts.options(sample, hub)
        assert logs == pytest.approx(weigh_plainly(core, row, options), abs=2e-4)
    chosen = student(hub, name, answer_by="options").answer(asked, hub)
    best = [
        f"Answer: {s.options[max(range(3), key=logs.__getitem__)]}" for s, logs in zip(asked, together, strict=True)
    ]
    assert chosen == best


@families
def test_only_the_language_model_is_quantised_and_adapted(hub, name):
    from edt.students.hub.adapters import Shape, adapted

    core = student(hub, name, precision="nf4").dress()
    packed = set(quantised(core.model))
    assert packed == linear_names(core.model.config, core.family)
    assert len(packed) == 14
    assert all(part.support_avx512bf16_for_cpu is False for part in quantised(core.model).values())
    core.dress(Shape(rank=2, alpha=4))
    assert set(adapted(core.model)) == packed
    assert not re.search(r"vision|visual|projector|connector|lm_head", " ".join(packed))


@families
def test_gradients_after_an_eval_pass_are_those_before(hub, name):
    one = student(hub, name, precision="nf4")
    trainable = one.trainable()
    trainable.prepare(kind="lora", rank=2, alpha=4, checkpointing=False)
    trainable.start(dropout=0.0, precision="fp32")
    rows = trainable.rows(samples(2), hub)
    weights = [weight for group in trainable.groups().values() for weight in group]
    with torch.no_grad():
        for weight in trainable.groups()["lora"][1::2]:
            weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)) * 0.1)

    def gradients():
        ((part, _),) = trainable.collate(rows)
        return torch.autograd.grad(trainable.loss(part), weights)

    before = gradients()
    trainable.module.eval()
    with torch.no_grad():
        trainable.loss(trainable.collate(rows)[0][0])
    trainable.module.train()
    after = gradients()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(bool(gradient.abs().sum() > 0) for gradient in before)


@families
def test_the_tower_stays_in_eval_and_is_asked_once_a_picture(hub, name, tmp_path):
    one = student(hub, name, features=str(tmp_path))
    core = one.dress()
    tower = getattr(core.body, core.family.tower)
    core.model.train()
    assert not tower.training
    assert not any(part.training for part in tower.modules())
    core.model.eval()
    passes = []
    tower.register_forward_hook(lambda *_: passes.append(1))
    first = one.answer(samples(6), hub)
    assert len(passes) == 3
    assert one.answer(samples(6), hub) == first
    assert student(hub, name, features=str(tmp_path)).answer(samples(6), hub) == first
    assert len(passes) == 3


def test_right_padding_would_change_answers(hub):
    """The trap that left padding avoids is real: the shorter rows go on from padding."""
    core = student(hub, "llava").dress()
    rows = [core.prompts.row(sample, hub, reply=None) for sample in (samples(1)[0], samples(4)[3])]
    assert len(rows[0]) < len(rows[1])
    batch = core.collate(rows)
    last = core.model.lm_head(core.hidden(batch)[0, -1])
    alone = core.model.lm_head(core.hidden(core.collate(rows[:1]))[0, -1])
    assert not torch.allclose(last, alone, atol=1e-3)


@families
def test_supervision_is_the_reply_and_its_end_mark(hub, name):
    core = student(hub, name).dress()
    for sample in samples(4):
        (row,) = core.prompts.rows([sample], hub, with_reply=True)
        steps = "".join(f"Step 1: {step}\n" for step in sample.rationale)
        assert core.prompts.raw(row.reply).strip() == f"{steps}Answer: {sample.answer}{core.family.end}"
        batch = core.collate([row, *core.prompts.rows(samples(8), hub, with_reply=True)])
        assert tuple(batch.ids[0][batch.supervised[0]].tolist()) == row.reply
        assert core.prompts.text(row.reply) == core.prompts.reply_of(sample)


def test_steps_are_asked_for_where_there_are_some_to_learn(hub):
    core = student(hub, "qwen2_vl").dress()
    bare, reasoned = (core.prompts.raw(row.prompt) for row in core.prompts.rows(samples(2), hub, with_reply=True))
    assert "numbered steps" in reasoned
    assert "numbered steps" not in bare
    asked = replace(samples(2)[1], direct=True)  # in another evaluator's words
    assert "Which colour is it, then?<|im_end|>" in core.prompts.raw(core.prompts.row(asked, hub, reply=None).prompt)
    plain = student(hub, "qwen2_vl", style="plain").dress().prompts
    (row,) = plain.rows(samples(2)[1:], hub, with_reply=True)
    assert plain.raw(row.reply) == "green<|im_end|>"
    assert "Which colour is it, then?<|im_end|>" in plain.raw(row.prompt)


@families
def test_marks_inside_words_are_words(hub, name):
    core = student(hub, name).dress()
    mark, end = core.pictures.image_token, core.family.end
    sample = dataclasses.replace(samples(1)[0], question=f"{mark} What {end}is {mark}?", answer=f"a{end}b{mark}")
    (row,) = core.prompts.rows([sample], hub, with_reply=True)
    (usual,) = core.prompts.rows(samples(1), hub, with_reply=True)
    image = core.pictures.image_id
    assert row.prompt.count(image) == usual.prompt.count(image)
    assert row.reply.count(core.prompts.end) == 1
    assert image not in row.reply


@families
def test_a_sample_without_a_picture_is_text(hub, name):
    one = student(hub, name)
    sample = dataclasses.replace(samples(1)[0], image="")
    row = one.dress().prompts.row(sample, hub, reply=None)
    assert one.dress().pictures.image_id not in row.prompt
    mixed = [sample, *samples(3)]
    assert one.answer(mixed, hub) == [one.answer([each], hub)[0] for each in mixed]


def test_what_does_not_fit_is_said(hub, tmp_path):
    with pytest.raises(EdtError, match="holds a 'qwen2_vl', and this student is a 'llava'"):
        TINY["llava"].student(model=str(hub / "qwen2_vl"), device="cpu").dress()
    with pytest.raises(EdtError, match=r"no \.safetensors file"):
        TINY["llava"].student(model=str(tmp_path), device="cpu").fingerprint()
    with pytest.raises(EdtError, match="no folder and no name of the hub"):
        TINY["llava"].student(model="somewhere", device="cpu").fingerprint()
    with pytest.raises(EdtError, match="precision='int3' is unknown; choose one of auto, nf4, bf16, fp32"):
        student(hub, "llava", precision="int3")
    missing = dataclasses.replace(samples(1)[0], image="images/none.png")
    with pytest.raises(EdtError, match=r"none\.png is missing"):
        student(hub, "llava").answer([missing], hub)
    (hub / "images" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(EdtError, match=r"broken\.png is broken"):
        student(hub, "llava").answer([dataclasses.replace(missing, image="images/broken.png")], hub)


def test_numbers_and_device_are_said(hub, caplog):
    caplog.set_level(logging.INFO, logger="edt")
    one = student(hub, "llava", precision="bf16")
    core = one.dress()
    assert "student llava: CPU" in caplog.text
    assert "weights in bf16, products in bf16" in caplog.text
    assert core.language_model.embed_tokens.weight.dtype == torch.bfloat16
    assert len(one.answer(samples(2), hub)) == 2
    assert one.fingerprint() != student(hub, "llava").fingerprint()


def test_the_fingerprint_knows_weights_and_not_batches(hub, tmp_path):
    one = student(hub, "llava")
    assert one.fingerprint() == student(hub, "llava", batch_size=1, features_gb=0.0).fingerprint()
    assert one.fingerprint() != student(hub, "llava", style="plain").fingerprint()
    from tests.students.hub.tiny import save

    save(TINY["llava"], tmp_path / "llava", seed=1)
    other = student(tmp_path, "llava").fingerprint()
    assert other["weights"] != one.fingerprint()["weights"]


@families
@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="torchvision is here")
def test_without_torchvision_pictures_go_through_pil(hub, name):
    pictures = student(hub, name).dress().pictures
    assert type(pictures.processor.image_processor).__name__.endswith("Pil")
    assert getattr(pictures.processor, "video_processor", None) is None


@families
@pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="torchvision is not here")
def test_with_torchvision_the_processor_is_the_ordinary_one(hub, name):
    pictures = student(hub, name).dress().pictures
    assert type(pictures.processor).__name__ == TINY[name].student.family.processor  # type: ignore[attr-defined]


def test_a_row_has_its_length():
    row = HubRow(sample_id="s", prompt=(1, 2), reply=(3,), image=None)
    assert len(row) == 3
