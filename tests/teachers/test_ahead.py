"""What is reckoned ahead is never below what is then asked."""

import httpx
import pytest

from edt.diagnosis.in_context import InContext
from edt.diagnosis.per_step import PerStep
from edt.errors import EdtError
from edt.protocols import Cost, Rationale, Teacher
from edt.teachers.ahead import Reckoner, times
from edt.teachers.fakes import ScriptedTeacher
from edt.teachers.meter import cost_to_weigh, words_of
from edt.types import ErrorSample, Mistake, Outcome, Prediction, Sample
from tests.teachers.wire import asked, book_at, ok, teacher

STEPS = ("Step 1: It is soft.\n", "Step 2: It has legs.\n")
RATIONALE = Rationale(head="What is it?\n", steps=STEPS, probe="Answer:", options=(" bed", " chair"))
LETTERS = {"A": 0.6, "B": 0.3}


@pytest.mark.parametrize(("source", "calls"), [("logprobs", 1), ("sampling", 4), ("verbalised", 2)])
def test_a_weighing_is_reckoned_with_every_call_of_its_source(tmp_path, wire, source, calls):
    """Replies that name no option are repaired where they can be: no more is ever asked."""
    one = teacher(tmp_path, source=source)
    ahead = one.cost_to_weigh([RATIONALE])
    assert ahead.calls == calls * 3  # prefixes
    assert not (tmp_path / "calls.sqlite").exists()

    def reply(request: httpx.Request) -> httpx.Response:
        size = {"prompt_tokens": len(request.content) // 4, "completion_tokens": asked(request)["max_tokens"]}
        return ok("hm, " * asked(request)["max_tokens"], first={"Hm": 0.6, "Oh": 0.3}, usage=size)

    wire.side_effect = reply
    with pytest.raises(EdtError, match="named none of the options in 3 of 3 weighings"):
        one.weigh([RATIONALE])
    (found,) = [line for line in book_at(tmp_path).lines() if line.outcome == "answered"]
    assert found.calls == ahead.calls
    assert found.prompt_tokens <= ahead.tokens_in
    assert found.completion_tokens == ahead.tokens_out
    assert 0 < found.usd <= ahead.usd


def test_what_is_held_already_costs_nothing(tmp_path, wire):
    wire.side_effect = lambda request: ok("A", first=LETTERS)
    one = teacher(tmp_path)
    one.weigh([RATIONALE])
    assert one.cost_to_weigh([RATIONALE]).calls == 0


@pytest.mark.parametrize("ask", ["weigh", "complete"])
def test_parts_say_what_they_would_ask_and_ask_nobody(ask):
    sample = Sample(id="a", image="", question="What?", options=("bed", "chair"), answer="bed")
    reply = Prediction(sample_id="a", text="", steps=("one", "two"), answer="chair", outcome=Outcome.WRONG)
    error = ErrorSample(sample=sample, prediction=reply)
    mistake = Mistake(sample_id="a", step=2, reason="")
    scripted = ScriptedTeacher()

    def put(one: Teacher) -> int:
        PerStep(one, ask=ask).identify([error])
        InContext(one).analyse([error], [mistake])
        return len(scripted.prompts) + len(scripted.weighed)

    ahead = Reckoner(scripted)
    assert put(ahead) == 0
    assert put(scripted) == ahead.cost.calls == {"weigh": 2, "complete": 3}[ask]
    assert (ahead.name, ahead.can, ahead.fingerprint()) == (scripted.name, scripted.can, scripted.fingerprint())


def test_a_teacher_without_a_price_is_asked_once_a_rationale():
    cost = cost_to_weigh(ScriptedTeacher(), [RATIONALE, RATIONALE])
    length = len(RATIONALE.head + "".join(STEPS) + RATIONALE.probe)
    assert cost == Cost(calls=2, tokens_in=2 * length // 4, tokens_out=0, usd=0.0)
    assert words_of(times(cost, 1000), ScriptedTeacher()).startswith("2,000 calls, about ")
    assert words_of(cost, ScriptedTeacher()).endswith("0 dollars: it has no price")


def test_cents_are_rounded_up(tmp_path):
    cost = Cost(calls=1, tokens_in=0, tokens_out=0, usd=0.0101)
    assert words_of(cost, teacher(tmp_path)).endswith("at most 0.02 dollars")
