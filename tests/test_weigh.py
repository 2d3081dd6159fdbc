"""What the benchmark of weighing measures, on tiny models: both ways agree, or the engine takes the slow one."""

import pytest

from experiments.benchmarks.weigh import (
    FAMILIES,
    GOALS,
    HEAD,
    OPTIONS,
    PROBE,
    STEP,
    STEPS,
    difference,
    look_at,
    rationale,
)
from tests.teachers.tiny import save_tiny


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    from edt.teachers.engine import load_engine

    return load_engine(save_tiny(tmp_path_factory.mktemp("tiny")), chat="plain")


@pytest.mark.parametrize("kind", OPTIONS)
def test_a_rationale_has_about_the_tokens_it_is_said_to_have_and_both_ways_agree(engine, kind):
    asked = rationale(engine, kind, 3)
    sizes = [len(engine.vocabulary.ids(text)) for text in (asked.head, *asked.steps, asked.probe)]
    for size, wanted in zip(sizes, (HEAD, STEP, STEP, STEP, PROBE), strict=True):
        assert wanted - 12 < size <= wanted  # a token of this model is a character: a word more may not fit
    assert difference(engine.naive(asked), engine.at_once(asked)) < 1e-4


def test_a_difference_is_of_probabilities():
    even, sure = [[[-1.0], [-1.0]]], [[[0.0], [-30.0]]]
    assert difference(even, even) == 0
    assert difference(even, sure) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(("name", "way"), [("Llama", "at once"), ("Gemma 2", "one forward a prefix")])
def test_a_family_is_weighed_the_way_that_is_right_for_it(name, way):
    (family,) = (family for family in FAMILIES if family.name == name)
    found = look_at(family)
    assert found["way"] == way
    assert (found["off"] is not None and found["off"] < 1e-4) == (way == "at once")


def test_every_kind_of_options_has_a_goal_for_every_number_of_steps():
    assert set(GOALS) == set(OPTIONS)
    assert all(len(goals) == len(STEPS) for goals in GOALS.values())
