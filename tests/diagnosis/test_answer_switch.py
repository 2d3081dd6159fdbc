"""The rule of the switch, what the teacher is shown, and when the identifier abstains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.diagnosis.answer_switch import AnswerSwitch, candidates, switch
from edt.errors import EdtError
from edt.protocols import Capabilities, Rationale
from edt.teachers.fakes import ScriptedTeacher
from tests.diagnosis.examples import error_of

leads = st.lists(st.sampled_from([-0.5, -0.1, 0.0, 0.1, 0.3, 0.6]), min_size=1, max_size=9)


@given(leads, st.sampled_from([0.0, 0.1, 0.2]), st.integers(1, 4))
def test_the_first_lasting_lead_is_the_switch(values, threshold, patience):
    step = switch(values, threshold=threshold, patience=patience)

    def lasting(t):
        return all(lead > threshold for lead in values[t : t + patience])

    if step is None:
        assert not any(lasting(t) for t in range(1, len(values)))
    else:
        assert step >= 1
        assert lasting(step)
        assert not any(lasting(t) for t in range(1, step))


@given(leads, st.sampled_from([0.0, 0.1]), st.integers(1, 3))
def test_a_stricter_rule_never_blames_an_earlier_step(values, threshold, patience):
    def blamed(**rule):
        return switch(values, **rule) or len(values)

    loose = blamed(threshold=threshold, patience=patience)
    assert blamed(threshold=threshold + 0.2, patience=patience) >= loose
    assert blamed(threshold=threshold, patience=patience + 1) >= loose


def weigher(*wrong: float):
    """P(chair) after 0, 1, … steps; bed has the rest."""

    def weigh(rationale: Rationale) -> list[list[float]]:
        return [[{" bed": 1 - p, " chair": p}.get(option, 0.0) for option in rationale.options] for p in wrong]

    return weigh


def test_the_blamed_step_comes_with_evidence_and_reason():
    identifier = AnswerSwitch(ScriptedTeacher(weights=weigher(0.2, 0.3, 0.7, 0.8)))
    (mistake,) = identifier.identify([error_of("It is soft.", "It has a back.", "It is for one.")])
    assert mistake.step == 2
    assert [weights.steps for weights in mistake.evidence] == [0, 1, 2, 3]
    assert mistake.evidence[2].probabilities == pytest.approx({"bed": 0.3, "chair": 0.7, "lamp": 0.0})
    assert "after step 2 ('It has a back.')" in mistake.reason
    assert "0.70" in mistake.reason


def test_patience_passes_over_a_passing_doubt():
    teacher = ScriptedTeacher(weights=weigher(0.2, 0.7, 0.3, 0.8))
    error = error_of("a", "b", "c")
    assert AnswerSwitch(teacher, patience=1).identify([error])[0].step == 1
    assert AnswerSwitch(teacher, patience=2).identify([error])[0].step == 3


def test_no_switch_is_an_abstention_with_its_evidence():
    (mistake,) = AnswerSwitch(ScriptedTeacher(weights=weigher(0.2, 0.3))).identify([error_of("It is soft.")])
    assert mistake.abstained
    assert len(mistake.evidence) == 2
    assert "never switches" in mistake.reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (error_of(), "no reasoning steps"),
        (error_of("a", answer=None), "no answer"),
        (error_of("a", answer="Bed"), "gold"),
    ],
)
def test_what_cannot_be_weighed_is_not_asked(error, reason):
    teacher = ScriptedTeacher()
    other = error_of("a", sample_id="v2")
    first, second = AnswerSwitch(teacher).identify([error, other])
    assert first.abstained
    assert reason in first.reason
    assert second.evidence
    assert len(teacher.weighed) == 1


def test_the_teacher_is_shown_the_prompt_and_nothing_else():
    teacher = ScriptedTeacher()
    AnswerSwitch(teacher, prior=0.65).identify([error_of("It is soft.", "It has\na back {x}.")])
    (rationale,) = teacher.weighed
    assert rationale.head == (
        "What is this? Options: bed, chair, lamp.\nHint: option bed has a 65% probability of being correct.\n"
    )
    assert rationale.steps == ("Step 1: It is soft.\n", "Step 2: It has a back {x}.\n")
    assert (rationale.probe, rationale.options) == ("Answer:", (" bed", " chair", " lamp"))


def test_candidates_hold_gold_and_wrong_answer_once():
    assert candidates(error_of().sample, "Chair") == ("bed", "chair", "lamp")
    assert candidates(error_of().sample, "sofa") == ("bed", "chair", "lamp", "sofa")
    assert candidates(error_of(options=()).sample, "sofa") == ("bed", "sofa")


@pytest.mark.parametrize(
    "setting", [{"prior": 1.0}, {"prior": 0.0}, {"threshold": -0.1}, {"threshold": 1.0}, {"patience": 0}]
)
def test_settings_out_of_range_are_named(setting):
    name, value = next(iter(setting.items()))
    with pytest.raises(EdtError, match=rf"{name} is {value}"):
        AnswerSwitch(ScriptedTeacher(), **setting)


def test_a_teacher_without_probabilities_and_an_unsuitable_prompt_are_refused():
    mute = ScriptedTeacher(can=Capabilities(logprobs=False, completion=True))
    with pytest.raises(EdtError, match="'scripted' cannot do"):
        AnswerSwitch(mute)
    with pytest.raises(EdtError, match=r"no prompt 'absent'.*answer_switch"):
        AnswerSwitch(ScriptedTeacher(), prompt="absent")
    with pytest.raises(EdtError, match="holds the fields"):
        AnswerSwitch(ScriptedTeacher(), prompt="in_context")


def test_the_fingerprint_holds_prompt_rule_and_teacher():
    plain = AnswerSwitch(ScriptedTeacher()).fingerprint()
    assert plain["prompt"]
    assert plain["teacher"]["part"].endswith("ScriptedTeacher")
    assert AnswerSwitch(ScriptedTeacher(), patience=2).fingerprint() != plain
