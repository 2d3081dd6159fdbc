"""Adapters put on, taken off, saved, read and merged: through the tuner, on tiny checkpoints."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from edt.errors import EdtError
from edt.students.hub.adapters import WEIGHTS, merge, read_facts, read_state
from edt.students.hub.hardware import Hardware, Numbers, choose_numbers, find_hardware
from edt.students.hub.weights import load_model
from edt.tuning.tuner import LightningTuner
from tests.students.hub.tiny import TINY, samples, student

families = pytest.mark.parametrize("name", sorted(TINY))


def tuner(**settings) -> LightningTuner:
    fixed = {"batch_size": 4, "epochs": 3, "lr": 1e-2, "projector_lr": 1e-3, "rank": 4, "alpha": 8, "progress": False}
    return LightningTuner(**{**fixed, **settings})


def losses(folder) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "training.jsonl").read_text().splitlines()]


@families
def test_tuning_learns_and_an_adapter_comes_on_and_off(hub, name, tmp_path):
    one = student(hub, name)
    asked = samples(4)
    before = one.answer(asked, hub)
    adapter = tuner().tune(one, samples(8), hub, folder=tmp_path / "a", seed=0)
    seen = losses(tmp_path / "a")
    assert seen[-1] < 0.9 * seen[0]
    worn = one.wearing(adapter)
    after = worn.answer(asked, hub)
    assert after != before
    assert one.answer(asked, hub) == before
    assert worn.answer(asked, hub) == after
    assert student(hub, name).wearing(adapter).answer(asked, hub) == after
    assert worn.fingerprint()["adapter"] == adapter.key


@pytest.mark.parametrize("precision", ["fp32", "nf4"])
@families
def test_merged_into_the_unquantised_base_it_is_the_same_model(hub, name, precision, tmp_path):
    trained = student(hub, name, precision=precision)
    adapter = tuner(epochs=1, preflight=False).tune(trained, samples(4), hub, folder=tmp_path / "a", seed=0)
    packed = [weight for weight in trained.dress().model.parameters() if type(weight).__name__ == "Params4bit"]
    assert len(packed) == (14 if precision == "nf4" else 0)
    core = student(hub, name).wearing(adapter).dress()
    (row,) = core.prompts.rows(samples(1), hub, with_reply=True)
    with torch.no_grad():
        worn = core.model.lm_head(core.hidden(core.collate([row])))
        core.undress()
        merge(core.model, read_state(tmp_path / "a"), read_facts(tmp_path / "a"))
        merged = core.model.lm_head(core.hidden(core.collate([row])))
    assert (worn - merged).abs().max() < 1e-5 * max(1.0, float(worn.abs().max()))
    fresh = load_model(hub / name, core.family, numbers=Numbers(weights="fp32", compute="fp32"), hardware=CPU)
    state, facts = read_state(tmp_path / "a"), read_facts(tmp_path / "a")
    before = {key: value.clone() for key, value in fresh.named_parameters()}
    merge(fresh, state, facts)
    for key, value in fresh.named_parameters():
        lora = key.removesuffix(".weight")
        expected = before[key]
        if f"{lora}.lora_A.weight" in state:
            b, a = state[f"{lora}.lora_B.weight"].double(), state[f"{lora}.lora_A.weight"].double()
            delta = b @ a * (facts.alpha / facts.rank)
            assert float(delta.abs().max()) > 1e-3
            expected = expected + delta
        assert (value - state.get(key, expected)).abs().max() < 1e-5


CPU = Hardware(device="cpu", title="CPU", gigabytes=None, bf16=False)


def test_peft_itself_reads_the_adapter(hub, tmp_path):
    from peft import PeftModel

    one = student(hub, "smolvlm")
    adapter = tuner(epochs=1, projector_lr=1e-9).tune(one, samples(4), hub, folder=tmp_path / "a", seed=0)
    core = one.wearing(adapter).dress()
    (row,) = core.prompts.rows(samples(1), hub, with_reply=True)
    with torch.no_grad():
        ours = core.model.lm_head(core.hidden(core.collate([row])))
        other = student(hub, "smolvlm").dress()
        plain = other.model.lm_head(other.hidden(other.collate([row])))
        PeftModel.from_pretrained(other.model, str(tmp_path / "a"))
        theirs = other.model.lm_head(other.hidden(other.collate([row])))
    assert torch.allclose(ours, theirs, atol=1e-3)
    assert not torch.allclose(plain, theirs, atol=1e-3)


def test_rounds_go_on_from_what_is_worn_and_need_no_earlier_folder(hub, tmp_path):
    one = student(hub, "llava")
    first = tuner(epochs=1).tune(one, samples(4), hub, folder=tmp_path / "1", seed=0)
    second = tuner(epochs=1).tune(one.wearing(first), samples(4), hub, folder=tmp_path / "2", seed=0)
    assert read_facts(tmp_path / "2").parent == first.key != second.key
    assert losses(tmp_path / "2")[0] < losses(tmp_path / "1")[0]
    with pytest.raises(EdtError, match=r"keep them over the rounds.*budget\.start=base"):
        tuner(rank=2).tune(one.wearing(first), samples(4), hub, folder=tmp_path / "3", seed=0)
    shutil.rmtree(tmp_path / "1")
    assert one.wearing(second).answer(samples(1), hub)


def test_a_full_tuning_holds_the_language_model_and_is_taken_off(hub, tmp_path):
    one = student(hub, "qwen2_vl")
    before = one.answer(samples(3), hub)
    adapter = tuner(kind="full", rank=None, alpha=None).tune(one, samples(8), hub, folder=tmp_path / "a", seed=0)
    names = set(load_file(tmp_path / "a" / WEIGHTS))
    assert "model.language_model.embed_tokens.weight" in names
    assert not any("visual" in name for name in names)
    assert one.wearing(adapter).answer(samples(3), hub) != before
    assert one.answer(samples(3), hub) == before
    packed = student(hub, "qwen2_vl", precision="nf4")
    with pytest.raises(EdtError, match="cannot tune weights packed in 4 bits"):
        tuner(kind="full", rank=None, alpha=None).tune(packed, samples(4), hub, folder=tmp_path / "b", seed=0)


def test_an_adapter_of_another_checkpoint_or_changed_is_refused(hub, tmp_path):
    one = student(hub, "llava")
    adapter = tuner(epochs=1).tune(one, samples(4), hub, folder=tmp_path / "a", seed=0)
    with pytest.raises(EdtError, match="another checkpoint"):
        student(hub, "llava_onevision").wearing(adapter).answer(samples(1), hub)
    facts = json.loads((tmp_path / "a" / "adapter.json").read_text())
    (tmp_path / "a" / "adapter.json").write_text(json.dumps({**facts, "alpha": 9}))
    with pytest.raises(EdtError, match="has changed since it was made"):
        student(hub, "llava").wearing(adapter).answer(samples(1), hub)


def test_numbers_follow_the_hardware():
    gpu = Hardware(device="cuda:0", title="a GPU", gigabytes=80.0, bf16=True)
    old = Hardware(device="cuda:0", title="an old GPU", gigabytes=11.0, bf16=False)
    assert choose_numbers("auto", gpu) == Numbers(weights="bf16", compute="bf16")
    assert choose_numbers("auto", CPU) == choose_numbers("auto", old) == Numbers(weights="fp32", compute="fp32")
    assert choose_numbers("nf4", gpu) == Numbers(weights="nf4", compute="bf16")
    assert choose_numbers("nf4", CPU) == Numbers(weights="nf4", compute="fp32")
    assert find_hardware("cpu").device == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(EdtError, match="torch finds no GPU"):
            find_hardware("cuda")
