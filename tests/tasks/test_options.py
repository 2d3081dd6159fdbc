"""An answer is read as an option where it can be read in one way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.tasks.options import choose, letter_of, lettered, options_inside

OPTIONS = ("chair", "coffee table", "table")


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ("chair", 0),
        ("A chair.", 0),
        ("the Coffee  Table", 1),
        ("table", 2),
        ("B", 1),
        ("(b)", 1),
        ("b.", 1),
        ("option c", 2),
        ("[C]", 2),
        ("(c) table", 2),
        ("C. table", 2),
        ("b: since it is low", 1),
        ("c. chair", None),
        ("D", None),
        ("d. chair", None),
        ("a sofa", None),
        ("chair or table", None),
        ("", None),
    ],
)
def test_letter_words_or_both(answer, place):
    assert choose(answer, OPTIONS) == place


def test_options_of_the_same_words_are_told_apart_by_letter_alone():
    assert choose("yes", ("yes", "Yes")) is None
    assert choose("(b)", ("yes", "Yes")) == 1


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Which? (a) a chair (b) a table", ("a chair", "a table")),
        ("Which?\nOptions:\n(a) chair\n(b) table\n(c) lamp", ("chair", "table", "lamp")),
        ("Options: (A) yes, (B) no", ("yes", "no")),
        ("Is (a) right?", ()),
        ("(b) chair (a) table", ()),
        ("(a) chair (c) table", ()),
        ("no letters", ()),
    ],
)
def test_options_that_stand_in_a_question(question, options):
    assert options_inside(question) == options


@given(st.lists(st.text("abcdefgh", min_size=3, max_size=9), min_size=2, max_size=8, unique=True), st.data())
def test_every_option_is_found_by_its_letter_its_words_and_both(options, data):
    index = data.draw(st.integers(0, len(options) - 1))
    letter, words = letter_of(index), options[index]
    for answer in (letter, f"({letter.lower()})", words, f"{letter}. {words}", lettered(options)[index]):
        assert choose(answer, options) == index
    question = "Which? " + " ".join(f"({letter_of(n).lower()}) {option}" for n, option in enumerate(options))
    assert options_inside(question) == tuple(options)
