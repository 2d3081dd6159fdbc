"""The text path of an LMM as a teacher: weighed at once, in fp32 and in NF4, its vision parts left alone."""

from pathlib import Path

import pytest
import torch
from bitsandbytes.nn.modules import Linear4bit

from edt.errors import EdtError
from edt.protocols import Rationale
from edt.teachers.engine import load_engine
from edt.teachers.local import LocalTeacher
from tests.teachers.tiny import save_tiny_lmm

RATIONALE = Rationale(
    head="What is this?\n", steps=("Step 1: It is soft.\n", "Step 2: It has legs.\n"), probe="Answer:",
    options=(" bed", " chair", " lamp"),
)  # fmt: skip


@pytest.fixture(scope="module")
def lmm(tmp_path_factory) -> Path:
    return save_tiny_lmm(tmp_path_factory.mktemp("lmm"))


@pytest.mark.parametrize("quantisation", ["none", "nf4"])
def test_an_lmm_completes_and_weighs_text(lmm, quantisation, caplog):
    teacher = LocalTeacher(lmm, chat="chatml", quantisation=quantisation, batch_size=2)
    tree = teacher.weigh([RATIONALE])[0]
    naive = LocalTeacher(lmm, chat="chatml", quantisation=quantisation, tree=False).weigh([RATIONALE])[0]
    for row, plain in zip(tree, naive, strict=True):
        assert row == pytest.approx(plain, abs=1e-4)
    assert not caplog.records
    prompts = ["abc", "a longer one than that", "b"]
    assert teacher.complete(prompts, max_tokens=5) == [teacher.complete([p], max_tokens=5)[0] for p in prompts]


def test_only_the_blocks_of_the_language_model_are_quantised(lmm):
    model = load_engine(lmm, chat="chatml", quantisation="nf4").model
    packed = {name for name, part in model.named_modules() if isinstance(part, Linear4bit)}
    linear = {name for name, part in model.named_modules() if isinstance(part, torch.nn.Linear)}
    assert packed == {name for name in linear if "language_model.layers." in name}
    assert len(packed) == 2 * 7
    assert not any(part.support_avx512bf16_for_cpu for part in model.modules() if isinstance(part, Linear4bit))


def test_quantisation_enters_the_fingerprint_only_where_there_is_any(lmm):
    plain, packed = LocalTeacher(lmm).fingerprint(), LocalTeacher(lmm, quantisation="nf4").fingerprint()
    assert "quantisation" not in plain
    assert packed == {**plain, "quantisation": "nf4"}
    with pytest.raises(EdtError, match=r"teacher\.quantisation='int8' is unknown; choose one of none, nf4"):
        LocalTeacher(lmm, quantisation="int8")
    with pytest.raises(EdtError, match="leave one of them out"):
        LocalTeacher(lmm, adapter=lmm, quantisation="nf4")
