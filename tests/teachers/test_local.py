"""A local teacher on a tiny random Llama: all prefixes at once are as one by one, a batch equals its rows."""

import logging
import random

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edt.errors import EdtError
from edt.protocols import Rationale
from edt.teachers import lora
from edt.teachers.callbook import CallBook
from edt.teachers.engine import Engine, load_engine, load_model
from edt.teachers.local import LocalTeacher, folder_digest
from edt.teachers.pocket import pocket_teacher

RATIONALE = Rationale(
    head="What is this?\n",
    steps=("Step 1: It is soft.\n", "Step 2: It has legs.\n", "Step 3: It is big.\n"),
    probe="Answer:",
    options=(" bed", " chair", " lamp"),
)
words = st.text(alphabet="abc .", min_size=1, max_size=8)


@pytest.mark.parametrize("chat", ["auto", "plain", "chatml"])
def test_the_tree_equals_one_forward_a_text(tiny, chat):
    tree = LocalTeacher(tiny, chat=chat).weigh([RATIONALE])[0]
    naive = LocalTeacher(tiny, chat=chat, tree=False).weigh([RATIONALE])[0]
    assert len(tree) == 4
    for row, plain in zip(tree, naive, strict=True):
        assert row == pytest.approx(plain, abs=1e-4)
        assert sum(row) == pytest.approx(1)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words, max_size=4), st.lists(words, min_size=2, max_size=3, unique=True), words)
def test_the_tree_holds_for_any_shape(engine, steps, options, probe):
    rationale = Rationale(head="Is it a b?", steps=tuple(steps), probe=probe, options=tuple(options))
    with torch.inference_mode():
        tree, naive = engine.at_once(rationale), engine.naive(rationale)
    for row, plain in zip(tree, naive, strict=True):
        for option, other in zip(row, plain, strict=True):
            assert option == pytest.approx(other, abs=1e-4)


@pytest.fixture(scope="session")
def engine(tiny) -> Engine:
    return load_engine(tiny)


def test_length_is_normalised_only_on_request(tiny):
    rationale = Rationale(head="x", steps=(), probe="Answer:", options=(" b", " lamp shade"))
    short_first = LocalTeacher(tiny).weigh([rationale])[0][0]
    per_token = LocalTeacher(tiny, normalise_length=True).weigh([rationale])[0][0]
    assert short_first[0] > 0.99
    assert per_token != pytest.approx(short_first, abs=1e-2)


def test_an_option_that_begins_another_is_closed(engine):
    assert engine.vocabulary.options((" ca", " cat")) == [
        (*engine.vocabulary.ids(" ca"), engine.vocabulary.end),
        (*engine.vocabulary.ids(" cat"), engine.vocabulary.end),
    ]
    with pytest.raises(EdtError, match="without text"):
        engine.vocabulary.options(("",))


def test_a_tree_that_is_off_is_left_with_a_message(tiny, caplog, monkeypatch):
    engine = load_engine(tiny)
    wrong = [[[-1.0, -1.0], [-9.0]], [[-1.0], [-9.0]]]
    monkeypatch.setattr(engine, "at_once", lambda rationale: wrong)
    rationale = Rationale(head="x", steps=("y",), probe="z", options=(" a", " c"))
    with caplog.at_level(logging.WARNING):
        weights = engine.weigh(rationale, normalise_length=False)
    assert "all prefixes at once" in caplog.text
    assert weights == engine.weigh(rationale, normalise_length=False)
    assert len(caplog.records) == 1


def test_a_batch_completes_as_its_rows_do(tiny):
    prompts = ["a", "What is this? It is a long prompt.", "abc abc", "", "a b c d e f g"]
    teacher = LocalTeacher(tiny, batch_size=3)
    together = teacher.complete(prompts, max_tokens=12)
    assert together == [teacher.complete([prompt], max_tokens=12)[0] for prompt in prompts]
    assert all("\n" not in reply and "<|im" not in reply for reply in together)
    assert teacher.complete([], max_tokens=3) == []
    assert teacher.weigh([]) == []


def test_lines_are_written_on_only_where_they_are_asked_for_and_taught(tiny, tmp_path):
    draw, path = random.Random(0), tmp_path / "calls.sqlite"
    prompts = ["".join(draw.choices("abcdefgh \n", k=draw.randint(1, 12))) for _ in range(600)]
    teacher, taught = (LocalTeacher(tiny, batch_size=64, calls=path, one_line=one) for one in (False, True))
    short = teacher.complete(prompts, max_tokens=8)
    whole = teacher.complete(prompts, max_tokens=8, lines=True)
    assert any("\n" in text for text in whole)
    assert not any("\n" in text for text in short)
    assert all(text.strip().startswith(line.strip()) for text, line in zip(whole, short, strict=True))
    answered = len(CallBook(path).answered())
    assert answered == 2 * len(set(prompts))
    assert taught.complete(prompts, max_tokens=8, lines=True) == short
    assert len(CallBook(path).answered()) == answered  # its calls have the keys that they always had


def test_the_template_without_a_system_message_is_chatml(engine, tiny):
    assert engine.vocabulary.chat == load_engine(tiny, chat="chatml").vocabulary.chat
    assert engine.vocabulary.opening("a")[:1] == [0]


def test_an_adapter_is_saved_loaded_and_merged(tiny, tmp_path):
    wrapped = lora.attach(load_model(tiny)[0], r=4, alpha=8)
    for name, value in wrapped.named_parameters():
        if "lora_B" in name:
            value.data.normal_(std=0.05).copy_(value.data.bfloat16())
        elif "lora_A" in name:
            value.data.copy_(value.data.bfloat16())
    lora.save(wrapped, tmp_path / "adapter", trained_seconds=1)
    ids = torch.tensor([[3, 4, 5, 6]])
    merged = load_engine(tiny, adapter=tmp_path / "adapter").model
    with torch.inference_mode():
        torch.testing.assert_close(merged(ids).logits, wrapped(ids).logits, atol=1e-4, rtol=1e-4)
    plain, worn = LocalTeacher(tiny).fingerprint(), LocalTeacher(tiny, adapter=tmp_path / "adapter").fingerprint()
    assert plain["model"] == worn["model"]
    assert worn["adapter"]


def test_an_adapter_of_another_model_is_refused(tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    lora.save(lora.attach(load_model(tiny)[0], r=4, alpha=8), tmp_path)
    weights = load_file(tmp_path / lora.WEIGHTS)
    save_file(dict(list(weights.items())[1:]), tmp_path / lora.WEIGHTS)
    with pytest.raises(EdtError, match="does not fit"):
        lora.load(load_model(tiny)[0], tmp_path)
    with pytest.raises(EdtError, match="no teacher adapter"):
        lora.load(load_model(tiny)[0], tmp_path / "nowhere")


def test_building_a_teacher_loads_nothing_and_missing_files_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("EDT_CACHE", str(tmp_path))
    teacher = pocket_teacher()
    assert teacher.name == "pocket"
    with pytest.raises(EdtError, match=r"language model of teacher 'pocket'.*edt\.pocket\.setup"):
        teacher.weigh([RATIONALE])
    with pytest.raises(EdtError, match="language model"):
        teacher.fingerprint()
    with pytest.raises(EdtError, match=r"config\.json is missing"):
        LocalTeacher(tmp_path).complete(["a"], max_tokens=1)
    with pytest.raises(EdtError, match="batch_size is 0"):
        LocalTeacher(tmp_path, batch_size=0)
    with pytest.raises(EdtError, match="'irc'"):
        LocalTeacher(tmp_path, chat="irc")


def test_a_digest_follows_contents(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    first = folder_digest(tmp_path)
    (tmp_path / "notes.md").write_text("not the model")
    assert folder_digest(tmp_path) == first
    (tmp_path / "config.json").write_text('{"a": 1}')
    assert folder_digest(tmp_path) != first


def test_a_model_that_refuses_the_mask_is_asked_one_forward_a_prefix(engine, tiny, caplog):
    plain = engine.weigh(RATIONALE, normalise_length=False)
    fresh = Engine(BloomLike(engine.model), load_model(tiny)[1])
    assert fresh.weigh(RATIONALE, normalise_length=False) == [pytest.approx(row, abs=1e-4) for row in plain]
    assert "cannot be had (ValueError)" in caplog.text


class BloomLike:
    """A model that takes no mask of four dimensions, as those with ALiBi."""

    def __init__(self, model):
        self._model = model
        self.config, self.device, self.dtype = model.config, model.device, model.dtype

    def __call__(self, **given):
        if given.get("attention_mask") is not None:
            raise ValueError("too many values to unpack")
        return self._model(**given)
