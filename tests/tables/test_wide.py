import csv
import dataclasses
import io
import re
import shutil
import statistics
import subprocess
from pathlib import Path

import pytest

from edt.errors import EdtError
from edt.tables.cells import Cell
from edt.tables.page import page_of
from edt.tables.render import html_table, html_whole, latex, markdown, wide_csv
from edt.tables.shape import MEAN
from edt.tables.wide import widen
from tests.harness import ROOT


def cell(task, method, scale, seed, outcomes, state="measured", reason="", questions="0123456789ab", **more):
    measured = state == "measured"
    return Cell(
        table="small",
        task=task,
        method=method,
        scale=scale,
        student=more.get("student", "pocket"),
        teacher="",
        seed=seed,
        split="test",
        state=state,
        reason=reason,
        score=outcomes.count("1") / len(outcomes) if measured else None,
        n=len(outcomes) if measured else None,
        unparsed=outcomes.count("u") if measured else None,
        filled=0 if measured else None,
        trained_samples=more.get("trained", 10) if measured else None,
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


def wide(cells, **options):
    named = {"baseline": "random", "ceiling": "full", "ours": "edt", "headline_scale": "96"}
    return widen(cells, title="Small", split="test", **named, **options)


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


def test_a_reason_stands_with_its_own_state():
    failed = cell("a", "edt", "96", 0, "", state="failed", reason="killed by SIGKILL")
    missing = cell("a", "edt", "96", 1, "", state="missing", reason="not run yet")
    notes = page_of(table(a_edt_0=failed, a_edt_1=missing)).notes
    assert "[1] failed: seed 0: killed by SIGKILL" in notes
    assert "[2] missing: seed 1: not run yet" in notes


@pytest.mark.parametrize("changes", [{"questions": "f" * 12}, {"seed": 2}])
def test_what_cannot_be_compared_is_not_ranked(changes):
    """Three methods: the one over other questions, or over other seeds, is out of the contest, though it is best."""
    cells = [
        cell("a", method, "96", changes.get("seed", 0) + seed if method == "odd" else seed, marks,
             **({"questions": changes["questions"]} if method == "odd" and "questions" in changes else {}))
        for seed in (0, 1)
        for method, marks in (("random", "1100"), ("edt", "1110"), ("odd", "1111"))
    ]  # fmt: skip
    found = wide(cells)
    assert [entry(found, method, "a").rank for method in ("random", "edt", "odd")] == [2, 1, None]
    alone = wide([one for one in cells if one.method != "random"])
    assert [entry(alone, method, "a").rank for method in ("edt", "odd")] == [None, None]


def test_a_tie_is_one_whatever_the_digits_of_a_file():
    """21 and 23 of 132 are as many as 22 and 22, whose six digits are not."""

    def of(method, seed, right):
        whole = cell("a", method, "96", seed, "1" * right + "0" * (132 - right))
        return dataclasses.replace(whole, score=round(whole.share, 6))

    found = wide([of("edt", 0, 21), of("edt", 1, 23), of("random", 0, 22), of("random", 1, 22)])
    assert [entry(found, method, "a").rank for method in ("random", "edt")] == [1, 1]
    assert found.gains[0].tasks_ahead == found.headline.tasks_ahead or found.headline.tasks_ahead is None


def test_students_do_not_compete_with_each_other():
    """Random of another student was the second: now each is alone."""
    others = {f"{task}_random_{seed}": cell(task, "random", "96", seed, "11111000uu", student="other")
              for task in "ab" for seed in (0, 1)}  # fmt: skip
    found = table(**others)
    assert [entry(found, method, "a").rank for method in ("random", "edt")] == [None, None]


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
    assert "| error-driven | 96 | mean | Random | 2 | +25.0 |" in markdown(table(a_edt_1=better))


def test_the_mean_is_over_seeds_that_every_task_has():
    found = entry(table(a_edt_1=None), "edt", MEAN)
    assert (found.measured_seeds, found.std, found.mean) == ((0,), None, pytest.approx(0.7))
    assert found.reasons == ("the mean is over the seeds that every task has: 0",)
    assert found.to_baseline is not None
    none = entry(table(a_edt_1=None, b_edt_0=None), "edt", MEAN)
    assert (none.state, none.mean, none.to_baseline) == ("missing", None, None)
    assert none.reasons == ("no seed is measured on every task",)


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
    assert half.reasons == ("failed: seed 1: killed by SIGKILL",)
    assert "Coverage: 11 of 12 runs measured (1 failed, 11 measured)." in markdown(found)
    assert "[1] failed: seed 1: killed by SIGKILL" in page_of(found).notes
    assert "not available (seeds differ: edt has 0 on a, and others 0, 1)" in markdown(found)
    none = table(a_edt_0=None, a_edt_1=None)
    assert entry(none, "edt", "a").state == "missing"
    assert entry(none, "edt", MEAN).mean is None
    assert "edt is not measured on every task" in markdown(none)


def test_who_trained_on_fewer_samples_than_others_is_named():
    short = table(a_edt_1=cell("a", "edt", "96", 1, "1111110000", trained=4))
    said = [note for note in page_of(short).notes if note.startswith("Trained on fewer")]
    assert said == ["Trained on fewer samples than others at their scale: error-driven at 96 (4 to 10 of 10)."]
    assert not [note for note in page_of(table()).notes if note.startswith("Trained on fewer")]


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


def test_the_number_of_seeds_is_always_there():
    found = table(a_edt_1=None)
    assert "| error-driven | 96 | 80.0 (1) | **60.0 ± 0.0 (2)** | 70.0 (1) \\[1\\] |" in markdown(found)
    assert "<td>1</td><td>+30.0</td>" in html_whole(found)
    assert "| error-driven | 96 | a | Random | 1 | +30.0 | +0.0 to +60.0, questions only | – |" in markdown(found)
    assert "has no p" in " ".join(page_of(found).notes)
    none = wide([cell("a", "edt", "96", 0, "1100")])
    assert not any("Differences are" in note for note in page_of(none).notes)
    assert "<details" not in html_whole(none)


def test_the_number_of_questions_is_told():
    assert "Questions: 10 a task." in page_of(table()).notes
    other = {
        f"b_{method}_{seed}": cell("b", method, "96", seed, "110") for method in ("random", "edt") for seed in (0, 1)
    }
    found = table(**other, b_full_0=None, b_full_1=None)
    assert "Questions: 3 to 10 a task." in page_of(found).notes
    for text in (markdown(found), latex(found), html_whole(found)):
        assert "Questions: 3 to 10 a task." in text
    nothing = wide([cell("a", "edt", "96", 0, "", state="failed", reason="why")])
    assert not any("Questions:" in note for note in page_of(nothing).notes)


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


LONG = "words of a very long reason " * 40 + "a_path/without/any/gap/" * 30
ODD = [
    *("a_%&#~^\\{}$", "‹ĦħſŉŧŦĸŀĿ›", "😀 漢字 e\u0301", "-- ,, `` '' ?` !` []", 'é±→…<>|"', "[x]*"),
    "a_very_long_name_without_any_gap_that_goes_on_and_on",
]


def odd_table():
    """Odd signs and long words wherever there are words: in names, title, reasons and what cannot be compared."""
    cells = []
    for task in [*ODD, *(f"pocket_task_number_{number}" for number in range(6))]:
        for method in ("random", *ODD):
            failed = {"state": "failed", "reason": "".join(ODD) + LONG} if method == ODD[0] else {}
            cells.append(cell(task, method, "96", 0, "1100"))
            cells.append(cell(task, method, "96", 1, "" if failed else "1100", **failed))
    return widen(
        cells,
        title=f"{' '.join(ODD)} {LONG[:300]}",
        split="test",
        baseline="random",
        ceiling=ODD[1],
        ours=ODD[0],
        rivals=[ODD[3]],
        headline_scale="96",
    )


def without_task(found, task):
    """What the table of a task that no other has been measured on has to say: a sentence in a narrow column."""
    row = next(row for row in found.rows if row.method == ODD[0])
    reason = dict.fromkeys((found.baseline, found.ceiling), f"{LONG} {ODD[1]}")
    entry = dataclasses.replace(row.entries[task], to_baseline=None, to_ceiling=None, not_comparable=reason)
    changed = dataclasses.replace(row, entries={**row.entries, task: entry})
    return dataclasses.replace(found, rows=tuple(changed if one is row else one for one in found.rows))


COMMITTED = sorted((ROOT / "experiments" / "results").glob("*/table.tex"))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex (Debian: texlive-latex-recommended)")
@pytest.mark.parametrize("source", ["plain", "odd", *COMMITTED], ids=lambda source: getattr(source, "parent", source))
def test_the_latex_compiles(tmp_path, source):
    texts = {"plain": lambda: latex(table()), "odd": lambda: latex(without_task(odd_table(), ODD[2]))}
    text = source.read_text("utf-8") if isinstance(source, Path) else texts[source]()
    (tmp_path / "table.tex").write_text(text, "utf-8")
    command = ["pdflatex", "-interaction=batchmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True)
    log = (tmp_path / "table.log").read_text("utf-8", "replace")
    assert done.returncode == 0, [line for line in log.splitlines() if line.startswith("!")]
    if not isinstance(source, Path):  # what is published was written at its time
        wider = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
        assert max(wider, default=0) < 3, wider


def test_latex_has_places_to_break_in_what_is_long():
    text = latex(without_task(odd_table(), ODD[2]))
    assert r"path/\allowbreak{}without/\allowbreak{}any/" in text
    assert not re.search("[ĦħſŉŧŦĸŀĿ]", text)
