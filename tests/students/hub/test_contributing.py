"""The family that CONTRIBUTING.md adds as an example, taken from its page and run."""

import re
import sys
import types

import pytest
import torch
import yaml

from edt.build import Builder
from edt.tuning.tuner import LightningTuner
from tests.harness import ROOT
from tests.students.hub.tiny import idefics3, pictures, samples, save

PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def block(kind: str) -> str:
    (found,) = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return found


@pytest.fixture
def example(monkeypatch):
    """The page's module under the name that the page gives it."""
    module = types.ModuleType("edt.students.idefics3")
    module.__file__ = "CONTRIBUTING.md"
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(block("python"), "CONTRIBUTING.md", "exec"), module.__dict__)
    return module


def test_the_example_answers_and_learns(example, tmp_path):
    save(idefics3(), tmp_path / "checkpoint")
    pictures(tmp_path)
    node = {
        **yaml.safe_load(block("yaml")),
        "model": str(tmp_path / "checkpoint"),
        "device": "cpu",
        "max_new_tokens": 6,
        "features": str(tmp_path / "features"),
        "progress": False,
    }
    one = Builder().part("student", node)
    assert isinstance(one, example.Idefics3)
    asked = samples(5)
    before = one.answer(asked, tmp_path)
    assert before == [one.answer([sample], tmp_path)[0] for sample in asked]
    core = one.dress()
    row = core.prompts.row(asked[1], tmp_path, reply=None)
    image = core.glimpse(row)
    whole = core.collate([row])
    with torch.no_grad():
        theirs = core.model(
            input_ids=whole.ids,
            attention_mask=whole.seen,
            pixel_values=_pixels(core, row),
        ).logits
        ours = core.model.lm_head(core.hidden(whole))
    assert image.seen is not None
    assert torch.allclose(ours, theirs, atol=1e-4)
    settings = {"batch_size": 5, "epochs": 3, "lr": 1e-2, "rank": 4, "alpha": 8, "progress": False}
    adapter = LightningTuner(**settings).tune(one, asked, tmp_path, folder=tmp_path / "adapter", seed=0)
    assert one.wearing(adapter).answer(asked, tmp_path) != before
    assert one.answer(asked, tmp_path) == before


def _pixels(core, row):
    from edt.students.hub.processor import decode

    return core.pictures.pixels(decode(row.image.read_bytes(), row.image))["pixel_values"]
