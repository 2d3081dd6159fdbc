import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edt.errors import EdtError
from edt.fakes import FakeTask
from edt.students.adapter import read_facts, read_state
from edt.students.rows import check_rows, even_parts
from edt.tuning.module import Rates
from edt.tuning.tuner import LightningTuner
from tests.students.tiny import samples, student

ROOT = Path(__file__).resolve().parents[2]


def tuner(**settings) -> LightningTuner:
    return LightningTuner(
        **{"batch_size": 4, "epochs": 2, "progress": False, "lr": 3e-3, "projector_lr": 1e-3, **settings}
    )


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "training.jsonl").read_text().splitlines()]


def test_tuning_learns_and_changes_both_groups(pocket, tmp_path):
    one = student(pocket)
    before = one.answer(samples(6), pocket)
    adapter = tuner(epochs=6).tune(one, samples(12), pocket, folder=tmp_path, seed=0)
    seen = losses(tmp_path)
    assert len(seen) == 18
    assert sum(seen[-3:]) < 0.8 * sum(seen[:3])
    base, tuned = read_state(pocket / "base"), read_state(tmp_path)
    assert all(not torch.equal(base[name], tuned[name]) for name in base)
    facts = read_facts(tmp_path)
    assert (facts.samples, facts.steps, facts.parent) == (72, 18, one.adapter_key())
    left = ["adapter.json", "adapter.safetensors", "preflight.json", "training.jsonl"]
    assert sorted(path.name for path in tmp_path.iterdir()) == left
    worn = one.wearing(adapter)
    assert worn.answer(samples(6), pocket) != before
    assert one.answer(samples(6), pocket) == before


@pytest.mark.parametrize(("number", "told"), [(92, ["3 of 23", "5 of 23", "7 of 23"]), (8, ["1 of 2", "2 of 2"])])
def test_a_log_has_a_line_for_every_tenth_of_a_training(pocket, tmp_path, caplog, number, told):
    caplog.set_level("INFO", logger="edt")
    asked = {"epochs": 1, "preflight": False}
    tuner(progress=True, **asked).tune(student(pocket), samples(number), pocket, folder=tmp_path, seed=0)
    lines = [line for line in caplog.messages if line.startswith("tuning: ")]
    assert len(lines) == min(10, number // 4)
    for words, line in zip(told, lines, strict=False):
        assert re.fullmatch(rf"tuning: {words} steps, loss \d\.\d{{3}}", line)
    caplog.clear()
    tuner(**asked).tune(student(pocket), samples(8), pocket, folder=tmp_path / "hushed", seed=0)
    assert caplog.messages == []


def test_the_same_seed_gives_the_same_weights(pocket, tmp_path):
    keys = [
        tuner(epochs=1).tune(student(pocket), samples(24), pocket, folder=tmp_path / str(number), seed=seed).key
        for number, seed in enumerate((0, 0, 1))
    ]
    assert keys[0] == keys[1] != keys[2]


def test_materialised_tuning_equals_plain_nf4(pocket, tmp_path):
    for name, choice in (("a", True), ("b", False)):
        tuner(precision="fp32").tune(
            student(pocket, materialise=choice), samples(8), pocket, folder=tmp_path / name, seed=0
        )
    assert losses(tmp_path / "a") == pytest.approx(losses(tmp_path / "b"), rel=1e-3)


def test_small_parts_equal_one_pass(pocket, tmp_path, monkeypatch):
    tuner(precision="fp32").tune(student(pocket), samples(8), pocket, folder=tmp_path / "whole", seed=0)
    monkeypatch.setattr("edt.students.trainable.PART_TOKENS", 1)
    tuner(precision="fp32").tune(student(pocket), samples(8), pocket, folder=tmp_path / "parts", seed=0)
    assert losses(tmp_path / "whole") == pytest.approx(losses(tmp_path / "parts"), rel=1e-3)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 60))
def test_parts_are_in_order_even_and_in_pairs(lengths, tokens):
    rows = [Long(range(n)) for n in lengths]
    parts = even_parts(rows, tokens=tokens)  # type: ignore[arg-type]
    assert [row for part in parts for row in part] == rows
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len(parts) % 2 == 0 or len(parts) == len(rows)
    assert len(parts) == len(rows) or max(lengths) * len(rows) <= len(parts) * tokens


class Long(tuple):
    """A row that is only long."""


def test_the_model_is_in_train_mode_while_it_learns(pocket, tmp_path, monkeypatch):
    from edt.students.model import PocketModel

    modes, loss = [], PocketModel.loss
    monkeypatch.setattr(PocketModel, "loss", lambda self, batch: modes.append(self.training) or loss(self, batch))
    one = student(pocket)
    one.answer(samples(2), pocket)
    tuner(epochs=1).tune(one, samples(4), pocket, folder=tmp_path, seed=0)
    assert modes
    assert all(modes)
    assert not one.dress().model.training


RUN = """
import sys, torch
from pathlib import Path
from tests.students.tiny import samples, student
from tests.tuning.test_tuner import tuner
torch.set_num_threads(1)
from edt.students.trainable import PocketTrainable
loss = PocketTrainable.loss
def slow(self, part):
    import time; time.sleep(float(sys.argv[3])); return loss(self, part)
PocketTrainable.loss = slow
one = tuner(dropout=0.3, checkpoint_every=2, epochs=5)
print(one.tune(student(Path(sys.argv[1])), samples(12), Path(sys.argv[1]), folder=Path(sys.argv[2]), seed=0).key)
"""


def start(pocket: Path, folder: Path, *, pause: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUN, str(pocket), str(folder), str(pause)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE)


def test_a_killed_training_goes_on_bit_by_bit(pocket, tmp_path):
    whole, _ = start(pocket, tmp_path / "whole", pause=0).communicate()
    killed = start(pocket, tmp_path / "killed", pause=0.5)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").glob("checkpoint-*.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (tmp_path / "killed" / "adapter.json").exists()
    checkpoint = next((tmp_path / "killed").glob("checkpoint-*.ckpt"))
    held = torch.load(checkpoint, weights_only=True)
    assert 0 < held["global_step"] < 15
    assert set(held["state_dict"]) == set(read_state(pocket / "base"))
    resumed, _ = start(pocket, tmp_path / "killed", pause=0).communicate()
    assert resumed == whole != ""
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")


def test_a_damaged_or_foreign_checkpoint_is_not_taken_up(pocket, tmp_path):
    plain = tuner(epochs=1).tune(student(pocket), samples(8), pocket, folder=tmp_path / "a", seed=0)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "checkpoint-0123456789abcdef.ckpt").write_bytes(b"not a checkpoint")
    assert tuner(epochs=1).tune(student(pocket), samples(8), pocket, folder=tmp_path / "b", seed=0).key == plain.key


def test_training_goes_on_from_what_is_worn(pocket, tmp_path):
    one = student(pocket)
    first = tuner(epochs=1).tune(one, samples(8), pocket, folder=tmp_path / "1", seed=0)
    second = tuner(epochs=1).tune(one.wearing(first), samples(8), pocket, folder=tmp_path / "2", seed=0)
    assert read_facts(tmp_path / "2").parent == first.key != second.key
    shutil.rmtree(tmp_path / "1")
    assert one.wearing(second).answer(samples(1), pocket)


def test_rates():
    rates = Rates(lora=1.0, projector=1.0, warm_up=0.2, schedule="constant", clip=1.0, weight_decay=0.0, steps=10)
    assert [rates.factor(step) for step in range(4)] == [0.5, 1.0, 1.0, 1.0]
    cosine = Rates(lora=1.0, projector=1.0, warm_up=0.0, schedule="cosine", clip=1.0, weight_decay=0.0, steps=10)
    assert cosine.factor(0) == 1.0
    assert cosine.factor(5) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"schedule": "linear"}, "constant, cosine"),
        ({"precision": "fp8"}, "auto, fp32, bf16"),
        ({"lr": 0.0}, "above 0"),
        ({"epochs": 0}, "at least 1"),
        ({"dropout": 1.0}, "a share"),
    ],
)
def test_settings_are_checked_at_once(settings, words):
    with pytest.raises(EdtError, match=words):
        LightningTuner(**settings)


def test_the_fingerprint_leaves_out_what_changes_nothing():
    assert tuner(checkpoint_every=3, progress=True).fingerprint() == tuner().fingerprint()
    assert tuner(lr=1e-4).fingerprint() != tuner().fingerprint()


def test_useless_samples_and_students_are_refused(pocket, tmp_path):
    with pytest.raises(EdtError, match="no sample"):
        tuner().tune(student(pocket), [], pocket, folder=tmp_path, seed=0)
    with pytest.raises(EdtError, match="cannot be tuned"):
        tuner().tune(FakeTask(), samples(2), pocket, folder=tmp_path, seed=0)  # type: ignore[arg-type]
    core = student(pocket).dress()
    with pytest.raises(EdtError, match="no supervised tokens"):
        check_rows(core.rows(samples(1), pocket, with_reply=False), num_image_tokens=4)
    with pytest.raises(EdtError, match="image tokens"):
        check_rows(core.rows(samples(1), pocket), num_image_tokens=9)
