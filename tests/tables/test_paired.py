"""Differences between methods: what is paired, what is not comparable, and which are corrected together."""

import dataclasses
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from edt.tables.paired import holm
from edt.tables.render import html_whole, latex, markdown, terminal
from edt.tables.seeds import difference, difference_test
from edt.tables.shape import MEAN
from edt.tables.wide import widen
from tests.tables.test_wide import cell, cells_of_table, entry, table, wide


def test_means_over_tasks_are_a_family_apart_from_tasks():
    marks = {"edt": "1111011100", "random": "0010011100"}
    cells = [cell(task, method, "96", seed, of) for task in "ab" for method, of in marks.items() for seed in (0, 1)]
    on_a, on_b, mean = (entry(wide(cells), "edt", column).to_baseline for column in ("a", "b", MEAN))
    rights = [[[m == "1" for m in of]] * 2 for of in marks.values()]
    _, p = difference_test(*([of] for of in rights))
    _, p_mean = difference_test(*([of, of] for of in rights))
    assert on_a is not None
    assert on_b is not None
    assert mean is not None
    assert on_a.p == on_b.p == pytest.approx(min(1, 2 * p))  # of two tasks
    assert mean.p == pytest.approx(p_mean)  # of one mean


def test_a_difference_tells_its_seeds():
    better = cell("a", "edt", "96", 1, "1111111111")
    found = table(a_edt_1=better)
    on_a, mean = entry(found, "edt", "a").to_baseline, entry(found, "edt", MEAN).to_baseline
    assert on_a is not None
    assert mean is not None
    assert on_a.by_seed == pytest.approx((0.3, 0.5))
    assert mean.by_seed == pytest.approx((0.2, 0.3))
    assert mean.mean == pytest.approx(sum(mean.by_seed) / 2)
    assert "by seed +20.0, +30.0), above it on 2 of 2 tasks" in markdown(found)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (
            cell("a", "random", "96", 0, "11111000uu", questions="f" * 12),
            "other questions were asked on a, seed 0: 0123456789ab (10) against ffffffffffff (10)",
        ),
        (cell("a", "random", "96", 0, "11111000uu", student="other"), "another student: pocket against other"),
        (cell("a", "random", "96", 0, "1111", questions=""), "it is not known which questions were asked on a, seed 0"),
    ],
)
def test_only_the_same_questions_of_one_student_are_paired(other, reason):
    found = table(a_random_0=other)
    for column in ("a", MEAN):
        assert entry(found, "edt", column).to_baseline is None
        assert entry(found, "edt", column).not_comparable == {"random": reason}
        assert f"| error-driven | 96 | {column} | Random |  | not comparable | {reason} |  |" in markdown(found)
    assert entry(found, "edt", "b").to_baseline is not None
    assert entry(found, "edt", "a").to_ceiling is not None


def test_cells_without_a_common_seed_are_not_comparable():
    found = entry(table(a_edt_0=None, a_random_1=None), "edt", "a")
    assert found.not_comparable == {"random": "no seed in common: 1 against 0"}


def with_rivals(cells=(), **changes):
    """The table of two tasks, two seeds and two scales, with what is picked by the task's description beside ours."""
    both = [dataclasses.replace(one, scale=scale) for one in cells_of_table() for scale in ("96", "192")]
    both = [dataclasses.replace(one, scale="full") if one.method == "full" else one for one in both]
    both = list({one.place: one for one in both}.values())
    rival = [cell(task, "described", s, seed, "0111110000") for s in ("96", "192") for task in "ab" for seed in (0, 1)]
    options = {"headline_scale": "96", "rivals": ["described"], **changes}
    return widen(
        [*both, *rival, *cells], title="Small", split="test", baseline="random", ceiling="full", ours="edt", **options
    )


def at(of, method, scale):
    return next(row for row in of.rows if (row.method, row.scale) == (method, scale)).entries


def test_ours_alone_is_compared_with_rivals_and_at_equal_scale():
    found = with_rivals()
    for scale in ("96", "192"):
        entries = at(found, "edt", scale)
        assert [round(entries[column].to_rivals["described"].mean, 6) for column in ("a", "b", MEAN)] == [0.3, 0.1, 0.2]
        assert not any(
            entry.to_rivals for method in ("random", "described") for entry in at(found, method, scale).values()
        )
    # a rival at one scale only is compared there only
    lone = [cell(task, "second", "192", seed, "1111111111") for task in "ab" for seed in (0, 1)]
    found = with_rivals(lone, rivals=["described", "second"])
    assert list(at(found, "edt", "96")["a"].to_rivals) == ["described"]
    assert at(found, "edt", "192")["a"].to_rivals["second"].mean == pytest.approx(-0.2)


def test_rivals_are_a_family_of_their_own():
    found, without = with_rivals(), with_rivals(rivals=[])
    rights = [
        [[[mark == "1" for mark in of]] * 2 for of in tasks]
        for tasks in (["1111111100", "1111110000"], ["0111110000"] * 2)
    ]
    raw = [difference_test(*(of[one] for of in rights))[1] for one in (slice(0, 1), slice(1, 2), slice(0, 2))]
    tasks, means = holm(dict(enumerate([*raw[:2], *raw[:2]]))), holm(dict(enumerate([raw[2]] * 2)))  # at two scales
    expected = [tasks[0], tasks[1], means[0], tasks[2], tasks[3], means[1]]
    ps = [at(found, "edt", scale)[c].to_rivals["described"].p for scale in ("96", "192") for c in ("a", "b", MEAN)]
    assert ps == pytest.approx(expected)
    for scale in ("96", "192"):
        for column in ("a", "b", MEAN):
            assert at(found, "edt", scale)[column].to_baseline == at(without, "edt", scale)[column].to_baseline


def test_one_seed_has_an_interval_without_p_and_weighs_on_no_family():
    lone = [cell(task, "planted", "96", 0, "1111111100") for task in "ab"]
    found, without = with_rivals(lone), with_rivals()
    for column in ("a", "b", MEAN):
        planted = at(found, "planted", "96")[column].to_baseline
        assert planted is not None
        assert (planted.seeds, planted.p) == (1, None)
        assert planted.low < planted.mean < planted.high
        assert at(found, "edt", "96")[column] == at(without, "edt", "96")[column]
    # two seeds against one have one in common
    fewer = [one for one in cells_of_table() if (one.method, one.seed) != ("random", 1)]
    shared = entry(wide(fewer), "edt", "a")
    assert shared.to_baseline is not None
    assert shared.to_ceiling is not None
    assert (shared.seeds, shared.to_baseline.seeds, shared.to_baseline.p) == (2, 1, None)
    assert (shared.to_ceiling.seeds, shared.to_ceiling.p) == (2, 1)


def test_every_format_shows_differences_to_rivals():
    found = with_rivals()
    line = ("error-driven", "192", "mean", "described", "2", "+20.0")
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(terminal(found))
    shown = console.export_text()
    assert f"| {' | '.join(line)} |" in markdown(found)
    assert " & ".join(line) in latex(found)
    assert "".join(f"<td>{text}</td>" for text in line) in html_whole(found)
    # on a terminal those of the tasks are left out
    lines = [text.split() for text in shown.partition("Differences in the mean over tasks")[2].splitlines()]
    assert [text[:5] for text in lines if "described" in text[2:3]] == [
        ["error-driven", scale, "described", "2", "+20.0"] for scale in ("96", "192")
    ]


@given(st.dictionaries(st.integers(), st.floats(0, 1), max_size=12))
def test_holm_keeps_the_order_and_never_lowers_a_p(ps):
    corrected = holm(ps)
    assert all(ps[key] <= corrected[key] <= 1 for key in ps)
    ordered = sorted(ps, key=lambda key: ps[key])
    assert [corrected[key] for key in ordered] == sorted(corrected.values())


def test_holm_as_worked_by_hand():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})


@settings(deadline=None)
@given(
    st.integers(1, 3).flatmap(
        lambda n: st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=n, max_size=n)
    )
)
def test_a_method_does_not_differ_from_itself(answers):
    found, p = difference_test([answers], [answers])
    assert (found.mean, found.low, found.high, p) == (0, 0, 0, 1)
    assert difference(answers, answers) == found
