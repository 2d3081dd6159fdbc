"""Replies are taken apart by rule, and nothing is guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.students.format import format_reply
from edt.tasks.reply import match_option, read_answer, read_steps

WORDS = st.text("abcdefghij ", min_size=1, max_size=20).map(str.strip).filter(bool)


@given(st.lists(WORDS, max_size=5), WORDS)
def test_what_is_written_is_read_back(steps, answer):
    reply = format_reply(tuple(steps), answer)
    assert read_steps(reply) == tuple(" ".join(step.split()) for step in steps)
    assert read_answer(reply) == " ".join(answer.split())


@given(st.text(max_size=200))
def test_any_text_is_read_without_a_crash(reply):
    answer = read_answer(reply)
    assert answer is None or answer.strip()
    assert all(step.strip() for step in read_steps(reply))


@pytest.mark.parametrize(
    ("reply", "steps", "answer"),
    [
        ("Step 1: It is for sitting.\nStep 2: It has arms.\nAnswer: Armchair.", 2, "armchair"),
        ("Step 1: a Step 2: b Answer: c", 2, "c"),
        ("step 1) a\nSTEP 2. b\nanswer : d", 2, "d"),
        ("Step 1: It is a chair.", 1, None),
        ("Answer:", 0, None),
        ("Answer: chair\nAnswer: table", 0, "table"),
        ("The answer is chair", 0, None),
        ("", 0, None),
    ],
)
def test_cases(reply, steps, answer):
    assert len(read_steps(reply)) == steps
    assert read_answer(reply) == answer


def test_an_option_is_matched_whole_or_not_at_all():
    options = ("table", "coffee table")
    assert match_option("Coffee  table.", options) == "coffee table"
    assert match_option("coffee", options) is None
