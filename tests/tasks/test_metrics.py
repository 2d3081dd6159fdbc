"""Grades against values that were worked out by hand, and against the bounds of what a grade is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.errors import EdtError
from edt.tasks.cider import Cider
from edt.tasks.metrics import METRICS, metric_named
from edt.tasks.vqa import plain, vqa_accuracy
from edt.types import Sample

WORDS = st.lists(st.sampled_from(["a", "red", "dog", "runs", "on", "grass"]), max_size=8).map(" ".join)


def sample(answer: str, *answers: str, options: tuple[str, ...] = ()) -> Sample:
    return Sample(id="1", image="x", question="?", answer=answer, answers=answers, options=options)


@pytest.mark.parametrize(
    ("agreeing", "accuracy"),
    [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (10, 1.0)],
)
def test_vqa_accuracy_over_ten_people_is_the_mean_over_every_nine(agreeing, accuracy):
    # one of ten agrees: in 9 of the 10 nines one agrees, in one none does: 9/10 · 1/3
    assert vqa_accuracy("two", ["2"] * agreeing + ["other"] * (10 - agreeing)) == pytest.approx(accuracy)


def test_vqa_accuracy_with_few_people():
    assert vqa_accuracy("red", ["red"]) == 1.0
    assert vqa_accuracy("red", ["red", "red", "red"]) == 1.0
    assert vqa_accuracy("red", ["red", "blue"]) == 0.5
    with pytest.raises(ValueError, match="at least one answer"):
        vqa_accuracy("red", [])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The dog.", "dog"),
        ("Two", "2"),
        ("none", "0"),
        ("1,000", "1000"),
        ("dont know", "don't know"),
        ("red/blue", "red blue"),
        ("a  cat", "cat"),
    ],
)
def test_what_vqa_takes_for_the_same(one, other):
    assert plain(one) == plain(other)


@pytest.mark.parametrize(("one", "other"), [("2.5", "25"), ("10:30", "1030"), ("dog", "dogs"), ("not red", "red")])
def test_what_vqa_tells_apart(one, other):
    assert plain(one) != plain(other)


def test_cider_by_hand():
    """Two pictures: "a dog" and "a cat". idf: log 2 of what one has, 0 of "a", so that only "dog" and "a dog" weigh."""
    cider = Cider([["a dog"], ["a cat"]])
    # n = 1: vectors (dog: log 2) on both sides: 1; n = 2: (a dog): 1; n = 3 and 4: no runs, 0
    assert cider.grade("a dog", ["a dog"]) == pytest.approx(2 / 4)
    assert cider.grade("a cat", ["a dog"]) == 0
    # "dog" alone: n = 1 is 1, the others 0, and a word fewer costs exp(-1/72)
    assert cider.grade("dog", ["a dog"]) == pytest.approx(math.exp(-1 / 72) / 4)
    # dog twice: ours is (dog: 2 log 2), clipped to log 2, over 2 log 2 · log 2: a half; n = 2 has no "a dog" of ours
    assert cider.grade("dog dog", ["a dog"]) == pytest.approx(0.5 / 4)
    # two references: their mean
    assert cider.grade("a dog", ["a dog", "a cat"]) == pytest.approx(2 / 8)


def test_cider_over_one_picture_would_be_0_whatever_is_said_and_is_refused():
    with pytest.raises(EdtError, match="two samples or more"):
        METRICS["cider"].make([sample("a dog")])
    grade = METRICS["cider"].make([sample("a dog"), sample("a cat")])
    assert grade(sample("a dog"), "a dog") > 0


def test_cider_of_a_caption_of_its_own_is_whole_where_all_runs_are_rare():
    cider = Cider([["a b c d e"], ["f g"], ["h"]])
    assert cider.grade("A b c d e.", ["a b c d e"]) == pytest.approx(1.0)


@given(WORDS, st.lists(WORDS, min_size=1, max_size=3), st.lists(st.lists(WORDS, min_size=1, max_size=2), max_size=4))
def test_grades_are_shares(caption, references, corpus):
    assert -1e-9 <= Cider([references, *corpus]).grade(caption, references) <= 1 + 1e-9
    assert 0 <= vqa_accuracy(caption, references) <= 1
    asked = sample(references[0], *references)
    assert 0 <= METRICS["bleu"].make([asked])(asked, caption) <= 1 + 1e-9


def test_bleu_is_that_of_sacrebleu_and_one_for_the_same_words():
    from sacrebleu.metrics.bleu import BLEU

    asked = sample("", "a dog runs on the grass", "the dog is running")
    grade = METRICS["bleu"].make([asked])
    assert grade(asked, "A dog runs on the grass") == pytest.approx(1)
    expected = BLEU(lowercase=True, effective_order=True).sentence_score("a dog runs", list(asked.answers)).score
    assert grade(asked, "a dog runs") == pytest.approx(expected / 100)
    assert grade(asked, "blue") == 0


def test_right_and_wrong_by_name():
    asked = sample("table", options=("chair", "table"))
    option = METRICS["option"].make([asked])
    assert [option(asked, answer) for answer in ("B", "table", "A", "sofa")] == [1, 1, 0, 0]
    exact = METRICS["exact_match"].make([])
    assert [exact(sample("Red"), answer) for answer in ("red.", "dark red")] == [1, 0]
    assert exact(sample("red", "red", "crimson"), "Crimson") == 1
    with pytest.raises(EdtError, match=r"must be one of option, exact_match, .*, not 'meteor'"):
        metric_named("meteor")
