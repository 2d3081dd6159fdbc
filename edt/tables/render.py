"""A wide table as text for a reader: Markdown, LaTeX, HTML, CSV, terminal. Computes nothing."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable, Iterator, Sequence

from rich import box
from rich.console import Console, ConsoleOptions, Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from edt.tables.escape import broken_tex, tex
from edt.tables.escape import markdown as md
from edt.tables.markdown import table
from edt.tables.page import DIFFERENCE_HEADS, DIFFERENCE_WORDS, Page, Shown, page_of
from edt.tables.shape import MEAN, Entry, Row, Wide

TASK = DIFFERENCE_HEADS.index("task")
WIDTHS = tuple(enumerate((3.6, 2.2, 3.6, 3.6, 1.0, 2.4, 4.2, 1.6)))
"""Centimetres of each column of differences on a page of LaTeX, of which 22 fit beside the gaps."""
LONGEST_WORD, NARROW_WORD = 40, 12
"""Signs of a word that a line of text, and one of a narrow column, has room for."""
WIDEST = 10_000
"""Columns of a terminal that any table fits in."""


def markdown(wide: Wide) -> str:
    page = page_of(wide)
    lines = [f"# {md(page.title)}", "", _markdown_table(page)]
    if page.reference is not None:
        lines += ["", f"## {md(page.reference.title)}", "", _markdown_table(page.reference), "", "## Notes"]
    lines += ["", *(f"- {md(note)}" for note in page.notes)]
    if page.differences:
        differences = [[*map(md, line)] for line in page.differences]
        lines += ["", "## Differences", "", table(DIFFERENCE_HEADS, differences, words=DIFFERENCE_WORDS)]
    return "\n".join(lines) + "\n"


def _markdown_table(page: Page) -> str:
    def cell(shown: Shown) -> str:
        text = md(shown.text)
        text = {1: f"**{text}**", 2: f"<u>{text}</u>"}.get(shown.rank or 0, f"*{text}*" if shown.unknown else text)
        return text + (f" {md(shown.mark)}" if shown.mark else "")

    rows = [[md(method), md(scale), *map(cell, cells)] for method, scale, cells in page.rows]
    return table([*map(md, page.heads)], rows, words=2)


def latex(wide: Wide) -> str:
    """A document with booktabs that compiles by itself; a tabular can be lifted out of it."""
    page = page_of(wide)
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage[utf8]{inputenc}",
            r"\usepackage[T1]{fontenc}",
            r"\usepackage{textcomp}",
            *(rf"\usepackage{{{name}}}" for name in ("array", "booktabs", "graphicx", "longtable")),
            r"\usepackage[margin=1cm,landscape]{geometry}",
            r"\newcolumntype{W}[2]{>{#1\arraybackslash\hspace{0pt}}p{#2}}",
            r"\begin{document}\sloppy",
            *_latex_table(page),
            *([] if page.reference is None else _latex_table(page.reference)),
            *(rf"\noindent {broken_tex(note, longest=LONGEST_WORD)}\par" for note in page.notes),
            *(_latex_differences(page) if page.differences else []),
            r"\end{document}",
            "",
        ]
    )


def _latex_table(page: Page) -> list[str]:
    def cell(shown: Shown) -> str:
        text = tex(shown.text)
        styles = {1: rf"\textbf{{{text}}}", 2: rf"\underline{{{text}}}"}
        text = styles.get(shown.rank or 0, rf"\emph{{{text}}}" if shown.unknown else text)
        return text + (rf"\textsuperscript{{{tex(shown.mark)}}}" if shown.mark else "")

    body, last = [], None
    for method, scale, cells in page.rows:
        if last not in (None, scale):
            body.append(r"\midrule")
        last = scale
        body.append(" & ".join([tex(method), tex(scale), *map(cell, cells)]) + r" \\")
    return [
        r"\begin{table}[h]\centering\small",
        rf"\caption{{{broken_tex(page.title, longest=LONGEST_WORD)}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{ll{'r' * (len(page.heads) - 2)}}}",
        r"\toprule",
        " & ".join(map(tex, page.heads)) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}}",
        r"\end{table}",
    ]


def _latex_differences(page: Page) -> list[str]:
    """They go over pages, where a table of many methods has more than fit on one; reasons are whole sentences."""

    def row(line: Sequence[str]) -> str:
        return " & ".join(broken_tex(text, longest=NARROW_WORD) for text in line) + r" \\"

    columns = "".join(f"W{{\\ragged{'right' if at < DIFFERENCE_WORDS else 'left'}}}{{{cm}cm}}" for at, cm in WIDTHS)
    return [
        rf"\begin{{longtable}}{{{columns}}}",
        r"\caption{Differences} \\",
        r"\toprule",
        " & ".join(map(tex, DIFFERENCE_HEADS)) + r" \\",
        r"\midrule",
        r"\endhead",
        *map(row, page.differences),
        r"\bottomrule",
        r"\end{longtable}",
    ]


def wide_csv(wide: Wide) -> str:
    """Numbers as shares, a row a method and scale, four columns a task."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    heads, rows = wide_rows(wide)
    writer.writerow(heads)
    writer.writerows([[f"{value:.6f}" if isinstance(value, float) else value for value in row] for row in rows])
    return stream.getvalue()


def references_csv(wide: Wide) -> str:
    """The published figures at the places of ours, as shares; a cell that is not known says so."""
    known = wide.reference
    assert known is not None
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["method", "scale", "reference_scale", *wide.tasks, MEAN, "paper", "source"])
    for row, scale in zip(known.rows, known.scales, strict=True):
        figures = [_number(row.entries[column].mean) or "unknown" for column in (*wide.tasks, MEAN)]
        writer.writerow([row.method, row.scale, scale or "unknown", *figures, known.paper, known.source])
    return stream.getvalue()


def wide_rows(wide: Wide) -> tuple[list[str], list[list[str | int | float | None]]]:
    """Heads, and a row a method and scale; shares as numbers, None where there is none."""
    columns = [*wide.tasks, MEAN]
    heads = ["method", "scale", *(f"{c}{end}" for c in columns for end in ("", "_std", "_seeds", "_state"))]
    rows: list[list[str | int | float | None]] = []
    for row in wide.rows:
        entries = [row.entries[column] for column in columns]
        rows.append([row.method, row.scale, *(v for e in entries for v in (e.mean, e.std, e.seeds, e.state))])
    return heads, rows


def terminal(wide: Wide) -> Group:
    """Our table, below it what is known of its reference, and the differences in the mean over tasks.

    Those on single tasks would be hundreds of lines; they are in the files.
    """
    page = page_of(wide)
    tables = [_Fitted(one) for one in (page, page.reference) if one is not None]
    means = [line for line in page.differences if line[TASK] == MEAN]
    return Group(*tables, *([_terminal_differences(means)] if means else []))


class _Fitted:
    """A page as one table; where the terminal is too narrow for it, as several of the same rows, side after side."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        left = list(range(len(self._page.heads) - 2))
        while left:
            number = len(left)
            while (
                number > 1 and _width(console, options, _terminal_table(self._page, left[:number])) > options.max_width
            ):
                number -= 1
            yield _terminal_table(self._page, left[:number])
            left = left[number:]


def _width(console: Console, options: ConsoleOptions, grid: Table) -> int:
    """Columns that it takes with nothing cut or broken; its title may be broken."""
    grid.title = None
    return Measurement.get(console, options.update(max_width=WIDEST), grid).maximum


def _terminal_table(page: Page, columns: Sequence[int]) -> Table:
    """Those columns of figures, beside method and number of samples; the first ones under the title."""
    grid = Table(title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    if columns[0] == 0:
        grid.title = Text(page.title, "table.title")
    for head in (*page.heads[:2], *(page.heads[2 + number] for number in columns)):
        justify = "left" if head == "method" else "right"
        grid.add_column(Text(head.removeprefix("pocket_")), justify=justify, overflow="fold")
    last = None
    for method, scale, cells in page.rows:
        if last not in (None, scale):
            grid.add_section()
        last = scale
        styles = {1: "bold", 2: "underline"}
        shown = [cells[number] for number in columns]
        texts = [
            Text.assemble((one.text, styles.get(one.rank or 0, "italic" if one.unknown else "")), one.mark)
            for one in shown
        ]
        grid.add_row(Text(method), Text(scale), *texts)
    return grid


def _terminal_differences(lines: Sequence[Sequence[str]]) -> Table:
    title = Text("Differences in the mean over tasks", "table.title")
    grid = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, head in enumerate(DIFFERENCE_HEADS):
        if number != TASK:
            grid.add_column(head, justify="left" if number < DIFFERENCE_WORDS else "right", overflow="fold")
    for line in lines:
        grid.add_row(*(Text(text) for number, text in enumerate(line) if number != TASK))
    return grid


def html_table(wide: Wide, link: Callable[[str], str | None]) -> str:
    """The tables alone, sortable by whoever frames them; `link` says where a run's page is, if it has one."""
    page = page_of(wide)
    text = _html_table(page, wide.rows, wide.tasks, link)
    if page.reference is None or wide.reference is None:
        return text
    return f"{text}\n{_html_table(page.reference, wide.reference.rows, wide.tasks, link)}"


def html_notes(wide: Wide) -> str:
    """A line of a list each."""
    return "".join(f"<li>{html.escape(note)}</li>" for note in page_of(wide).notes)


def html_differences(wide: Wide) -> str:
    """A table folded away, as it may be long; nothing where there are none."""
    page = page_of(wide)
    if not page.differences:
        return ""
    heads = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in DIFFERENCE_HEADS)
    rows = ("".join(f"<td>{html.escape(text)}</td>" for text in line) for line in page.differences)
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<details class="differences"><summary>Differences ({len(page.differences)})</summary>'
        f"<table><thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table></details>"
    )


def html_whole(wide: Wide) -> str:
    """The tables with their notes and differences, as a piece of a page."""
    parts = [html_table(wide, lambda run: None), f"<ul>{html_notes(wide)}</ul>", html_differences(wide)]
    return "\n".join(part for part in parts if part) + "\n"


def _html_table(page: Page, rows: Sequence[Row], tasks: Sequence[str], link: Callable[[str], str | None]) -> str:
    heads = "".join(f'<th scope="col"><button type="button">{html.escape(head)}</button></th>' for head in page.heads)
    lines = [
        f'<table class="sortable"><caption>{html.escape(page.title)}</caption><thead><tr>{heads}</tr></thead><tbody>'
    ]
    for row, (method, scale, cells) in zip(rows, page.rows, strict=True):
        texts = [f'<th scope="row">{html.escape(method)}</th><td>{html.escape(scale)}</td>']
        for column, shown in zip((*tasks, MEAN), cells, strict=True):
            texts.append(_html_cell(row.entries[column], shown, link))
        lines.append(f"<tr>{''.join(texts)}</tr>")
    lines.append("</tbody></table>")
    return "\n".join(lines)


def _html_cell(entry: Entry, shown: Shown, link: Callable[[str], str | None]) -> str:
    text = html.escape(shown.text)
    plain = f"<em>{text}</em>" if shown.unknown else text
    text = {1: f"<strong>{text}</strong>", 2: f"<u>{text}</u>"}.get(shown.rank or 0, plain)
    links = [
        f'<a href="{html.escape(to)}" aria-label="run {html.escape(run)}">{html.escape(run.rpartition("-")[2])}</a>'
        for run in entry.runs
        if (to := link(run))
    ]
    runs = f'<span class="runs">{" ".join(links)}</span>' if links else ""
    mark = f"<sup>{html.escape(shown.mark)}</sup>" if shown.mark else ""
    value = "" if entry.mean is None else f' data-value="{entry.mean:.6f}"'
    return f'<td{value} class="{html.escape(entry.state.replace(" ", "-"))}">{text}{mark}{runs}</td>'


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
