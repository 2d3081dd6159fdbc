"""A hub student's training through Lightning: killed and gone on with, shared out, decoded late."""

import dataclasses
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edt.build import Builder
from edt.errors import EdtError
from edt.experiment import compose
from edt.tuning.spread import shares_of
from edt.tuning.trainer import TrainerOptions
from edt.tuning.tuner import LightningTuner
from tests.students.hub.tiny import TINY, pictures, samples, save, student

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Path:
    root = pictures(tmp_path_factory.mktemp("hub"))
    for name in ("llava", "qwen2_vl"):
        save(TINY[name], root / name)
    return root


def tuner(**settings) -> LightningTuner:
    fixed = {"batch_size": 4, "epochs": 2, "lr": 1e-2, "projector_lr": 1e-3, "rank": 4, "alpha": 8, "progress": False}
    return LightningTuner(**{**fixed, **settings})


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "training.jsonl").read_text().splitlines()]


KILLED = """
import sys, time, torch
from pathlib import Path
from edt.students.hub.trainable import HubTrainable
from tests.tuning.test_hub import tune_in_passing
torch.set_num_threads(int(sys.argv[3]))
loss = HubTrainable.loss
def slow(self, part):
    time.sleep(0.5)
    return loss(self, part)
HubTrainable.loss = slow
tune_in_passing(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def tune_in_passing(hub: Path, folder: Path) -> str:
    """QLoRA with dropout and checkpoints, 15 steps; the adapter's key."""
    one = tuner(dropout=0.3, checkpoint_every=2, epochs=5, checkpointing=True, preflight=False)
    return one.tune(student(hub, "llava", precision="nf4"), samples(12), hub, folder=folder, seed=0).key


def test_a_killed_qlora_training_goes_on_bit_by_bit(hub, tmp_path):
    whole = tune_in_passing(hub, tmp_path / "whole")
    command = [sys.executable, "-c", KILLED, str(hub), str(tmp_path / "killed"), str(torch.get_num_threads())]
    killed = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    while not list((tmp_path / "killed").glob("checkpoint-*.ckpt")) and killed.poll() is None:
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    held = torch.load(next((tmp_path / "killed").glob("checkpoint-*.ckpt")), weights_only=True)
    assert 0 < held["global_step"] < 15
    assert all("lora_" in name or "projector" in name for name in held["state_dict"])
    assert tune_in_passing(hub, tmp_path / "killed") == whole
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")


def test_passes_and_checkpoints_and_loaders_come_to_the_same_steps(hub, tmp_path):
    ways = {
        "plain": {},
        "checkpointing": {"checkpointing": True},
        "accumulate": {"trainer": {"accumulate": 3}},
        "workers": {"workers": 1},
    }
    found = {}
    for name, settings in ways.items():
        tuner(**settings).tune(student(hub, "qwen2_vl"), samples(10), hub, folder=tmp_path / name, seed=0)
        found[name] = losses(tmp_path / name)
    assert found["plain"] == found["checkpointing"] == found["workers"]
    assert len(found["plain"]) == 6
    assert found["accumulate"] == pytest.approx(found["plain"], rel=1e-4)


def test_two_devices_take_the_steps_of_one(hub, tmp_path):
    some = [dataclasses.replace(sample, image="") if sample.id == "s0" else sample for sample in samples(9)]
    for name, devices, strategy in (("one", 1, "auto"), ("two", 2, "ddp")):
        options = {"accelerator": "cpu", "devices": devices, "strategy": strategy}
        tuner(trainer=options).tune(student(hub, "llava"), some, hub, folder=tmp_path / name, seed=0)
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-4)
    assert not {"LOCAL_RANK", "MASTER_PORT", "WORLD_SIZE"} & set(os.environ)


WEIGHED = """
import json, sys
from pathlib import Path
from torch.distributed.tensor import DTensor
from edt.students.hub.trainable import HubTrainable
from tests.students.hub.tiny import samples, student
from tests.tuning.test_hub import losses, tuner
hub, folder = Path(sys.argv[1]), Path(sys.argv[2])
loss, seen = HubTrainable.loss, []
def weighed(self, part):
    weights = list(self.layers().parameters())
    parts = [weight for weight in weights if isinstance(weight, DTensor)]
    held = sum(weight.to_local().untyped_storage().nbytes() for weight in parts)
    frozen = not any(weight.requires_grad for weight in parts)
    seen.append([held, sum(weight.numel() * 4 for weight in parts), frozen])
    return loss(self, part)
HubTrainable.loss = weighed
options = {"accelerator": "cpu", "devices": 2, "strategy": "fsdp"}
one = student(hub, "qwen2_vl")
before, whole = one.answer(samples(4), hub), sum(weight.numel() for weight in one.dress().model.parameters())
one_tuner = tuner(trainer=options, checkpointing=True, preflight=False)
one_tuner.tune(one, samples(9), hub, folder=folder, seed=0)
again = sum(weight.numel() for weight in one.dress().model.parameters())
print(json.dumps({"seen": seen, "whole": [whole, again], "losses": losses(folder),
                  "same": one.answer(samples(4), hub) == before}))
"""


def test_frozen_layers_are_dealt_out_over_two_devices_and_whole_again_afterwards(hub, tmp_path):
    tuner(trainer={}).tune(student(hub, "qwen2_vl"), samples(9), hub, folder=tmp_path / "one", seed=0)
    command = [sys.executable, "-c", WEIGHED, str(hub), str(tmp_path / "two")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found["seen"]) == 6
    for held, whole, frozen in found["seen"]:
        assert frozen
        assert held == whole / 2 > 0
    assert found["losses"] == pytest.approx(losses(tmp_path / "one"), rel=1e-4)
    assert found["same"]
    assert found["whole"][0] == found["whole"][1]


KILLED_BESIDE = """
import os, signal, sys
from pathlib import Path
from edt.students.hub.trainable import HubTrainable
from tests.tuning.test_hub import tune_on_two
loss, passes = HubTrainable.loss, []
def counted(self, part):
    passes.append(part)
    if len(passes) == 10:
        os.kill(os.getpid(), signal.SIGKILL)
    return loss(self, part)
HubTrainable.loss = counted
tune_on_two(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def tune_on_two(hub: Path, folder: Path) -> str:
    """LoRA with dropout in two processes with half of the layers each, 6 steps of two passes; the adapter's key."""
    options = {"accelerator": "cpu", "devices": 2, "accumulate": 2, "strategy": "fsdp"}
    one = tuner(dropout=0.3, checkpoint_every=3, trainer=options, preflight=False)
    return one.tune(student(hub, "llava"), samples(12), hub, folder=folder, seed=0).key


def test_two_devices_go_on_bit_by_bit_with_the_dropout_of_each(hub, tmp_path):
    whole = tune_on_two(hub, tmp_path / "whole")
    command = [sys.executable, "-c", KILLED_BESIDE, str(hub), str(tmp_path / "killed")]
    killed = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = (tmp_path / "killed").glob("checkpoint-*.ckpt")
    assert torch.load(left, weights_only=True)["global_step"] == 3
    assert tune_on_two(hub, tmp_path / "killed") == whole
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")


@given(
    st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=9, unique=True), min_size=1, max_size=4),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_shares_hold_every_row_once_and_weigh_a_whole(batches, devices, accumulate):
    supervised = [number + 1 for number in range(31)]
    of_rank = [
        shares_of(batches, supervised, devices=devices, accumulate=accumulate, rank=rank) for rank in range(devices)
    ]
    for number, batch in enumerate(batches):
        steps = slice(number * accumulate, (number + 1) * accumulate)
        mine = [share for shares in of_rank for share in shares[steps]]
        assert len(mine) == devices * accumulate
        assert sum(share.weight for share in mine) == pytest.approx(1)
        assert sorted(place for share in mine if share.weight for place in share.places) == sorted(batch)


def test_pictures_are_decoded_by_the_collator_and_not_before(hub, tmp_path):
    image = tmp_path / "images" / "cut.png"
    image.parent.mkdir()
    Image.effect_noise((64, 64), 90).save(image)
    image.write_bytes(image.read_bytes()[:-2000])
    trainable = student(hub, "qwen2_vl").trainable()
    trainable.prepare(kind="lora", rank=2, alpha=4, checkpointing=False)
    rows = trainable.rows([dataclasses.replace(samples(1)[0], image="images/cut.png")], tmp_path)
    assert len(rows[0]) > 0
    with pytest.raises(EdtError, match=r"cut\.png is broken"):
        trainable.collate(rows)


@pytest.mark.parametrize(
    ("trainer", "words"),
    [
        ({"strategy": "fsdp"}, "over devices; use tuner.trainer.devices=2 or more"),
        ({"strategy": "fsdp_cpu_offload", "devices": 2}, "use fsdp, which deals out the frozen ones, or ddp"),
        ({"strategy": "deepspeed_stage_3", "devices": 2}, "adapters are saved from whole ones; use fsdp"),
        ({"devices": 0}, "a whole number from 1"),
        ({"accelerator": "tpu"}, "choose one of auto, cpu, cuda"),
        ({"precision": "8"}, "choose one of 32-true"),
        ({"gpus": 2}, "no option 'gpus'; it has accelerator, strategy"),
        ({"devices": 3, "accumulate": 2}, "shared out over 6 passes"),
    ],
)
def test_options_of_the_trainer_are_checked_at_once(trainer, words):
    with pytest.raises(EdtError, match=words):
        tuner(trainer=trainer)


def test_fsdp_says_whose_layers_it_cannot_deal_out(hub, tmp_path):
    options = {"devices": 2, "strategy": "fsdp"}
    with pytest.raises(EdtError, match="leaves none in the language model; use kind=lora"):
        tuner(trainer=options, kind="full")
    one = student(hub, "llava", precision="nf4")
    with pytest.raises(EdtError, match=r"packed in 4 bits; use student\.precision=bf16"):
        tuner(trainer=options).tune(one, samples(4), hub, folder=tmp_path, seed=0)


@pytest.mark.skipif(importlib.util.find_spec("deepspeed") is not None, reason="DeepSpeed is installed")
def test_deepspeed_says_what_it_needs_before_anything_is_built():
    with pytest.raises(EdtError, match="a package that is not here: pip install deepspeed, or use ddp or fsdp"):
        compose_tuner("tuner=lora", "tuner.trainer.strategy=deepspeed_stage_2")


def test_deepspeed_is_not_for_a_cpu(hub, tmp_path, monkeypatch):
    (tmp_path / "deepspeed.py").touch()  # found, as an installed one is, and not imported
    monkeypatch.syspath_prepend(tmp_path)
    options = {"strategy": "deepspeed_stage_2", "devices": 2}
    with pytest.raises(EdtError, match="on GPUs only, and this training is on a CPU; use ddp or fsdp"):
        tuner(trainer={**options, "accelerator": "cpu"})
    one = compose_tuner(
        "tuner=lora", "tuner.trainer.strategy=deepspeed_stage_2", "tuner.trainer.devices=2", "tuner.preflight=false"
    )
    with pytest.raises(EdtError, match="on GPUs only"):
        one.tune(student(hub, "llava"), samples(4), hub, folder=tmp_path / "out", seed=0)


def compose_tuner(*overrides: str) -> LightningTuner:
    return Builder().part("tuner", compose(overrides).tuner)


def test_a_strategy_that_is_not_there_is_said(hub, tmp_path):
    one = tuner(trainer={"strategy": "no_such_strategy"}, preflight=False)
    with pytest.raises(EdtError, match=r"tuner\.trainer cannot be had here"):
        one.tune(student(hub, "llava"), samples(4), hub, folder=tmp_path, seed=0)


def test_only_what_differs_enters_the_fingerprint():
    assert LightningTuner(trainer={"devices": 1}, workers=2, preflight=False, checkpointing=True).fingerprint() == (
        LightningTuner().fingerprint()
    )
    assert set(tuner(trainer={"accumulate": 2}).fingerprint()) - set(LightningTuner().fingerprint()) == {
        "rank", "alpha", "trainer",
    }  # fmt: skip
    assert TrainerOptions(accumulate=2).changes() == {"accumulate": 2}
    assert LightningTuner(max_tokens=9).fingerprint() == LightningTuner().fingerprint()
    assert LightningTuner(max_tokens=9, too_long="drop").fingerprint() != LightningTuner().fingerprint()
