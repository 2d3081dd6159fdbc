"""What the analyst asks, how replies are read, and which state a gap ends in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.diagnosis.in_context import InContext, parse_skill, skill_prompt
from edt.errors import EdtError
from edt.protocols import Capabilities
from edt.teachers.fakes import ScriptedTeacher
from edt.types import Mistake
from tests.diagnosis.examples import error_of


@pytest.mark.parametrize(
    ("reply", "skill"),
    [
        (" counting the legs of an animal", "counting the legs of an animal"),
        ("Skill: telling colours apart.", "telling colours apart"),
        ('Missing skill: "reading signs"', "reading signs"),
        ("the parts of furniture: four legs", "the parts of furniture: four legs"),
        ("\n counting \n", "counting"),
        ("", None),
        ("...", None),
        ("Skill:", None),
        ("12%", None),
        ("None.", None),
        ("Step 2: It has legs", None),
        ("Answer: bed", None),
        ("Sure! Here it is:\nSkill: counting", None),
        ("word " * 31, None),
    ],
)
def test_replies_are_read_strictly(reply, skill):
    assert parse_skill(reply) == skill


@given(st.text(max_size=80))
def test_a_skill_is_never_empty_nor_of_several_lines(reply):
    skill = parse_skill(reply)
    assert skill is None or (skill.strip() == skill != "" and len(skill.splitlines()) == 1)


def place(step, sample_id="v1"):
    return Mistake(sample_id=sample_id, step=step, reason="")


def test_states_are_kept_apart():
    replies = iter(["Skill: telling materials apart", "???"])
    teacher = ScriptedTeacher(replies=lambda prompt: next(replies))
    errors = [error_of("a", "b", sample_id=f"v{n}") for n in range(3)]
    gaps = InContext(teacher).analyse(errors, [place(2, "v0"), place(None, "v1"), place(1, "v2")])
    assert [(gap.sample_id, gap.state, gap.skill, gap.step_text) for gap in gaps] == [
        ("v0", "named", "telling materials apart", "b"),
        ("v1", "abstained", None, ""),
        ("v2", "failed", None, "a"),
    ]
    assert gaps[2].reply == "???"
    assert len(teacher.prompts) == 2


def test_the_prompt_ends_with_the_mistaken_step():
    teacher = ScriptedTeacher()
    InContext(teacher).analyse([error_of("It is soft.", "It has a back.", "It is for one.")], [place(2)])
    assert teacher.prompts == [
        "What is this? Options: bed, chair, lamp.\nAnswer: bed\nStep 1: It is soft.\nStep 2: It has a back.\n"
        "Step 2 is wrong. Missing skill:"
    ]


def test_examples_come_first(tmp_path):
    own = tmp_path / "own.txt"
    own.write_text("An example.\n\n")
    teacher = ScriptedTeacher()
    InContext(teacher, examples=str(own)).analyse([error_of("a")], [place(1)])
    assert teacher.prompts[0].startswith("An example.\n\nWhat is this?")
    shipped = InContext(teacher, examples="skill_examples.txt")
    assert shipped.fingerprint() != InContext(teacher).fingerprint()


def test_braces_in_a_question_do_no_harm():
    error = error_of("It {is}.")
    prompt = "{question}{gold}{examples}{steps}{number}"
    assert "It {is}." in skill_prompt(error.sample, error.prediction.steps, 1, prompt)


def test_what_a_user_can_get_wrong_is_named():
    with pytest.raises(EdtError, match=r"nowhere\.txt.*skill_examples\.txt"):
        InContext(ScriptedTeacher(), examples="nowhere.txt")
    with pytest.raises(EdtError, match="max_tokens is 0"):
        InContext(ScriptedTeacher(), max_tokens=0)
    with pytest.raises(EdtError, match="writes text"):
        InContext(ScriptedTeacher(can=Capabilities(logprobs=True, completion=False)))
