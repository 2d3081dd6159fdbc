"""Each step is asked about, in one weighing or in words; what cannot be read is told apart from what is right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.diagnosis.per_step import PerStep, parse_verdict
from edt.errors import EdtError
from edt.protocols import Capabilities
from edt.teachers.fakes import ScriptedTeacher
from tests.diagnosis.examples import error_of

ERROR = error_of("It is soft.", "It has a back.", "It is for one.")


def weighing(*wrong: float) -> ScriptedTeacher:
    """P(wrong) before any step, and after each."""
    return ScriptedTeacher(weights=lambda rationale: [[1 - p, p] for p in wrong])


def saying(*replies: str) -> ScriptedTeacher:
    told = iter(replies)
    return ScriptedTeacher(replies=lambda prompt: next(told))


def test_the_first_step_called_wrong_is_blamed_with_its_evidence():
    (mistake,) = PerStep(weighing(0.9, 0.2, 0.6, 0.8)).identify([ERROR])
    assert mistake.step == 2
    assert [weights.steps for weights in mistake.evidence] == [1, 2, 3]
    assert mistake.evidence[1].probabilities == pytest.approx({"right": 0.4, "wrong": 0.6})
    assert "step 2 ('It has a back.') wrong, with 0.60" in mistake.reason


def test_all_right_is_an_abstention_and_a_stricter_threshold_makes_more_of_them():
    teacher = weighing(0.1, 0.2, 0.6, 0.8)
    assert PerStep(teacher, threshold=0.7).identify([ERROR])[0].step == 3
    (none,) = PerStep(teacher, threshold=0.9).identify([ERROR])
    assert none.abstained
    assert not none.failed
    assert len(none.evidence) == 3


def test_the_teacher_is_shown_the_gold_answer_and_the_steps():
    teacher = weighing(0, 0, 0, 0)
    PerStep(teacher).identify([ERROR])
    (rationale,) = teacher.weighed
    assert "\nAnswer: bed\n" in rationale.head
    assert rationale.steps[1] == "Step 2: It has a back.\n"
    assert rationale.options == (" right", " wrong")


def test_verdicts_in_words_are_asked_for_step_by_step():
    teacher = saying(" right.", "Wrong, it has none.", "This step is right")
    (mistake,) = PerStep(teacher, ask="complete").identify([ERROR])
    assert (mistake.step, mistake.failed) == (2, False)
    assert [prompt.count("Step ") for prompt in teacher.prompts] == [1, 2, 3]
    assert teacher.prompts[1].endswith("Step 2: It has a back.\nThe last step is")


def test_an_unread_verdict_is_a_failure_unless_a_step_is_blamed():
    (failed,) = PerStep(saying("right", "furniture", "right"), ask="complete").identify([ERROR])
    assert failed.abstained
    assert failed.failed
    assert "1 of its verdicts cannot be read" in failed.reason
    (placed,) = PerStep(saying("hm", "wrong", "wrong"), ask="complete").identify([ERROR])
    assert (placed.step, placed.failed) == (2, False)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (" right", 0.0),
        ("Correct.", 0.0),
        ("**wrong**", 1.0),
        ("The last step is incorrect because", 1.0),
        ("this step is false", 1.0),
        ("righteous", None),
        ("I think it is wrong", None),
        ("", None),
    ],
)
def test_replies_are_read_strictly(reply, verdict):
    assert parse_verdict(reply) == verdict


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(0.05, 0.95))
def test_no_step_before_the_blamed_one_is_called_wrong(wrongs, threshold):
    error = error_of(*(f"step {n}" for n in range(len(wrongs))))
    (mistake,) = PerStep(weighing(0.5, *wrongs), threshold=threshold).identify([error])
    first = mistake.step or len(wrongs) + 1
    assert all(wrong <= threshold for wrong in wrongs[: first - 1])
    assert mistake.step is None or wrongs[first - 1] > threshold


def test_errors_without_steps_are_not_asked_about():
    teacher = weighing(0.1, 0.9)
    first, second = PerStep(teacher).identify([error_of(), error_of("a", sample_id="v2")])
    assert first.abstained
    assert "no reasoning steps" in first.reason
    assert second.step == 1
    assert len(teacher.weighed) == 1


@pytest.mark.parametrize(
    ("options", "can", "message"),
    [
        ({"ask": "shout"}, {}, "ask is 'shout'; choose one of weigh, complete"),
        ({}, {"logprobs": False}, "cannot weigh with the teacher 'scripted'; set identifier.ask=complete"),
        ({"ask": "complete"}, {"completion": False}, "cannot complete .* set identifier.ask=weigh"),
        ({"threshold": 1.0}, {}, "threshold is 1.0"),
        ({"max_tokens": 0}, {}, "max_tokens is 0"),
        ({"prompt": "in_context"}, {}, "holds the fields"),
    ],
)
def test_what_cannot_work_is_named(options, can, message):
    teacher = ScriptedTeacher(can=Capabilities(**{"logprobs": True, "completion": True, **can}))
    with pytest.raises(EdtError, match=message):
        PerStep(teacher, **options)
