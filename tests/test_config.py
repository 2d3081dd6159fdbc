from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edt.build import Builder, check
from edt.config import Budget, Config, Scale
from edt.errors import EdtError
from edt.experiment import CONF, compose
from tests.harness import FAKE_CONF, FAKES

FILES = sorted(path.relative_to(CONF) for path in CONF.glob("*/*.yaml"))
METHODS = sorted(path.stem for path in (CONF / "method").glob("*.yaml"))


def fakes(*overrides: str) -> Config:
    return compose([*FAKES, *overrides], config_dir=FAKE_CONF)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Budget(rounds=-1), "budget.rounds must be .* not -1"),
        (lambda: Budget(per_error=0), "budget.per_error"),
        (lambda: Budget(fill="none"), "budget.fill must be random or strict, not 'none'"),
        (lambda: Budget(cap_per_text=0), "budget.cap_per_text must be above 0, or null, not 0"),
        (lambda: Budget(start="middle"), "budget.start must be previous or base, not 'middle'"),
        (lambda: Budget(stop="bored"), "budget.stop must be one of max_rounds, converged, no_gain, not 'bored'"),
        (lambda: Budget(likeness=1.5), "budget.likeness must be from 0 to 1, not 1.5"),
        (lambda: Scale(samples=0), "scale.samples"),
        (lambda: Config(seed=-1), "seed must be"),
    ],
)
def test_an_unsound_value_is_named(make, message):
    with pytest.raises(EdtError, match=message):
        make()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("budget.rounds=-1", "budget.rounds must be a whole number from 0 to 100, not -1"),
        ("seed=abc", "seed must be a whole number, not 'abc'"),
        ("sed=1", "no option 'sed'; did you mean 'seed'"),
        ("+lucky=1", "no option 'lucky'"),
        ("+budget.lucky=1", "no option 'budget.lucky'"),
        ("method=magic", "no method called 'magic'; choose one of: .*edt, full, .*planted"),
        ("scale=paper", "no scale called 'paper'; .* are a table: python sweep.py table=paper"),
        ("scale=97", "no scale called '97'; choose one of: .*96"),
        ("seed=[", r"cannot read the option 'seed=\['"),
        ("seed=1.5", "seed must be a whole number, not '1.5'"),
        ("seed=", "seed must be a whole number, not ''"),
        ("seed=null", "seed must not be null"),
        ("seed=99999999999999999999", "seed must be a whole number from 0 to 2147483647, not 9"),
        ("test_split=maybe", "test_split must be true or false, not 'maybe'"),
        ("output=", "output must be a folder, or null"),
        ("store=null", "store must not be null"),
        ("store=5", "store holds options of its own, so set one of them, as store.NAME=VALUE"),
        ("scale.samples=-3", "scale.samples must be above 0, or null for all, not -3"),
        ("budget.ronds=3", "no option 'budget.ronds'; did you mean 'budget.rounds'"),
        ("task=null", "no task called 'null'; choose one of: custom"),
        ("task=", "no task called ''; choose one of: custom"),
        ("budget=5", "no budget called '5'; choose one of: default, one_round"),
        ("scale=[1]", r"no scale called '\[1\]'; choose one of: "),
        ("scale=[1", r"no scale called '\[1'; choose one of: "),
        ("scale=96,300", "scale= is given several values; name one, or add -m"),
        ("+scale=96", "these options cannot be used: .*; see `python run.py --help`"),
    ],
)
def test_what_a_user_may_mistype_gets_one_sentence(override, message):
    with pytest.raises(EdtError, match=message) as caught:
        fakes(override)
    assert "\n" not in str(caught.value)


KEYS = (
    "task", "scale", "~task", "task@x", "hydra/launcher", "seed", "seed.x", "output", "store", "store.root",
    "test_split", "budget.rounds", "budget.per_error", "scale.samples", "method.name", "tuner.delay", "tuner.x.y",
    "+task.size", "student._target_", "selector.top_k", "hydra.job", "hydra.run.dir", "++x",
)  # fmt: skip
VALUES = (
    "",
    "null",
    "-1",
    "1.5",
    "nan",
    "1e400",
    "9" * 30,
    "[1]",
    "{a:1}",
    "{",
    "'",
    "${seed}",
    "${x}",
    "${",
    "???",
    "\\",
)


@settings(max_examples=30)
@example("store", "${seed}")
@given(st.sampled_from(KEYS), st.sampled_from(VALUES) | st.text(max_size=6))
def test_whatever_is_typed_comes_to_parts_or_to_one_sentence(key, value):
    said = ""
    try:
        Builder().parts(fakes(f"{key}={value}"))
    except EdtError as error:
        said = str(error)
    assert "\n" not in said


@pytest.mark.parametrize("name", ["96", "192", "300", "1k", "100k", "full", "demo"])
def test_a_scale_is_chosen_by_its_name(name):
    assert fakes(f"scale={name}").scale.name == name


def test_a_method_chooses_parts_and_the_command_line_wins():
    assert fakes("method=random").selector["_target_"].endswith("RandomSelector")
    assert fakes("method=random", "selector=bm25").selector["_target_"].endswith("Bm25Selector")
    assert fakes("method=pretrained").budget.rounds == 0
    full = fakes("method=full")
    assert (full.scale.samples, full.budget.rounds) == (None, 1)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_names_itself(method):
    assert fakes(f"method={method}").method.name == method


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_choice_composes_and_its_parts_take_their_options(path: Path):
    group, name = path.parent.name, path.stem
    others = [fake for fake in FAKES if fake.partition("=")[0] in ("task", "student", "supporting", "tuner")]
    kept = [fake for fake in others if not fake.startswith(f"{group}=")]
    check(compose([*kept, f"{group}={name}"], config_dir=FAKE_CONF))


def test_a_budgets_rules_reach_the_selector():
    selector = fakes("budget.per_error=3", "budget.fill=strict", "budget.cap_per_text=2").selector
    assert (selector["top_k"], selector["fill"], selector["cap_per_text"]) == (3, "strict", 2)


def test_the_defaults_compose():
    config = compose([])
    check(config)
    assert (config.method.name, config.scale.name) == ("edt", "demo")


def test_a_student_of_the_hub_chooses_its_tuner_and_the_command_line_wins():
    assert compose(["student=llava_v1_5_7b", "method=random"]).tuner["rank"] == 128
    assert "rank" not in compose(["student=llava_v1_5_7b", "tuner=qlora"]).tuner
    assert "rank" not in compose([]).tuner


def test_every_choice_is_tested():
    groups = {path.parent.name for path in FILES}
    assert groups == {
        "analyst", "budget", "identifier", "launcher", "method", "scale", "selector",
        "student", "supporting", "task", "teacher", "tracker", "tuner",
    }  # fmt: skip
    assert len(METHODS) == 19
