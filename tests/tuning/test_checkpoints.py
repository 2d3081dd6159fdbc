"""Checkpoints that are folders, as DeepSpeed's are: gone on from, recognised as damaged, cleared away.

DeepSpeed itself needs a GPU. A strategy that saves a folder of the same form
stands for it here, through the very trainer.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.strategies import SingleDeviceStrategy, StrategyRegistry

from edt.tuning import fit as fitting
from edt.tuning.checkpoints import last_whole
from edt.tuning.tuner import LightningTuner
from tests.students.tiny import samples, student

NAME = "deepspeed_by_hand"
ADDING = "deepspeed_adding_up"


def write_folder(folder: Path, state: Any) -> Path:
    (folder / "checkpoint").mkdir(parents=True)
    torch.save(state, folder / "checkpoint" / "mp_rank_00_model_states.pt")
    torch.save({}, folder / "checkpoint" / "zero_pp_rank_0_mp_rank_00_optim_states.pt")
    (folder / "latest").write_text("checkpoint")
    return folder


class InFolders(SingleDeviceStrategy):
    def save_checkpoint(self, checkpoint: Any, filepath: Any, storage_options: Any = None) -> None:
        write_folder(Path(filepath), checkpoint)

    def load_checkpoint(self, checkpoint_path: Any, weights_only: Any = None) -> Any:
        return torch.load(Path(checkpoint_path) / "checkpoint" / "mp_rank_00_model_states.pt", weights_only=True)


class AddsUp(InFolders):
    """Takes a step only after so many passes, and has Lightning think that every pass is one: as DeepSpeed does."""

    @property
    def handles_gradient_accumulation(self) -> bool:
        return True

    def optimizer_step(self, optimizer: Any, closure: Any, model: Any = None, **more: Any) -> None:
        closure()
        module: Any = self.lightning_module
        if (module.trainer.fit_loop.epoch_loop.batch_idx + 1) % module.trainer.accumulate_grad_batches:
            module.on_before_optimizer_step(optimizer)
        else:
            self.precision_plugin._after_closure(module, optimizer)
            optimizer.step()


@pytest.fixture
def by_hand():
    for name, kind in ((NAME, InFolders), (ADDING, AddsUp)):
        StrategyRegistry.register(name, kind, device=torch.device("cpu"))
    yield
    for name in (NAME, ADDING):
        StrategyRegistry.remove(name)


class Killed(Exception):
    pass


class Killer(Callback):
    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 5:
            raise Killed


def tune(pocket: Path, folder: Path) -> str:
    settings = {"batch_size": 4, "epochs": 3, "dropout": 0.3, "checkpoint_every": 2, "preflight": False}
    one = LightningTuner(**settings, progress=False, precision="fp32", trainer={"strategy": NAME})
    return one.tune(student(pocket), samples(12), pocket, folder=folder, seed=0).key


def test_a_training_goes_on_from_a_folder_and_clears_it_away(pocket, tmp_path, by_hand, monkeypatch):
    whole = tune(pocket, tmp_path / "whole")
    assert not list((tmp_path / "whole").glob("checkpoint-*"))
    new, taken = fitting._new_trainer, []
    monkeypatch.setattr(fitting, "_new_trainer", lambda *given, **more: _with(new(*given, **more), Killer()))
    with pytest.raises(Killed):
        tune(pocket, tmp_path / "killed")
    (left,) = (tmp_path / "killed").glob("checkpoint-*.ckpt")
    assert left.is_dir()
    assert left.name.endswith("-step=4.ckpt")
    monkeypatch.setattr(fitting, "_new_trainer", lambda *given, **more: _with(new(*given, **more), Start(taken)))
    assert tune(pocket, tmp_path / "killed") == whole
    assert taken == [4]
    assert not list((tmp_path / "killed").glob("checkpoint-*"))
    lines = [(tmp_path / name / "training.jsonl").read_text().splitlines() for name in ("whole", "killed")]
    assert [json.loads(line)["loss"] for line in lines[0]] == [json.loads(line)["loss"] for line in lines[1]]


class Start(Callback):
    def __init__(self, taken: list[int]) -> None:
        self._taken = taken

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._taken.append(trainer.global_step)


def _with(trainer: Any, callback: Callback) -> Any:
    trainer.callbacks.append(callback)
    return trainer


def test_a_strategy_that_adds_up_passes_itself_notes_a_loss_a_step(pocket, tmp_path, by_hand):
    found = {}
    for name, options in (("one", {"strategy": NAME}), ("adding", {"strategy": ADDING, "accumulate": 2})):
        one = LightningTuner(batch_size=4, progress=False, precision="fp32", preflight=False, trainer=options)
        one.tune(student(pocket), samples(12), pocket, folder=tmp_path / name, seed=0)
        lines = (tmp_path / name / "training.jsonl").read_text().splitlines()
        found[name] = [json.loads(line)["loss"] for line in lines]
    assert len(found["one"]) == 3
    assert found["adding"] == pytest.approx(found["one"], rel=1e-4)


def test_the_newest_whole_folder_is_taken_and_damaged_ones_go(tmp_path):
    for number in (2, 4, 6, 8):
        one = write_folder(tmp_path / f"checkpoint-a-step={number}.ckpt", {"step": torch.ones(100)})
        os.utime(one, (number, number))
    (tmp_path / "checkpoint-a-step=8.ckpt" / "latest").unlink()  # killed before it was written
    part = tmp_path / "checkpoint-a-step=6.ckpt" / "checkpoint" / "mp_rank_00_model_states.pt"
    part.write_bytes(part.read_bytes()[:-50])
    for number in (6, 8):
        os.utime(tmp_path / f"checkpoint-a-step={number}.ckpt", (number, number))
    write_folder(tmp_path / "checkpoint-b-step=9.ckpt", {})
    assert last_whole(tmp_path, "checkpoint-a") == tmp_path / "checkpoint-a-step=4.ckpt"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint-a-step=2.ckpt", "checkpoint-a-step=4.ckpt", "checkpoint-b-step=9.ckpt",
    ]  # fmt: skip
    assert last_whole(tmp_path, "checkpoint-c") is None


def test_a_damaged_file_goes(tmp_path):
    (tmp_path / "checkpoint-a.ckpt").write_bytes(b"not a checkpoint")
    assert last_whole(tmp_path, "checkpoint-a") is None
    assert list(tmp_path.iterdir()) == []
