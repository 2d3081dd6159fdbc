import pytest

from edt.build import Builder, check
from edt.errors import EdtError
from edt.experiment import compose
from edt.fakes import FakeStudent
from tests.harness import FAKE_CONF, FAKES


def fakes(*overrides: str):
    return compose([*FAKES, *overrides], config_dir=FAKE_CONF)


def changed(group, **options):
    config = fakes()
    getattr(config, group).update(options)
    return config


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "code.InteractiveInterpreter",
        "edtx.fakes.FakeStudent",
        "edt",
        "edt.fakes.",
        "edt.fakes;os",
        3,
        None,
    ],
)
def test_a_target_that_is_not_ours_is_refused_by_its_name(target):
    with pytest.raises(EdtError, match=r"student._target_ must name a class or function under edt\."):
        check(changed("student", _target_=target))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("edt.fakes.NoSuch", "is none"),
        ("edt.fakes.json", "is none"),
        ("edt.fakes.digest.__call__", "no module|is none"),
        ("edt.fakes.Path", "is none"),
        ("edt.nowhere.Thing", "there is no module edt.nowhere"),
    ],
)
def test_a_target_must_be_a_class_or_function_of_edt(target, message):
    with pytest.raises(EdtError, match=message):
        check(changed("student", _target_=target))


def test_an_unknown_option_is_refused_with_the_known_ones():
    with pytest.raises(EdtError, match="student has no option 'dealy'; FakeStudent knows: delay, unparsed"):
        check(changed("student", dealy=1))


def test_the_teacher_is_not_an_option():
    config = compose([*FAKES, "identifier=answer_switch"], config_dir=FAKE_CONF)
    config.identifier["teacher"] = "x"
    with pytest.raises(EdtError, match="identifier has no option 'teacher'"):
        check(config)


def test_a_value_that_the_class_refuses_names_the_group():
    with pytest.raises(EdtError, match=r"task\.size must be above 0"):
        Builder().parts(changed("task", size=0))


def test_a_secret_is_refused():
    with pytest.raises(EdtError, match=r"student\.api_key looks like a secret"):
        check(changed("student", api_key="abc"))


def test_a_builder_hands_out_the_same_part_for_the_same_configuration():
    builder = Builder()
    first, again = builder.parts(fakes()), builder.parts(fakes("method=random"))
    other = builder.parts(fakes("student.delay=0.5"))
    assert isinstance(first.student, FakeStudent)
    assert first.student is again.student
    assert first.student is not other.student


def test_one_teacher_is_built_for_all_who_ask_and_none_where_nobody_does():
    config = compose([*FAKES, "identifier=answer_switch", "analyst=in_context"], config_dir=FAKE_CONF)
    builder = Builder()
    parts = builder.parts(config)
    assert parts.teacher is builder.part("teacher", config.teacher)
    assert Builder().parts(fakes()).teacher is None
