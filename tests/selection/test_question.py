import pytest

from edt.errors import EdtError
from edt.fakes import FakeSupporting, FakeTask
from edt.selection.question import QuestionSelector, stem_of
from edt.types import Gap


@pytest.mark.parametrize(
    ("question", "stem"),
    [
        ("What is it for? Options: sitting, giving light.", "What is it for?"),
        ("Name it. (Options: (a) a cow (b) a car)", "Name it."),
        ("Name it.\nChoices:\nA. cow\nB. car", "Name it."),
        ("How many are there?", "How many are there?"),
        ("Options: one, two", "Options: one, two"),
    ],
)
def test_the_stem_of_a_question(question, stem):
    assert stem_of(question) == stem


def test_each_error_searches_by_its_own_question():
    task, supporting = FakeTask(), FakeSupporting(size=60)
    first, second = task.validation[7], task.validation[12]
    gaps = [
        Gap(sample_id=error.id, step=None, step_text="", skill=None, state="abstained") for error in (first, second)
    ]
    picks = QuestionSelector().select(gaps, supporting, task, budget=4, exclude=frozenset(), round=1, seed=0)
    assert [(pick.error_id, pick.query) for pick in picks[:2]] == [(e.id, e.question) for e in (first, second)]
    assert [pick.sample_id for pick in picks[:2]] == ["supporting-7", "supporting-12"]  # the same case numbers
    assert all(pick.targeted for pick in picks)


def test_no_error_leaves_all_to_chance():
    picks = QuestionSelector().select([], FakeSupporting(), FakeTask(), budget=4, exclude=frozenset(), round=1, seed=0)
    assert [pick.targeted for pick in picks] == [False] * 4


@pytest.mark.parametrize("setting", [{"top_k": 0}, {"cap_per_text": 0}, {"idf": "bm"}, {"share": "all"}, {"b": 2}])
def test_bad_settings_are_refused_when_built(setting):
    with pytest.raises(EdtError, match=next(iter(setting))):
        QuestionSelector(**setting)
