"""A wide table as text for a reader: Markdown, LaTeX, HTML, CSV, terminal. Computes nothing.

Every format is made from one list of rows of `Shown`, so that no two of them
can say different things.
"""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table

from edt.tables.terminal import NAMES
from edt.tables.wide import MEAN, Difference, Entry, Headline, Row, Wide


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is read at one place."""

    text: str
    rank: int | None = None
    mark: str = ""
    """Footnote marks."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything that any format shows, in words."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Shown, ...]], ...]
    """(method, scale, a cell a column)"""
    differences: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


DIFFERENCE_HEADS = ("method", "samples", "task", "difference to", "points", "95% interval", "p (Holm)")


def page_of(wide: Wide) -> Page:
    """A table in words. Footnotes: a state that is not measured, unparsed answers, filled samples."""
    reasons: dict[str, str] = {}
    rows = tuple(
        (
            NAMES.get(row.method, row.method),
            row.scale or "none",
            tuple(_shown(row.entries[column], reasons) for column in (*wide.tasks, MEAN)),
        )
        for row in wide.rows
    )
    notes = [
        f"Accuracy in percent on the {wide.split} split: mean ± sample standard deviation over seeds (number of "
        "seeds). Best in bold, second underlined, at each number of samples, only with two seeds or more.",
        coverage_line(wide),
        *headline_lines(wide.headline, baseline=wide.baseline, ceiling=wide.ceiling),
        *_shares(wide),
        *(f"{mark} {reason}" for reason, mark in reasons.items()),
    ]
    return Page(
        title=f"{wide.title}, {wide.split} split",
        heads=("method", "samples", *wide.tasks, MEAN),
        rows=rows,
        differences=tuple(_differences(wide)),
        notes=tuple(notes),
    )


def coverage_line(wide: Wide) -> str:
    total = sum(wide.coverage.values())
    states = ", ".join(f"{count} {state}" for state, count in sorted(wide.coverage.items()))
    return f"Coverage: {wide.coverage.get('measured', 0)} of {total} runs measured ({states or 'none'})."


def headline_lines(headline: Headline, *, baseline: str, ceiling: str) -> list[str]:
    """The paper's two headlines, or why they cannot be had."""
    if headline.reason:
        return [f"Headlines at {headline.scale} samples: not to be had ({headline.reason})."]
    top, base = NAMES.get(ceiling, ceiling), NAMES.get(baseline, baseline)
    assert headline.worst_ratio is not None
    assert headline.mean_ratio is not None
    assert headline.mean_gain is not None
    return [
        f"Headlines at {headline.scale} samples: the worst task ({headline.worst_task}) reaches "
        f"{100 * headline.worst_ratio:.2f}% of {top}, the mean {100 * headline.mean_ratio:.2f}%; mean gain over {base} "
        f"{100 * headline.mean_gain:+.2f} points, ahead on {headline.tasks_ahead} of {headline.tasks} tasks."
    ]


def markdown(wide: Wide) -> str:
    page = page_of(wide)

    def cell(shown: Shown) -> str:
        text = {1: f"**{shown.text}**", 2: f"<u>{shown.text}</u>"}.get(shown.rank or 0, shown.text)
        return text + (f" {shown.mark}" if shown.mark else "")

    lines = [f"# {page.title}", "", *_pipes(page.heads, [[m, s, *map(cell, cells)] for m, s, cells in page.rows], 2)]
    lines += ["", *(f"- {note}" for note in page.notes)]
    if page.differences:
        lines += ["", "## Differences", "", *_pipes(DIFFERENCE_HEADS, page.differences, 4)]
    return "\n".join(lines) + "\n"


def latex(wide: Wide) -> str:
    """A document with booktabs that compiles by itself; the tabular can be lifted out of it."""
    page = page_of(wide)

    def cell(shown: Shown) -> str:
        text = _tex(shown.text)
        text = {1: rf"\textbf{{{text}}}", 2: rf"\underline{{{text}}}"}.get(shown.rank or 0, text)
        return text + (rf"\textsuperscript{{{_tex(shown.mark)}}}" if shown.mark else "")

    body, last = [], None
    for method, scale, cells in page.rows:
        if last not in (None, scale):
            body.append(r"\midrule")
        last = scale
        body.append(" & ".join([_tex(method), _tex(scale), *map(cell, cells)]) + r" \\")
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage[utf8]{inputenc}",
            r"\usepackage[T1]{fontenc}",
            r"\usepackage{textcomp}",
            r"\usepackage{booktabs}",
            r"\usepackage[margin=1cm,landscape]{geometry}",
            r"\begin{document}",
            r"\begin{table}\centering\small",
            rf"\caption{{{_tex(page.title)}}}",
            rf"\begin{{tabular}}{{ll{'r' * (len(page.heads) - 2)}}}",
            r"\toprule",
            " & ".join(map(_tex, page.heads)) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            *(rf"\noindent {_tex(note)}\par" for note in page.notes),
            r"\end{document}",
            "",
        ]
    )


def wide_csv(wide: Wide) -> str:
    """Numbers as shares, a row a method and scale, four columns a task."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    heads, rows = wide_rows(wide)
    writer.writerow(heads)
    writer.writerows([[f"{value:.6f}" if isinstance(value, float) else value for value in row] for row in rows])
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


def terminal(wide: Wide) -> Table:
    page = page_of(wide)
    table = Table(title=page.title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for head in page.heads:
        table.add_column(head.removeprefix("pocket_"), justify="left" if head == "method" else "right")
    last = None
    for method, scale, cells in page.rows:
        if last not in (None, scale):
            table.add_section()
        last = scale
        styles = {1: "bold", 2: "underline"}
        texts = []
        for shown in cells:
            style = styles.get(shown.rank or 0)
            texts.append((f"[{style}]{shown.text}[/]" if style else shown.text) + shown.mark)
        table.add_row(method, scale, *texts)
    return table


def html_table(wide: Wide, link: Callable[[str], str | None]) -> str:
    """The `<table>` alone, sortable by whoever frames it; `link` says where a run's page is, if it has one."""
    page, columns = page_of(wide), (*wide.tasks, MEAN)
    heads = "".join(f'<th scope="col"><button type="button">{html.escape(head)}</button></th>' for head in page.heads)
    lines = [
        f'<table class="sortable"><caption>{html.escape(page.title)}</caption><thead><tr>{heads}</tr></thead><tbody>'
    ]
    for row, (method, scale, cells) in zip(wide.rows, page.rows, strict=True):
        texts = [f'<th scope="row">{html.escape(method)}</th><td>{html.escape(scale)}</td>']
        for column, shown in zip(columns, cells, strict=True):
            texts.append(_html_cell(row.entries[column], shown, link))
        lines.append(f"<tr>{''.join(texts)}</tr>")
    lines.append("</tbody></table>")
    return "\n".join(lines)


def _html_cell(entry: Entry, shown: Shown, link: Callable[[str], str | None]) -> str:
    text = html.escape(shown.text)
    text = {1: f"<strong>{text}</strong>", 2: f"<u>{text}</u>"}.get(shown.rank or 0, text)
    links = [
        f'<a href="{html.escape(to)}">{html.escape(run.rpartition("-")[2])}</a>'
        for run in entry.runs
        if (to := link(run))
    ]
    runs = f'<span class="runs">{" ".join(links)}</span>' if links else ""
    mark = f"<sup>{html.escape(shown.mark)}</sup>" if shown.mark else ""
    value = "" if entry.mean is None else f' data-value="{entry.mean:.6f}"'
    return f'<td{value} class="{html.escape(entry.state.replace(" ", "-"))}">{text}{mark}{runs}</td>'


def _shown(entry: Entry, reasons: dict[str, str]) -> Shown:
    marks = []
    for reason in entry.reasons:
        text = f"{entry.state}: {reason}"
        marks.append(reasons.setdefault(text, f"[{len(reasons) + 1}]"))
    if entry.mean is None:
        return Shown(text=entry.state, mark="".join(marks))
    spread = "" if entry.std is None else f" ± {100 * entry.std:.1f}"
    count = f" ({entry.seeds})" if entry.std is not None else ""
    return Shown(text=f"{100 * entry.mean:.1f}{spread}{count}", rank=entry.rank, mark="".join(marks))


def _differences(wide: Wide) -> list[tuple[str, ...]]:
    lines = []
    for row in wide.rows:
        for task in wide.tasks:
            entry = row.entries[task]
            for name, found in ((wide.baseline, entry.to_baseline), (wide.ceiling, entry.to_ceiling)):
                if found is not None:
                    lines.append(_difference(row, task, name, found))
    return lines


def _difference(row: Row, task: str, other: str, found: Difference) -> tuple[str, ...]:
    return (
        NAMES.get(row.method, row.method),
        row.scale or "none",
        task,
        NAMES.get(other, other),
        f"{100 * found.mean:+.1f}",
        f"{100 * found.low:+.1f} to {100 * found.high:+.1f}",
        f"{found.p:.3f}" if found.p >= 0.001 else "< 0.001",
    )


def _shares(wide: Wide) -> list[str]:
    notes = []
    for what, name in (("Unparsed answers", "unparsed"), ("Training samples filled at random", "filled")):
        found = [
            f"{NAMES.get(row.method, row.method)} {row.scale or 'none'} {task} {100 * share:.1f}%"
            for row in wide.rows
            for task in wide.tasks
            if (share := getattr(row.entries[task], name))
        ]
        notes.append(f"{what}: {'; '.join(found) or 'none'}.")
    return notes


def _pipes(heads: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> list[str]:
    rule = ["---"] * words + ["---:"] * (len(heads) - words)
    return [f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows)]


TEX = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
    "<": "$<$",
    ">": "$>$",
    "…": r"\ldots{}",
}


def _tex(text: str) -> str:
    return "".join(TEX.get(sign, sign) for sign in text)
