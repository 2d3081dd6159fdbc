"""Names and reasons show as themselves in every format, whatever signs are in them."""

import csv
import html
import io
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from edt.tables.escape import LATIN, TEX, markdown, one_line, tex
from edt.tables.page import page_of
from edt.tables.render import html_table, latex, terminal, wide_csv
from edt.tables.render import markdown as as_markdown
from edt.tables.shape import MEAN
from edt.tables.terminal import NAMES
from edt.tables.wide import widen
from tests.tables.test_wide import cell

ODD = ["[bold]", "[/]", "<script>alert(1)</script>", "a&amp;b", "_a_b_", "50%", "a|b", "\\", "\\|", "a\\", "*x*", "$x$"]
ODD += ["`x`", "~~x~~", "{x}", "#x", "^x^", ":smile:", '"x"', "''x''", "a--b---c", "!x", "[x](y)", "&lt;", ",,", "é±→"]
signs = st.characters(min_codepoint=33, max_codepoint=126)
names = st.one_of(st.sampled_from(ODD), st.text(signs, min_size=1, max_size=10)).filter(
    lambda name: name not in {*NAMES, MEAN} and not name.startswith("pocket_")
)


def table(name):
    """Where a name can stand: title, task, method, scale, reason."""
    cells = [cell(name, name, name, seed, "1100", reason=name) for seed in (0, 1)]
    cells += [cell(name, "random", name, 0, "1110"), cell(name, "random", name, 1, "", state="failed", reason=name)]
    return widen(cells, title=name, split="test", baseline="random", ceiling="full", ours="edt", headline_scale=name)


@settings(max_examples=60, deadline=None)
@given(name=names)
def test_markdown_shows_names_as_they_are(name):
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(as_markdown(table(name)))
    lines = ["".join(child.content for child in token.children or []) for token in tokens if token.type == "inline"]
    assert lines[0] == f"{name}, test split"
    assert lines[1:5] == ["method", "samples", name, "mean"]
    assert [name, name] in [lines[at : at + 2] for at in range(5, len(lines))]
    assert f"[1] failed: seed 1: {name}" in lines


class Reader(HTMLParser):
    """What a browser would show."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


@settings(max_examples=60, deadline=None)
@given(name=names)
def test_html_shows_names_as_they_are(name):
    text = html_table(table(name), lambda run: f"#{run}")
    reader = Reader()
    reader.feed(text)
    assert "<script" not in text
    assert "".join(reader.seen).startswith(f"{name}, test splitmethodsamples{name}mean")
    assert html.escape(name) in text


@settings(max_examples=60, deadline=None)
@given(name=names)
def test_the_terminal_shows_names_as_they_are(name):
    console = Console(width=400, file=io.StringIO(), record=True)
    console.print(terminal(table(name)))
    lines = console.export_text().splitlines()
    assert lines[0].strip() == f"{name}, test split"
    assert lines[2].split() == ["method", "samples", name, "mean"]
    assert any(line.split()[:2] == [NAMES.get(name, name), name] for line in lines[3:] if line.strip())


@pytest.mark.parametrize("width", [50, 80, 120, 400])
def test_a_narrow_terminal_shows_every_figure_in_as_many_tables_as_it_takes(width):
    tasks = [f"pocket_task_of_number_{number}" for number in range(7)]
    cells = [cell(task, method, "96", seed, "110") for task in tasks for method in ("random", "edt") for seed in (0, 1)]
    wide = widen(
        cells, title="T", split="test", baseline="full", ceiling="full", ours="edt", headline_scale="96", rivals=()
    )
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(terminal(wide))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    heads = [line.split() for line in text.splitlines() if line.split()[:2] == ["method", "samples"]]
    assert [head for line in heads for head in line[2:]] == [*(task.removeprefix("pocket_") for task in tasks), MEAN]
    assert text.count("T, test split") == 1
    assert text.count("66.7 ± 0.0 (2)") == 2 * (len(tasks) + 1)
    for method in ("Random", "error-driven"):
        assert sum(line.split()[:2] == [method, "96"] for line in text.splitlines()) == len(heads)
    assert (len(heads) == 1) == (width == 400)


@settings(max_examples=60, deadline=None)
@given(name=names)
def test_csv_has_names_as_they_are(name):
    rows = list(csv.DictReader(io.StringIO(wide_csv(table(name)), newline="")))
    assert {row["method"] for row in rows} == {name, "random"}
    assert {row["scale"] for row in rows} == {name}
    assert rows[0][name] == "0.750000" if rows[0]["method"] == "random" else "0.500000"


def untex(text):
    """What LaTeX would set, of what `tex` writes."""
    signs = sorted(TEX.items(), key=lambda item: -len(item[1]))
    pattern = re.compile("|".join(["-{}", ",{}", *(re.escape(code) for _, code in signs)]))
    back = {code: sign for sign, code in signs}
    return pattern.sub(lambda found: back.get(found[0], found[0][0]), text)


@settings(max_examples=60, deadline=None)
@given(name=names)
@example("a↔b−c…")
def test_latex_shows_names_as_they_are(name):
    known = "".join(sign for sign in name if sign in LATIN or sign in TEX)
    assert untex(tex(known)) == known
    assert not re.search(r"--|,,|``|''", tex(name))
    text = latex(table(name))
    rows = [line for line in text.splitlines() if line.endswith(r" \\")]
    assert f"{tex(name)} & {tex(name)} & " in "\n".join(rows)
    assert not any(line.startswith("[") for line in text.splitlines())  # an option of the line's end before it


def test_what_latex_lacks_shows_as_its_number():
    assert tex("漢[a]") == "{[}U+6F22{]}{[}a{]}"
    assert tex("šĦ") == "š{[}U+0126{]}"  # of one block, and only one of them is in the fonts


def test_a_reason_of_many_lines_is_one_line_of_a_page():
    page = page_of(widen([cell("a", "edt", "96", 0, "", state="failed", reason="one\ntwo\x1b[31m")], **WORDS))
    assert "[1] failed: seed 0: one two [31m" in page.notes
    assert one_line("a\tb\u2028c") == "a b c"
    assert markdown("a_b _c_") == r"a_b \_c\_"


WORDS: dict[str, Any] = {
    **{"title": "t", "split": "test", "baseline": "random", "ceiling": "full"},
    **{"ours": "edt", "headline_scale": "96"},
}


@pytest.mark.parametrize(("method", "name"), [("task_description", "Task description"), ("planted", "Planted skills")])
def test_methods_are_called_the_same_everywhere(method, name):
    found = widen([cell("a", method, "96", 0, "1100")], **WORDS)
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(terminal(found))
    for shown in (as_markdown(found), latex(found), html_table(found, lambda run: None), console.export_text()):
        assert name in shown
