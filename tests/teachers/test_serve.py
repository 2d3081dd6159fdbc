"""`transformers serve`, for real: it answers 200 and leaves out what it was asked for. A 200 is never believed."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edt.diagnosis.answer_switch import AnswerSwitch
from edt.errors import EdtError
from edt.pocket.home import default_home, is_sealed
from edt.teachers.api import ApiTeacher, api_teacher
from edt.teachers.callbook import CallBook
from tests.diagnosis.examples import error_of
from tests.teachers.servers import free_port, script, serving

HOME = default_home()
pytestmark = [
    pytest.mark.skipif(not is_sealed(HOME.language_model), reason="Pocket is not set up"),
    pytest.mark.skipif(sys.platform != "linux", reason="servers are tried on Linux"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    port = free_port()
    command = [script("transformers"), "serve", str(HOME.language_model), "--device", "cpu", "--host", "127.0.0.1"]
    log = tmp_path_factory.mktemp("serve") / "log.txt"
    with serving([*command, "--port", str(port), "--log-level", "error"], port, ready="/health", log=log) as address:
        yield address


def teacher(url: str, folder: Path, **options) -> ApiTeacher:
    settings = {"usd_per_million": [0, 0], "calls": str(folder / "calls.sqlite"), "concurrency": 2, "samples": 2}
    return api_teacher(str(HOME.language_model), base_url=url, **{**settings, **options})


def test_the_probe_finds_out_and_names_what_works(url, tmp_path):
    with pytest.raises(EdtError, match="cannot deliver source=logprobs; it can deliver sampling, verbalised"):
        teacher(url, tmp_path).prepare()
    book = CallBook(tmp_path / "calls.sqlite")
    assert [(line.outcome, line.calls) for line in book.lines()] == [("probe", 2)]


def test_it_runs_with_sampling(url, tmp_path, caplog):
    sampling = teacher(url, tmp_path, source="sampling", unread="even")
    sampling.prepare()
    (mistake,) = AnswerSwitch(sampling).identify([error_of("It is for sitting.", "It has legs.")])
    assert [row.steps for row in mistake.evidence] == [0, 1, 2]
    assert all(sum(row.probabilities.values()) == pytest.approx(1) for row in mistake.evidence)
    book = CallBook(tmp_path / "calls.sqlite")
    assert {line.outcome: line.calls for line in book.lines()} == {"answered": 6, "probe": 1}
    assert all(line.prompt_tokens > 0 for line in book.lines())
    assert "named no option in 3 of 3" not in caplog.text  # a real model, which names letters


def test_a_schema_that_it_leaves_out_is_told(url, tmp_path, caplog):
    verbalised = teacher(url, tmp_path, source="verbalised")
    verbalised.prepare()
    assert "ignores the JSON schema" in caplog.text


def test_another_model_is_refused_in_its_words(url, tmp_path):
    other = api_teacher("another", base_url=url, usd_per_million=[0, 0], calls=str(tmp_path / "calls.sqlite"))
    with pytest.raises(EdtError, match="pinned to"):
        other.complete(["hello"], max_tokens=2)
