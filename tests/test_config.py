from pathlib import Path

import pytest

from edt.build import check
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
        (lambda: Budget(start="middle"), "budget.start must be previous or base, not 'middle'"),
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
        ("method=magic", "no method called 'magic'; choose one of: edt, full, planted"),
        ("scale=97", "no scale called '97'; choose one of: .*96"),
        ("seed=[", r"cannot read the option 'seed=\['"),
    ],
)
def test_what_a_user_may_mistype_gets_one_sentence(override, message):
    with pytest.raises(EdtError, match=message) as caught:
        fakes(override)
    assert "\n" not in str(caught.value)


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


def test_the_defaults_compose():
    config = compose([])
    check(config)
    assert (config.method.name, config.scale.name) == ("edt", "demo")


def test_every_choice_is_tested():
    groups = {path.parent.name for path in FILES}
    assert groups == {
        "analyst", "budget", "identifier", "launcher", "method", "scale", "selector",
        "student", "supporting", "task", "teacher", "tracker", "tuner",
    }  # fmt: skip
    assert len(METHODS) == 6
