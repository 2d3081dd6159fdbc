import shutil

import numpy as np
import pytest

from edt.errors import EdtError
from edt.fakes import SKILLS
from edt.selection.rank import cosines
from edt.selection.sentences import SentenceEncoder


def test_a_text_has_one_vector_whatever_it_stands_beside(encoder, tmp_path):
    alone = SentenceEncoder(str(encoder), cache=str(tmp_path / "one")).embed([SKILLS[0]])
    among = SentenceEncoder(str(encoder), cache=str(tmp_path / "two")).embed([*SKILLS, SKILLS[0]])
    np.testing.assert_array_equal(among[0], alone[0])
    np.testing.assert_array_equal(among[0], among[-1])
    assert cosines(among, among).diagonal() == pytest.approx(1)
    assert cosines(among[:2], among[2:3]).max() < 0.999


def test_vectors_are_the_mean_of_the_models_states(encoder, tmp_path):
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel

    ids = Tokenizer.from_file(str(encoder / "tokenizer.json")).encode(SKILLS[1]).ids
    with torch.no_grad():
        states = AutoModel.from_pretrained(encoder).eval()(input_ids=torch.tensor([ids])).last_hidden_state
    found = SentenceEncoder(str(encoder), cache=str(tmp_path)).embed([SKILLS[1]])
    np.testing.assert_allclose(found[0], states[0].mean(0).numpy(), rtol=1e-5, atol=1e-6)


def test_the_fingerprint_is_of_the_files(encoder, tmp_path):
    copied = shutil.copytree(encoder, tmp_path / "copy")
    assert SentenceEncoder(str(copied)).fingerprint() == SentenceEncoder(str(encoder)).fingerprint()
    text = (copied / "tokenizer.json").read_text()
    (copied / "tokenizer.json").write_text(text.replace("colour", "color"))
    assert SentenceEncoder(str(copied)).fingerprint() != SentenceEncoder(str(encoder)).fingerprint()


def test_what_is_missing_is_named_with_the_way_out(tmp_path, monkeypatch):
    with pytest.raises(EdtError, match=r"model\.safetensors; give another folder as selector\.model"):
        SentenceEncoder(str(tmp_path)).fingerprint()
    monkeypatch.setenv("EDT_CACHE", str(tmp_path))
    with pytest.raises(EdtError, match=r"model\.safetensors; run `python -m edt\.pocket\.setup`"):
        SentenceEncoder().fingerprint()


def test_a_model_of_the_hub_takes_its_commit():
    commit = "0123456789abcdef0123456789abcdef01234567"
    found = SentenceEncoder("some/encoder", revision=commit).fingerprint()
    assert (found["model"], found["revision"]) == ("some/encoder", commit)
    for revision in (None, "main"):
        with pytest.raises(EdtError, match=f"'some/encoder' is no folder here.*selector.revision.*{revision}"):
            SentenceEncoder("some/encoder", revision=revision)
