"""Parts that ask nobody."""

from edt.diagnosis.baselines import NoAnalyst, NoIdentifier, RandomStep, RawStep
from edt.teachers.fakes import ScriptedTeacher
from edt.types import Mistake
from tests.diagnosis.examples import error_of

ERRORS = [error_of("a", "b", "c", sample_id=f"v{n}") for n in range(40)]


def test_null_objects_abstain_without_a_call():
    teacher = ScriptedTeacher()
    mistakes = NoIdentifier(teacher).identify(ERRORS)
    assert all(mistake.abstained and mistake.reason for mistake in mistakes)
    gaps = NoAnalyst(teacher).analyse(ERRORS, mistakes)
    assert {(gap.state, gap.skill) for gap in gaps} == {("abstained", None)}
    assert not teacher.prompts
    assert not teacher.weighed


def test_a_random_step_depends_on_seed_and_sample_only():
    steps = [mistake.step for mistake in RandomStep(seed=1).identify(ERRORS)]
    assert set(steps) == {1, 2, 3}
    assert [mistake.step for mistake in RandomStep(seed=1).identify(ERRORS[::-1])] == steps[::-1]
    assert [mistake.step for mistake in RandomStep(seed=2).identify(ERRORS)] != steps
    assert RandomStep().identify([error_of()])[0].abstained


def test_the_raw_step_is_its_own_skill():
    mistakes = [Mistake(sample_id="v0", step=2, reason=""), Mistake(sample_id="v1", step=None, reason="")]
    first, second = RawStep().analyse(ERRORS[:2], mistakes)
    assert (first.skill, first.step_text, first.state) == ("b", "b", "named")
    assert (second.skill, second.state) == (None, "abstained")
