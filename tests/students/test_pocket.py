import dataclasses
import json
import subprocess
import sys

import pytest
import torch

from edt.errors import EdtError
from edt.protocols import Student
from edt.students.pocket import PocketStudent
from edt.tuning.trainable import Tunable
from edt.types import Adapter
from tests.students.tiny import load_core, samples, student


def test_building_one_imports_nothing_heavy():
    code = (
        "import sys; from edt.students.pocket import PocketStudent; PocketStudent();"
        "print([m for m in ('torch', 'transformers', 'peft', 'pytorch_lightning', 'bitsandbytes') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_it_is_a_student_that_can_be_tuned(pocket):
    one: Student = student(pocket)
    assert isinstance(one, Tunable)


@pytest.mark.parametrize("quantisation", ["nf4", "none"])
def test_a_batch_answers_like_single_questions(pocket, quantisation):
    asked = samples(9)
    one_by_one = student(pocket, batch_size=1, quantisation=quantisation).answer(asked, pocket)
    assert student(pocket, batch_size=4, quantisation=quantisation).answer(asked, pocket) == one_by_one
    assert len(set(one_by_one)) > 1


def test_answers_equal_those_of_transformers(pocket):
    """The decoder against `generate`, row by row, without padding or merging."""
    asked = samples(6)
    one = student(pocket)
    replies = one.answer(asked, pocket)
    core = one.dress()
    for sample, reply in zip(asked, replies, strict=True):
        row = core.rows([sample], pocket, with_reply=False)[0]
        features = torch.from_numpy(core.store.load(row.image))[None].float()
        with torch.no_grad():
            embedded = core.model.embed(torch.tensor([row.prompt]), features)
            ids = core.model.language_model.generate(
                inputs_embeds=embedded,
                attention_mask=torch.ones(embedded.shape[:2]),
                max_new_tokens=12,
                do_sample=False,
                eos_token_id=core.chat.end,
                pad_token_id=core.chat.end,
            )
        assert core.chat.text(ids[0].tolist()) == reply


def test_the_picture_matters(pocket):
    core = load_core(pocket)
    red, green, _ = (core.collate(core.rows([sample], pocket)) for sample in samples(3))
    swapped = dataclasses.replace(red, features=green.features)
    assert core.model.loss(red).item() != core.model.loss(swapped).item()


def test_no_question_no_answer(pocket):
    assert student(pocket).answer([], pocket) == []


def test_the_fingerprint_knows_weights_and_not_batches(pocket, tmp_path):
    print_of = student(pocket).fingerprint()
    json.dumps(dict(print_of))
    assert student(pocket, batch_size=3).fingerprint() == print_of
    assert student(pocket, materialise=False).fingerprint() != print_of
    assert student(pocket, max_new_tokens=5).fingerprint() != print_of
    worn = student(pocket).wearing(Adapter(path=str(tmp_path), key="other"))
    assert worn.fingerprint() != print_of
    assert worn.wearing(None).fingerprint() == print_of


def test_an_adapter_that_changed_is_refused(pocket):
    worn = student(pocket).wearing(Adapter(path=str(pocket / "base"), key="of other weights"))
    with pytest.raises(EdtError, match="has changed"):
        worn.answer(samples(1), pocket)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"materialise": "perhaps"}, "true or false"),
        ({"batch_size": 0}, "at least 1"),
        ({"max_new_tokens": 0}, "at least 1"),
    ],
)
def test_settings_are_checked_at_once(settings, words):
    with pytest.raises(EdtError, match=words):
        PocketStudent(**settings)


def test_what_is_missing_is_named(pocket, tmp_path):
    with pytest.raises(EdtError, match="not set up"):
        PocketStudent(language_model=str(tmp_path), base=str(pocket / "base")).fingerprint()
    with pytest.raises(EdtError, match=r"adapter\.json is missing"):
        PocketStudent(language_model=str(pocket / "language_model"), base=str(tmp_path)).answer(samples(1), pocket)
    with pytest.raises(EdtError, match="nf4, none"):
        student(pocket, quantisation="int3").answer(samples(1), pocket)
