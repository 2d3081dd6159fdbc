"""What the headlines say: of the ceiling, and of ours over Random and its rivals, scale by scale."""

import pytest

from edt.tables.page import page_of
from edt.tables.render import html_whole, latex, markdown
from tests.tables.test_paired import with_rivals
from tests.tables.test_wide import cell, table, wide


def gain_notes(found):
    return [note for note in page_of(found).notes if "in the mean over tasks:" in note]


def test_gains_are_told_at_every_scale_with_their_intervals():
    found = with_rivals(goal=2)
    assert [(gain.scale, gain.other) for gain in found.gains] == [
        (scale, other) for scale in ("96", "192") for other in ("random", "described")
    ]
    first, second = gain_notes(found)
    assert first.startswith("error-driven at 96 samples, in the mean over tasks: +20.0 points over Random (95% +")
    assert "; by seed +20.0, +20.0), above it on 2 of 2 tasks (the goal, at least 2, is reached); +20.0 points" in first
    assert second.startswith("error-driven at 192 samples, in the mean over tasks: +20.0 points over Random (95% +")
    assert "goal" not in second  # it is one of the headline scale
    gain = found.gains[1].difference
    assert gain is not None
    assert f"(95% {100 * gain.low:+.1f} to {100 * gain.high:+.1f}, p " in first.partition("over described")[2]
    line = "Headlines at 96 samples: the worst task (b) reaches 75.00% of Full Data, the mean 87.50%"
    assert f"{line}, that of Random 62.50%." in page_of(found).notes


def test_headlines_stand_beside_the_untuned_student_and_tell_their_goals():
    untuned = [cell(task, "pretrained", "", 0, "1111000000") for task in "ab"]
    found = with_rivals(untuned, worst_goal=0.9457, mean_goal=0.875)
    (line,) = [note for note in page_of(found).notes if note.startswith("Headlines")]
    assert "the worst task (b) reaches 75.00% of Full Data (the goal, at least 94.57%, is missed)" in line
    assert "the mean 87.50% (the goal, at least 87.50%, is reached), that of pre-trained 50.00%, that of Random" in line


def test_tasks_ahead_are_over_the_seeds_of_the_mean():
    """On a the second seed alone puts ours ahead, and b has no second seed."""
    found = table(
        a_edt_0=cell("a", "edt", "96", 0, "1000000000"),
        a_edt_1=cell("a", "edt", "96", 1, "1111111111"),
        b_edt_1=None,
    )
    (gain,) = found.gains
    on_a = found.rows[1].entries["a"].to_baseline
    assert on_a is not None
    assert gain.difference is not None
    assert on_a.mean > 0
    assert (gain.difference.by_seed, gain.tasks_ahead) == (pytest.approx((-0.15,)), 1)


def test_every_format_tells_the_gains():
    found = with_rivals()
    for text in (markdown(found), latex(found), html_whole(found)):
        assert "+20.0 points over Random" in text.replace("$+$", "+")


@pytest.mark.parametrize(("marks", "ahead"), [("11111000uu", 1), ("1111000000", 1), ("1111110000", 2)])
def test_a_tie_is_not_ahead(marks, ahead):
    changes = {f"b_edt_{seed}": cell("b", "edt", "96", seed, marks) for seed in (0, 1)}
    (gain,) = table(**changes).gains
    assert (gain.tasks_ahead, gain.tasks, gain.goal) == (ahead, 2, 0)


def test_the_goal_is_over_the_baseline_at_the_headline_scale():
    assert [gain.goal for gain in with_rivals(goal=2).gains] == [2, 0, 0, 0]


def test_a_missed_goal_is_said_to_be():
    cells = [
        cell(task, method, "96", seed, marks)
        for seed in (0, 1)
        for method, of in (("random", "1100"), ("edt", "1110"))
        for task, marks in (("a", of), ("b", "1000"))
    ]
    (note,) = gain_notes(wide(cells, goal=2))
    assert "above it on 1 of 2 tasks (the goal, at least 2, is missed)" in note


def test_one_seed_has_its_gain_over_questions_only():
    (note,) = gain_notes(
        wide([cell("a", method, "96", 0, marks) for method, marks in (("random", "1100"), ("edt", "1110"))])
    )
    assert "questions only, one seed), above it on 1 of 1 tasks" in note
    assert "p " not in note.partition("(")[2]


def test_a_gain_that_cannot_be_had_says_why():
    (note,) = gain_notes(table(a_edt_0=None, a_edt_1=None))
    assert note.endswith("over Random not available (edt: not all tasks are measured).")
    (note,) = gain_notes(table(b_random_0=None, b_random_1=None))
    assert note.endswith("over Random not available (random: not all tasks are measured).")
    assert (
        "over nobody not available (nobody is not in the table at this scale)"
        in gain_notes(with_rivals(rivals=["nobody"]))[0]
    )
    other = {f"a_random_{seed}": cell("a", "random", "96", seed, "1100", questions="f" * 12) for seed in (0, 1)}
    assert "over Random not available (other questions were asked on a, seed 0" in gain_notes(table(**other))[0]


def test_a_table_without_ours_tells_no_gain():
    assert table(**{f"{task}_edt_{seed}": None for task in "ab" for seed in (0, 1)}).gains == ()
