"""A frozen set is the same every time, its mistakes are where it says, and it comes back from its file."""

import random
from dataclasses import replace

import pytest

from edt.diagnosis.frozen import digest_of, placed, planted, read_errors, write_errors
from edt.errors import EdtError
from edt.pocket.forms import facts_of
from edt.pocket.kinds import DOMAINS, kinds_of
from edt.pocket.skills import skill_id
from edt.pocket.statements import first_wrong_step, state
from edt.types import Outcome, Prediction, Sample, Truth


def sample_of(domain: str, number: int) -> Sample:
    """A question for the name of a kind of thing, among all of its domain."""
    kinds = kinds_of(domain)
    kind, slots = kinds[number % len(kinds)], DOMAINS[domain].slots
    facts = facts_of(kind, "name")
    return Sample(
        id=f"{domain}-{number}",
        image="",
        question=f"Which word names thing {number}?",
        options=tuple(other.name for other in kinds),
        answer=kind.name,
        rationale=tuple(state(slot, facts[slot]) for slot in slots),
        truth=Truth(
            object_id=f"o{number}",
            facts=facts,
            slots=slots,
            skills=tuple(skill_id(domain, slot, facts[slot]) for slot in slots),
        ),
    )


SAMPLES = [sample_of("furniture", number) for number in range(40)]


def test_the_first_wrong_step_is_where_the_set_says_and_the_answer_is_wrong():
    errors = planted("furniture", SAMPLES, 24, seed=0)
    assert len({error.error.sample.id for error in errors}) == 24
    for error in errors:
        sample, prediction = error.error.sample, error.error.prediction
        assert first_wrong_step(sample, prediction.steps) == error.step
        assert prediction.answer != sample.answer
        assert prediction.answer in sample.options


def test_steps_come_evenly():
    counts = [sum(error.step == step for error in planted("x", SAMPLES, 24, seed=0)) for step in (1, 2, 3)]
    assert max(counts) - min(counts) <= 2


def test_the_set_depends_on_its_seed_and_not_on_the_order_of_its_samples():
    errors = planted("x", SAMPLES, 12, seed=0)
    shuffled = random.Random(1).sample(SAMPLES, len(SAMPLES))
    assert digest_of(planted("x", shuffled, 12, seed=0)) == digest_of(errors)
    assert digest_of(planted("x", SAMPLES, 12, seed=1)) != digest_of(errors)


def test_fewer_samples_make_a_smaller_set_and_none_without_truth():
    assert len(planted("x", SAMPLES[:5], 24, seed=0)) == 5
    with pytest.raises(EdtError, match="'furniture-0' carries no planted truth"):
        planted("x", [replace(SAMPLES[0], truth=None)], 1, seed=0)


def test_a_students_errors_are_placed_by_the_grammar_and_those_without_a_wrong_step_are_left_out():
    errors = [error.error for error in planted("x", SAMPLES, 6, seed=0)]
    sample = errors[0].sample
    true = Prediction(sample_id=sample.id, text="", steps=sample.rationale, answer="sofa", outcome=Outcome.WRONG)
    found = placed("x", [*errors, replace(errors[0], prediction=true)])
    assert [error.step for error in found] == [error.step for error in planted("x", SAMPLES, 6, seed=0)]
    assert {error.origin for error in found} == {"student"}


def test_a_set_comes_back_from_its_file(tmp_path):
    errors = planted("x", SAMPLES, 6, seed=0)
    write_errors(errors, tmp_path / "errors.jsonl")
    assert read_errors(tmp_path / "errors.jsonl") == errors
    (tmp_path / "errors.jsonl").write_text("{}\n")
    with pytest.raises(EdtError, match="line 1, is no error of a frozen set"):
        read_errors(tmp_path / "errors.jsonl")
    with pytest.raises(EdtError, match="no file of errors"):
        read_errors(tmp_path / "absent.jsonl")
