"""Steps are matched against those that the teacher writes for the gold answer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.diagnosis.pseudo_rationale import PseudoRationale, likeness, parse_rationale
from edt.errors import EdtError
from edt.protocols import Capabilities
from edt.teachers.api import api_teacher
from edt.teachers.fakes import ScriptedTeacher
from tests.diagnosis.examples import error_of
from tests.teachers.loopback import Loopback
from tests.teachers.wire import body


def writing(reply: str) -> ScriptedTeacher:
    return ScriptedTeacher(replies=lambda prompt: reply)


GOLD = "It is used for sleeping. It has a soft mattress. It is wide."


@pytest.mark.parametrize(
    ("steps", "step"),
    [
        (("It is for sleeping.", "It has a hard seat.", "It is wide."), 2),
        (("It is for sitting.", "It has a mattress."), 1),
        (("It is wide.", "It has a mattress."), None),
        (("It is.", "It has wheels."), 2),
    ],
)
def test_the_first_unmatched_step_is_blamed(steps, step):
    (mistake,) = PseudoRationale(writing(GOLD)).identify([error_of(*steps)])
    assert mistake.step == step
    assert not mistake.failed
    assert "mattress" in mistake.reason


def test_more_overlap_asked_for_blames_no_later_step():
    error = error_of("It has a hard mattress.", "It has wheels.")
    assert PseudoRationale(writing(GOLD), overlap=0.5).identify([error])[0].step == 2
    assert PseudoRationale(writing(GOLD), overlap=0.9).identify([error])[0].step == 1


def test_a_reply_without_steps_is_a_failure_and_no_steps_are_not_asked_about():
    teacher = writing("Answer: bed")
    failed, empty = PseudoRationale(teacher).identify([error_of("It is soft."), error_of(sample_id="v2")])
    assert (failed.abstained, failed.failed) == (True, True)
    assert "'Answer: bed'" in failed.reason
    assert (empty.abstained, empty.failed) == (True, False)
    assert len(teacher.prompts) == 1
    assert "The answer is bed." in teacher.prompts[0]
    assert "It is soft" not in teacher.prompts[0]


@pytest.mark.parametrize(
    ("reply", "steps"),
    [
        (GOLD, ("It is used for sleeping.", "It has a soft mattress.", "It is wide.")),
        ("Step 1: It is soft Step 2: it is wide", ("It is soft", "it is wide")),
        ("Reasoning: 1. It is soft. 2) It weighs 2.5 kg", ("It is soft.", "It weighs 2.5 kg")),
        ("It is soft; it is wide. Answer: bed.", ("It is soft;", "it is wide.")),
        ("- It is soft\n- it is wide\nAnswer: bed\n", ("- It is soft", "- it is wide")),
        ("1. 2. 3.", ()),
        ("", ()),
    ],
)
def test_replies_are_taken_apart(reply, steps):
    assert parse_rationale(reply) == steps


class Stepwise(Loopback):
    """Writes a step a line."""

    def reply_to(self, request):
        return body("Step 1: It is used for sleeping\nStep 2: It has a soft mattress\n\nAnswer: bed")


@pytest.mark.parametrize(("last", "step"), [("It has a mattress.", None), ("It has wheels.", 2)])
def test_all_lines_of_a_chat_teacher_are_read_and_other_prompts_keep_their_one_line(tmp_path, last, step):
    with Stepwise() as server:
        given = {"source": "sampling", "usd_per_million": [0, 0], "calls": str(tmp_path / "calls.sqlite")}
        teacher = api_teacher("m", base_url=server.url, **given)
        (mistake,) = PseudoRationale(teacher).identify([error_of("It is for sleeping.", last)])
        assert mistake.step == step
        (asked,) = server.asked
        prompt = json.loads(asked)["messages"][-1]["content"]
        assert teacher.complete([prompt], max_tokens=96) == ["Step 1: It is used for sleeping"]
        assert server.asked.total() == 1  # it is the same call


@given(st.text(max_size=80))
def test_a_step_read_from_a_reply_has_a_letter_and_one_line(reply):
    for step in parse_rationale(reply):
        assert step.strip() == step
        assert len(step.splitlines()) == 1
        assert any(letter.isalpha() for letter in step)


@given(st.text(max_size=30), st.text(max_size=30))
def test_likeness_is_a_share_and_whole_for_the_step_itself(step, other):
    assert 0 <= likeness(step, other) <= 1
    assert likeness(step, f"{step} {other}") == 1


@pytest.mark.parametrize("options", [{"overlap": 0.0}, {"overlap": 1.5}, {"max_tokens": 0}])
def test_settings_out_of_range_are_named(options):
    name, value = next(iter(options.items()))
    with pytest.raises(EdtError, match=f"{name} is {value}"):
        PseudoRationale(writing(""), **options)


def test_a_teacher_that_does_not_write_is_refused():
    with pytest.raises(EdtError, match="writes text"):
        PseudoRationale(ScriptedTeacher(can=Capabilities(logprobs=True, completion=False)))
