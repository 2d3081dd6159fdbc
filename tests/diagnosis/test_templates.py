"""Prompts are files: every one fits its reader, and a user's own takes the place of ours by its path."""

import pytest

from edt.diagnosis import answer_switch, in_context, per_step, pseudo_rationale
from edt.diagnosis.templates import FOLDER, around_steps, load
from edt.errors import EdtError
from edt.teachers.fakes import ScriptedTeacher

PARTS = {
    "answer_switch": (answer_switch.AnswerSwitch, answer_switch.FIELDS),
    "in_context": (in_context.InContext, in_context.FIELDS),
    "per_step": (per_step.PerStep, per_step.FIELDS),
    "pseudo_rationale": (pseudo_rationale.PseudoRationale, pseudo_rationale.FIELDS),
}


def test_every_prompt_is_a_file_of_its_own():
    assert {*PARTS, "required_skills"} <= {file.stem for file in FOLDER.glob("*.txt")}


@pytest.mark.parametrize("name", PARTS)
def test_a_changed_prompt_changes_the_fingerprint_and_its_place_does_not(name, tmp_path):
    make, fields = PARTS[name]
    text = load(name, fields)
    same, other = tmp_path / "same.txt", tmp_path / "other.txt"
    same.write_text(text + "\n")
    other.write_text("Think well.\n" + text + "\n")
    shipped = make(ScriptedTeacher()).fingerprint()
    assert make(ScriptedTeacher(), prompt=str(same)).fingerprint() == shipped
    assert make(ScriptedTeacher(), prompt=str(other)).fingerprint() != shipped


def test_an_unsuitable_prompt_is_named(tmp_path):
    own = tmp_path / "own.txt"
    own.write_text("{question} {gold}")
    with pytest.raises(EdtError, match=r"own\.txt holds the fields"):
        load(str(own), per_step.FIELDS)
    with pytest.raises(EdtError, match="or give the path of a file"):
        load("absent", ())
    with pytest.raises(EdtError, match="line of its own"):
        around_steps("{question} {steps}\nAnswer:")
