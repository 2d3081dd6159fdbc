"""Published figures stand beside ours: the known ones alone, and never as if they could be compared."""

import csv
import io

import pytest
from markdown_it import MarkdownIt
from omegaconf import OmegaConf
from rich.console import Console

from edt.errors import EdtError
from edt.sweep.rendering import render, wide_of
from edt.sweep.spec import EXPERIMENTS, REFERENCES, TableSpec, read_table, table_names
from edt.tables.cells import write_cells
from edt.tables.page import page_of
from edt.tables.references import Likeness, check_likeness, read_published
from edt.tables.render import html_table, latex, markdown, references_csv, terminal, wide_csv
from edt.tables.shape import MEAN
from tests.tables.test_wide import cell

FILE = EXPERIMENTS / REFERENCES
MAIN = read_table("main")
METHODS = {"pretrained": [""], "random": ["88", "264"], "edt": ["88", "264"], "planted": ["264"], "full": ["full"]}


def cells(tasks=MAIN.tasks):
    return [
        cell(task, method, scale, 0, "1100") for task in tasks for method, scales in METHODS.items() for scale in scales
    ]


def wide(spec=MAIN, tasks=MAIN.tasks):
    found = wide_of(cells(tasks), spec)
    assert found.reference is not None
    return found, found.reference


def entries(reference, method, scale):
    return next(row.entries for row in reference.rows if (row.method, row.scale) == (method, scale))


@pytest.mark.parametrize("name", list(OmegaConf.load(FILE)))
def test_every_published_table_is_sound_and_names_its_source(name):
    found = read_published(FILE, str(name))
    assert found.paper == "arXiv 2412.15652"
    assert "the full text was not at hand" in found.source


def test_the_known_cells_stand_at_our_places_and_the_others_are_unknown():
    ours, reference = wide()
    assert [(row.method, row.scale) for row in reference.rows] == [(row.method, row.scale) for row in ours.rows]
    known = entries(reference, "edt", "264")
    assert [known[task].mean for task in MAIN.tasks] == pytest.approx(
        [0.6441, 0.641, 0.677, 0.936, 0.79, 0.801, 0.6802]
    )
    assert entries(reference, "pretrained", "")["pocket_mmbench"].mean == 0.643
    assert entries(reference, "full", "full")["pocket_caption"].mean == 0.847
    for method, scale in (("edt", "88"), ("random", "88"), ("planted", "264")):
        assert {entry.state for entry in entries(reference, method, scale).values()} == {"unknown"}
        assert all(entry.mean is None for entry in entries(reference, method, scale).values())


def test_a_task_without_a_counterpart_makes_the_mean_unknown():
    found = entries(wide(tasks=["pocket_vqa", "extra"])[1], "edt", "264")
    assert (found["pocket_vqa"].mean, found["extra"].state, found[MEAN].state) == (0.79, "unknown", "unknown")


@pytest.mark.parametrize("tasks", [MAIN.tasks, ["pocket_vqa"]])
def test_the_papers_headlines_are_computed_from_all_its_cells(tasks):
    line = wide(tasks=tasks)[1].headline
    assert (line.scale, line.worst_task) == ("100k", "caption")
    assert line.worst_ratio == pytest.approx(80.10 / 84.70)
    figures = [line.worst_ratio or 0, line.mean_ratio or 0, line.mean_gain or 0]
    assert [f"{100 * figure:.2f}" for figure in figures] == ["94.57", "100.73", "2.05"]
    assert (line.tasks_ahead, line.tasks) == (7, 7)


def test_every_format_shows_it_below_ours_with_its_source(tmp_path):
    write_cells(cells(), tmp_path / "cells.csv")
    rendered = render(MAIN, tmp_path)
    first = {path.name: path.read_bytes() for path in rendered.files}
    assert {path.name: path.read_bytes() for path in render(MAIN, tmp_path).files} == first
    console = Console(width=250, file=io.StringIO(), record=True)
    console.print(terminal(rendered.wide))
    title = "Reference (arXiv 2412.15652, other student and data)"
    notes = page_of(rendered.wide).notes
    shown = [markdown(rendered.wide), latex(rendered.wide), html_table(rendered.wide, lambda run: None)]
    for text in (*shown, console.export_text()):
        assert text.index("50.0") < text.index(title) < text.index("80.10")
        assert "unknown" in text[text.index(title) :]
        assert "unknown" not in text[: text.index(title)]
    assert "*unknown*" in shown[0]
    assert r"\emph{unknown}" in shown[1]
    assert "<em>unknown</em>" in shown[2]
    assert "| error-driven | 264 ↔ 100k | 64.41 | 64.10 |" in shown[0]
    assert any("the worst task (caption) reaches 94.57% of Full Data" in note for note in notes)
    assert any("Source: a secondary note on arXiv 2412.15652" in note for note in notes)
    assert any("not comparable with our figures" in note for note in notes)
    lines = [token.content for token in MarkdownIt().parse(shown[0]) if token.type == "inline"]
    assert [line for line in lines if line in (title, "Notes", "Differences")] == [title, "Notes", "Differences"]


def test_the_csv_of_references_is_apart_from_ours(tmp_path):
    write_cells(cells(), tmp_path / "cells.csv")
    rendered = render(MAIN, tmp_path)
    assert "80.1" not in wide_csv(rendered.wide)
    assert "0.801" not in (tmp_path / "wide.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(references_csv(rendered.wide))))
    assert rows == list(csv.DictReader((tmp_path / "references.csv").open(newline="")))
    edt = next(row for row in rows if (row["method"], row["scale"]) == ("edt", "264"))
    assert (edt["pocket_caption"], edt["reference_scale"]) == ("0.801000", "100k")
    planted = next(row for row in rows if row["method"] == "planted")
    assert {planted[task] for task in (*MAIN.tasks, MEAN)} == {"unknown"}


def test_a_table_that_names_no_reference_has_none(tmp_path):
    write_cells(cells(["pocket_vqa"]), tmp_path / "cells.csv")
    rendered = render(TableSpec(title="x", split="test"), tmp_path)
    assert rendered.wide.reference is None
    assert "Reference" not in (tmp_path / "table.md").read_text()
    assert not (tmp_path / "references.csv").exists()


def test_references_are_no_table():
    assert "references" not in table_names()
    with pytest.raises(EdtError, match="there is no table 'references'"):
        read_table("references")


GOOD = "paper: p\n  source: s\n  columns: [a, b]\n  rows: [{method: edt, scale: x, scores: [1, 2]}]"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[1, 2]", "[1]"), "edt has 1 scores for 2 columns"),
        (("[1, 2]", "[1, 101]"), "edt has a score that is no percentage"),
        (("[1, 2]", "[1, .nan]"), "edt has a score that is no percentage"),
        (("[a, b]", "[a, a]"), "columns must be distinct"),
        (("rows: [", "rows: [{method: edt, scale: x, scores: [1, 2]}, "), "two rows are of one method and scale"),
        (("  source: s\n", ""), "source"),
        (("paper", "papre"), "papre"),
    ],
)
def test_a_published_table_that_is_unsound_is_refused(tmp_path, change, message):
    path = tmp_path / REFERENCES
    path.write_text(f"main:\n  {GOOD}\n")
    assert read_published(path, "main").rows[0].scores == [1, 2]
    path.write_text(f"main:\n  {GOOD.replace(*change)}\n")
    with pytest.raises(EdtError, match=message):
        read_published(path, "main")


@pytest.mark.parametrize("kind", ["tasks", "methods", "scales"])
def test_a_likeness_of_what_the_table_has_not_is_refused(tmp_path, kind):
    (tmp_path / REFERENCES).write_text(f"main:\n  {GOOD}\n")
    mine = {"tasks": "{v: a}", "methods": "{edt: edt}", "scales": "{s: x}"}
    lines = [f"reference_{name}: {text}" for name, text in mine.items()]
    table = "\n".join(["tasks: [v, w]", "methods: {edt: {}}", "scales: [s]", "reference: main", *lines])
    (tmp_path / "t.yaml").write_text(table)
    assert read_table("t", {"tasks": ["w"]}, folder=tmp_path).likeness.tasks == {"v": "a"}
    value = mine[kind].partition(":")[0].strip("{")
    (tmp_path / "t.yaml").write_text(table.replace(f"reference_{kind}: {{{value}:", f"reference_{kind}: {{typo:"))
    with pytest.raises(EdtError, match=f"reference_{kind} has 'typo', which is none of the table's {kind}"):
        read_table("t", folder=tmp_path)


def test_a_table_is_refused_that_names_what_the_reference_has_not(tmp_path):
    with pytest.raises(EdtError, match=r"there is no .*references\.yaml"):
        read_published(tmp_path / REFERENCES, "main")
    with pytest.raises(EdtError, match="has no reference 'other'; choose of: main, ablation"):
        read_published(FILE, "other")
    published = read_published(FILE, "main")
    for likeness, message in (
        (Likeness(tasks={"a": "nothing"}), "x: reference_tasks has 'a' stand for 'nothing'; the reference has mmbench"),
        (Likeness(methods={"edt": "magic"}), "reference_methods has 'edt' stand for 'magic'"),
        (
            Likeness(scales={"264": "30k"}),
            "reference_scales has '264' stand for '30k'; the reference has 0, 100k, full",
        ),
    ):
        with pytest.raises(EdtError, match=message):
            check_likeness(likeness, published, "x")
    (tmp_path / REFERENCES).write_text(f"main:\n  {GOOD}\n")
    (tmp_path / "t.yaml").write_text(
        "tasks: [v]\nmethods: {edt: {}}\nscales: [s]\nreference: main\nreference_tasks: {v: c}"
    )
    with pytest.raises(EdtError, match=r"t\.yaml: reference_tasks has 'v' stand for 'c'; the reference has a, b"):
        read_table("t", folder=tmp_path)
