import sys

import pytest

from edt.build import Builder, build_tracker, check
from edt.errors import EdtError
from edt.experiment import compose
from edt.fakes import FakeStudent
from edt.protocols import fingerprint_of
from edt.tasks.pocket import PocketTask
from tests.harness import FAKE_CONF, FAKES, run_apart


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


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("tuner.dealy=3", "tuner has no option 'dealy'; FakeTuner knows: delay, epochs"),
        ("tuner.delay=abc", "tuner.delay must be a number, not 'abc'"),
        ("tuner.delay=true", "tuner.delay must be a number, not True"),
        ("tuner.delay=nan", "tuner.delay must be a number, not nan"),
        ("tuner.epochs=null", "tuner.epochs must be a whole number, not None"),
        ("tuner.fatal_seed=1.5", "tuner.fatal_seed must be a whole number or null, not 1.5"),
        ("task.size=abc", "task.size must be a whole number, not 'abc'"),
        ("task.root=5", """task.root must be text, not 5; quote it: task.root="'5'\""""),
        ("task.size=[3]", r"task.size must be a whole number, not \[3\]"),
        ("tracker._target_=edt.fakes.FakeStudent", r"must name a tracker, and FakeStudent has no start\(\)"),
    ],
)
def test_an_option_of_a_part_is_held_against_its_class(option, message):
    with pytest.raises(EdtError, match=message):
        check(fakes(option))


def test_a_function_that_builds_something_else_is_refused():
    with pytest.raises(EdtError, match=r"tracker._target_ must name a tracker, and \w+ has no start\(\)"):
        build_tracker(changed("tracker", _target_="edt.paths.cache_root"))


@pytest.mark.parametrize("name", ["num_validation", "num_test"])
def test_a_number_of_samples_is_above_none(name):
    with pytest.raises(EdtError, match=f"task.{name} must be above 0, or null for all, not -3"):
        PocketTask("vqa", **{name: -3})


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


def test_a_part_may_take_a_part_which_is_built_once():
    fakes_but_supporting = [fake for fake in FAKES if not fake.startswith("supporting=")]
    config = compose([*fakes_but_supporting, "method=less", "supporting=validation"], config_dir=FAKE_CONF)
    parts = Builder().parts(config)
    assert parts.selector.fingerprint()["student"] == fingerprint_of(parts.student)
    assert vars(parts.selector)["_student"] is parts.student
    assert vars(parts.supporting)["_task"] is parts.task


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("pocket", r"selector\.student must be a student with its options, such as \$\{student\}"),
        (None, r"selector\.student must be a student with its options"),
        ({"_target_": "os.system"}, r"student\._target_ must name a class or function under edt\."),
        ({"_target_": "edt.fakes.FakeTask"}, r"student\._target_ must name a student, and FakeTask has no answer\(\)"),
        ({"_target_": "edt.fakes.FakeStudent", "dealy": 1}, "student has no option 'dealy'"),
        ({"_target_": "edt.fakes.FakeStudent", "api_key": "x"}, r"selector\.student\.api_key looks like a secret"),
    ],
)
def test_a_part_within_a_part_is_checked_as_any_other(given, message):
    config = fakes("selector=rds")
    config.selector["student"] = given
    with pytest.raises(EdtError, match=message):
        check(config)


def test_a_part_that_takes_no_part_is_given_none():
    with pytest.raises(EdtError, match="selector has no option 'student'"):
        check(changed("selector", student={"_target_": "edt.fakes.FakeStudent"}))


def test_parts_over_data_are_light_to_import():
    """A plan of a table and `--help` import them all."""
    modules = ["edt.tasks.mmbench", "edt.tasks.scienceqa", "edt.tasks.vision_flan", "edt.tasks.custom", "edt.doctor"]
    heavy = ["torch", "transformers", "pyarrow", "numpy", "PIL", "scipy", "sacrebleu", "imagehash", "wandb"]
    asked = f"import sys, {', '.join(modules)}, edt.supporting.llava; print([m for m in {heavy} if m in sys.modules])"
    done = run_apart([sys.executable, "-c", asked])
    assert done.stdout.strip() == "[]", done.stderr
