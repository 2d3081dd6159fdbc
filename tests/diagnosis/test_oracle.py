"""The oracle reads planted truth, and says so where there is none."""

from dataclasses import replace

import pytest

from edt.errors import EdtError
from edt.pocket.kinds import DOMAINS
from edt.pocket.oracle import OracleAnalyst, OracleIdentifier, OracleTeacher
from edt.pocket.skills import skill_id, wordings
from edt.pocket.statements import state
from edt.types import ErrorSample, Truth
from tests.diagnosis.examples import error_of

DOMAIN = next(iter(DOMAINS))
SLOTS = ("part", "count")
SKILLS = (skill_id(DOMAIN, "part", "four legs"), skill_id("scene", "count", "two"))


def planted(*steps: str) -> ErrorSample:
    error = error_of(*steps)
    facts = {"part": "four legs", "count": "two"}
    truth = Truth(object_id="o", facts=facts, slots=SLOTS, skills=SKILLS)
    return replace(error, sample=replace(error.sample, truth=truth))


RIGHT, WRONG = state("part", "four legs"), state("count", "three")


@pytest.mark.parametrize(
    ("steps", "step", "skill"),
    [
        ((RIGHT, WRONG), 2, SKILLS[1]),
        ((WRONG, RIGHT), 1, SKILLS[1]),
        (("Bananas sing.", RIGHT), 1, SKILLS[0]),
        ((RIGHT, RIGHT), 2, SKILLS[0]),
    ],
)
def test_the_first_untrue_step_and_its_skill(steps, step, skill):
    error = planted(*steps)
    mistakes = OracleIdentifier().identify([error])
    assert mistakes[0].step == step
    (gap,) = OracleAnalyst().analyse([error], mistakes)
    assert (gap.skill, gap.state) == (wordings(skill)[0], "named")


def test_no_steps_is_an_abstention():
    error = planted()
    mistakes = OracleIdentifier().identify([error])
    assert mistakes[0].abstained
    assert OracleAnalyst().analyse([error], mistakes)[0].state == "abstained"


def test_samples_without_truth_and_prompts_are_refused():
    with pytest.raises(EdtError, match=r"'v1' carries no planted truth"):
        OracleIdentifier().identify([error_of("a")])
    with pytest.raises(EdtError, match="identifier=oracle"):
        OracleTeacher().weigh([])
    with pytest.raises(EdtError, match="identifier=oracle"):
        OracleTeacher().complete([], max_tokens=1)
