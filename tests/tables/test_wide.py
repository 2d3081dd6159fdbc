import csv
import dataclasses
import io
import shutil
import statistics
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.errors import EdtError
from edt.tables.cells import Cell
from edt.tables.render import html_table, latex, markdown, page_of, wide_csv
from edt.tables.seeds import difference, difference_test
from edt.tables.wide import MEAN, holm, widen


def cell(task, method, scale, seed, outcomes, state="measured", reason="", questions="0123456789ab"):
    measured = state == "measured"
    return Cell(
        table="small",
        task=task,
        method=method,
        scale=scale,
        student="pocket",
        teacher="",
        seed=seed,
        split="test",
        state=state,
        reason=reason,
        score=outcomes.count("1") / len(outcomes) if measured else None,
        n=len(outcomes) if measured else None,
        unparsed=outcomes.count("u") if measured else None,
        filled=0 if measured else None,
        trained_samples=10 if measured else None,
        outcomes=outcomes if measured else "",
        questions=questions if measured else "",
        run=f"{task}-{scale}-{method}-s{seed}",
    )


def cells_of_table():
    """Two tasks of ten questions, two seeds: ours is right on 8 and 6, Random on 5 and 5, Full on 8 and 8."""
    cells = []
    for seed in (0, 1):
        for task, ours in (("a", "1111111100"), ("b", "1111110000")):
            cells += [
                cell(task, "random", "96", seed, "11111000uu"),
                cell(task, "edt", "96", seed, ours),
                cell(task, "full", "full", seed, "1111111100"),
            ]
    return cells


def table(**changes):
    """The table of them, with some replaced, or left out where None."""
    cells = [changes.get(f"{c.task}_{c.method}_{c.seed}", c) for c in cells_of_table()]
    return wide([one for one in cells if one is not None])


def wide(cells):
    return widen(cells, title="Small", split="test", baseline="random", ceiling="full", ours="edt", headline_scale="96")


def entry(of, method, task):
    return next(row for row in of.rows if row.method == method).entries[task]


def test_means_headlines_and_ranks():
    found = table()
    assert [(row.method, row.scale) for row in found.rows] == [("random", "96"), ("edt", "96"), ("full", "full")]
    assert entry(found, "edt", "a").mean == 0.8
    assert entry(found, "edt", MEAN).mean == pytest.approx(0.7)
    assert [entry(found, method, "a").rank for method in ("random", "edt", "full")] == [2, 1, None]
    line = found.headline
    assert line.worst_task == "b"
    assert line.worst_ratio == pytest.approx(0.75)
    assert line.mean_ratio == pytest.approx(1.4 / 1.6)
    assert line.mean_gain == pytest.approx(0.2)
    assert (line.tasks_ahead, line.tasks) == (2, 2)


def test_differences_are_paired_and_corrected():
    found = entry(table(), "edt", "a").to_baseline
    assert found is not None
    assert found.mean == pytest.approx(0.3)
    assert found.low < found.mean < found.high
    assert entry(table(), "random", "a").to_baseline is None
    ceiling = entry(table(), "edt", "a").to_ceiling
    assert ceiling is not None
    assert (ceiling.mean, ceiling.p) == (0, 1)


def test_the_mean_over_tasks_has_spread_and_differences():
    better = cell("a", "edt", "96", 1, "1111111111")
    found = entry(table(a_edt_1=better), "edt", MEAN)
    assert found.measured_seeds == (0, 1)
    assert found.mean == pytest.approx(0.75)
    assert found.std == pytest.approx(statistics.stdev([0.7, 0.8]))
    assert found.to_baseline is not None
    assert found.to_baseline.mean == pytest.approx(0.25)
    assert found.to_baseline.low < 0.25 < found.to_baseline.high
    assert found.to_ceiling is not None
    assert found.to_ceiling.mean == pytest.approx(-0.05)
    assert "75.0 ± 7.1 (2)" in markdown(table(a_edt_1=better))
    assert "| error-driven | 96 | mean | Random | +25.0 |" in markdown(table(a_edt_1=better))


def test_the_mean_is_of_holms_family():
    one = [cell("a", method, "96", 0, marks) for method, marks in (("edt", "1111011100"), ("random", "0010011100"))]
    lone = entry(wide(one), "edt", "a").to_baseline
    assert lone is not None
    _, p = difference_test([[[m == "1" for m in "1111011100"]]], [[[m == "1" for m in "0010011100"]]])
    assert lone.p == pytest.approx(min(1, 2 * p))  # of two: the task, and the mean over one task
    assert entry(wide(one), "edt", MEAN).to_baseline == lone


def test_the_mean_is_over_seeds_that_every_task_has():
    found = entry(table(a_edt_1=None), "edt", MEAN)
    assert (found.measured_seeds, found.std, found.mean) == ((0,), None, pytest.approx(0.7))
    assert found.reasons == ("the mean is over the seeds that every task has: 0",)
    assert found.to_baseline is not None
    none = entry(table(a_edt_1=None, b_edt_0=None), "edt", MEAN)
    assert (none.state, none.mean, none.to_baseline) == ("missing", None, None)
    assert none.reasons == ("no seed is measured on every task",)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (
            cell("a", "random", "96", 0, "11111000uu", questions="f" * 12),
            "other questions were asked on a, seed 0: 0123456789ab (10) against ffffffffffff (10)",
        ),
        (cell("a", "random", "96", 0, "1111", questions=""), "it is not known which questions were asked on a, seed 0"),
    ],
)
def test_only_the_same_questions_are_paired(other, reason):
    found = table(a_random_0=other)
    for column in ("a", MEAN):
        assert entry(found, "edt", column).to_baseline is None
        assert entry(found, "edt", column).not_comparable == {"to_baseline": reason}
        assert f"| error-driven | 96 | {column} | Random | not comparable | {reason} |  |" in markdown(found)
    assert entry(found, "edt", "b").to_baseline is not None
    assert entry(found, "edt", "a").to_ceiling is not None


def test_cells_without_a_common_seed_are_not_comparable():
    found = entry(table(a_edt_0=None, a_random_1=None), "edt", "a")
    assert found.not_comparable == {"to_baseline": "no seed in common: 1 against 0"}


def test_two_students_are_not_one_row():
    other = dataclasses.replace(cell("a", "edt", "96", 0, "10"), student="another")
    with pytest.raises(EdtError, match="one student and one teacher"):
        wide([cell("a", "edt", "96", 0, "10"), other])
    with pytest.raises(EdtError, match="a task is called 'mean'"):
        wide([cell("mean", "edt", "96", 0, "10")])


def test_a_state_is_never_a_number():
    failed = cell("a", "edt", "96", 1, "", state="failed", reason="killed by SIGKILL")
    found = table(a_edt_1=failed)
    half = entry(found, "edt", "a")
    assert (half.state, half.seeds, half.rank) == ("failed", 1, None)
    assert half.reasons == ("seed 1: killed by SIGKILL",)
    assert "Coverage: 11 of 12 runs measured (1 failed, 11 measured)." in markdown(found)
    assert "[1] failed: seed 1: killed by SIGKILL" in page_of(found).notes
    assert "not to be had (seeds differ: edt has 0 on a, and others 0, 1)" in markdown(found)
    none = table(a_edt_0=None, a_edt_1=None)
    assert entry(none, "edt", "a").state == "missing"
    assert entry(none, "edt", MEAN).mean is None
    assert "edt is not measured on every task" in markdown(none)


def test_headlines_want_the_same_seeds_not_only_as_many():
    swapped = [dataclasses.replace(c, seed=2) if (c.method, c.seed) == ("full", 1) else c for c in cells_of_table()]
    assert wide(swapped).headline.reason == "seeds differ: full has 0, 2 on a, b, and others 0, 1"
    assert wide(swapped).headline.worst_ratio is None
    odd = [dataclasses.replace(c, seed=2) if (c.method, c.task, c.seed) == ("edt", "b", 0) else c for c in swapped]
    assert wide(odd).headline.reason == "seeds differ: edt has 1, 2 on b; full has 0, 2 on a, b, and others 0, 1"


def test_one_seed_is_neither_bold_nor_second():
    one = wide([cell("a", method, "96", 0, "1100") for method in ("random", "edt")])
    assert all(of.entries["a"].rank is None for of in one.rows)


def test_unparsed_rates_are_told():
    assert "Unparsed answers: Random 96 a 20.0%; Random 96 b 20.0%." in page_of(table()).notes


def test_every_format_says_the_same():
    found = table()
    rows = list(csv.DictReader(io.StringIO(wide_csv(found))))
    assert [row["a"] for row in rows] == ["0.500000", "0.800000", "0.800000"]
    shown = html_table(found, lambda run: f"runs/{run}.html")
    for text in ("80.0 ± 0.0 (2)", "60.0 ± 0.0 (2)"):
        assert text in markdown(found)
        assert text.replace("±", r"$\pm$") in latex(found)
        assert text in shown
    assert 'href="runs/a-96-edt-s0.html"' in shown


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex (Debian: texlive-latex-base)")
def test_the_latex_compiles(tmp_path):
    (tmp_path / "table.tex").write_text(latex(table()), "utf-8")
    done = subprocess.run(["pdflatex", "-interaction=batchmode", "table.tex"], cwd=tmp_path, check=False)
    assert done.returncode == 0


@given(st.dictionaries(st.integers(), st.floats(0, 1), max_size=12))
def test_holm_keeps_the_order_and_never_lowers_a_p(ps):
    corrected = holm(ps)
    assert all(ps[key] <= corrected[key] <= 1 for key in ps)
    ordered = sorted(ps, key=lambda key: ps[key])
    assert [corrected[key] for key in ordered] == sorted(corrected.values())


def test_holm_as_worked_by_hand():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})


@given(
    st.integers(1, 3).flatmap(
        lambda n: st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=n, max_size=n)
    )
)
def test_a_method_does_not_differ_from_itself(answers):
    found, p = difference_test([answers], [answers])
    assert (found.mean, found.low, found.high, p) == (0, 0, 0, 1)
    assert difference(answers, answers) == found
