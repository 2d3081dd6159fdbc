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
from rich.console import Group
from rich.table import Table
from rich.text import Text

from edt.tables.escape import markdown as md
from edt.tables.escape import one_line, tex
from edt.tables.markdown import table
from edt.tables.terminal import NAMES
from edt.tables.wide import MEAN, Difference, Entry, Headline, Reference, Row, Wide


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is read at one place."""

    text: str
    rank: int | None = None
    mark: str = ""
    """Footnote marks."""
    unknown: bool = False
    """Set off from figures and from the states of our own cells."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything that any format shows, in words."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Shown, ...]], ...]
    """(method, scale, a cell a column)"""
    differences: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    reference: Page | None = None
    """What is known of a published table, row for row; its notes are among those of ours."""


DIFFERENCE_HEADS = ("method", "samples", "task", "difference to", "points", "95% interval", "p (Holm)")


def page_of(wide: Wide) -> Page:
    """A table in words. Footnotes: a state that is not measured, unparsed answers, filled samples."""
    reasons: dict[str, str] = {}
    rows = tuple(
        (
            named(row.method),
            one_line(row.scale) or "none",
            tuple(_shown(row.entries[column], reasons) for column in (*wide.tasks, MEAN)),
        )
        for row in wide.rows
    )
    notes = [
        f"Accuracy in percent on the {wide.split} split: mean ± sample standard deviation over seeds (number of "
        "seeds). Best in bold, second underlined, at each number of samples, only with two seeds or more.",
        coverage_line(wide),
        *headline_lines(wide.headline, baseline=wide.baseline, ceiling=wide.ceiling),
        *_reference_notes(wide),
        *_shares(wide),
        *(f"{mark} {reason}" for reason, mark in reasons.items()),
    ]
    return Page(
        title=one_line(f"{wide.title}, {wide.split} split"),
        heads=("method", "samples", *map(one_line, wide.tasks), MEAN),
        rows=rows,
        differences=tuple(tuple(map(one_line, line)) for line in _differences(wide)),
        notes=tuple(map(one_line, notes)),
        reference=None if wide.reference is None else _reference_page(wide, wide.reference),
    )


def _reference_page(wide: Wide, known: Reference) -> Page:
    def shown(entry: Entry) -> Shown:
        return Shown(text="unknown", unknown=True) if entry.mean is None else Shown(text=f"{100 * entry.mean:.2f}")

    rows = []
    for row, scale in zip(known.rows, known.scales, strict=True):
        ours = one_line(row.scale) or "none"
        other = one_line(scale) if row.scale and scale != row.scale else ""
        entries = tuple(shown(row.entries[column]) for column in (*wide.tasks, MEAN))
        rows.append((named(row.method), f"{ours} ↔ {other}" if other else ours, entries))
    heads = [one_line(known.columns.get(task, task)) for task in wide.tasks]
    return Page(
        title=one_line(f"Reference ({known.paper}, other student and data)"),
        heads=("method", "samples", *heads, MEAN),
        rows=tuple(rows),
        differences=(),
        notes=(),
    )


def _reference_notes(wide: Wide) -> list[str]:
    """The published headlines beside ours, and why nothing of them is to be compared with ours."""
    if (known := wide.reference) is None:
        return []
    lines = headline_lines(
        known.headline, baseline=wide.baseline, ceiling=wide.ceiling, whose="Reference headlines, from its own cells,"
    )
    return [
        *lines,
        f"Reference: {known.paper}; student {known.student}, teacher {known.teacher}. Source: {known.source}.",
        "The reference is not comparable with our figures: another student, other tasks and questions, another "
        "supporting dataset. It shows what was reported there, and no difference to it is taken. What is not known of "
        "it is unknown; its means over tasks, and its headlines, are computed here from the cells that are known.",
    ]


def named(method: str) -> str:
    """How a method is called in every format."""
    return one_line(NAMES.get(method, method))


def coverage_line(wide: Wide) -> str:
    total = sum(wide.coverage.values())
    states = ", ".join(f"{count} {state}" for state, count in sorted(wide.coverage.items()))
    return f"Coverage: {wide.coverage.get('measured', 0)} of {total} runs measured ({states or 'none'})."


def headline_lines(headline: Headline, *, baseline: str, ceiling: str, whose: str = "Headlines") -> list[str]:
    """The paper's two headlines, or why they cannot be had."""
    if headline.reason:
        return [f"{whose} at {headline.scale} samples: not to be had ({headline.reason})."]
    top, base = named(ceiling), named(baseline)
    assert headline.worst_ratio is not None
    assert headline.mean_ratio is not None
    assert headline.mean_gain is not None
    return [
        f"{whose} at {headline.scale} samples: the worst task ({headline.worst_task}) reaches "
        f"{100 * headline.worst_ratio:.2f}% of {top}, the mean {100 * headline.mean_ratio:.2f}%; mean gain over {base} "
        f"{100 * headline.mean_gain:+.2f} points, ahead on {headline.tasks_ahead} of {headline.tasks} tasks."
    ]


def markdown(wide: Wide) -> str:
    page = page_of(wide)
    lines = [f"# {md(page.title)}", "", _markdown_table(page)]
    if page.reference is not None:
        lines += ["", f"## {md(page.reference.title)}", "", _markdown_table(page.reference), "", "## Notes"]
    lines += ["", *(f"- {md(note)}" for note in page.notes)]
    if page.differences:
        differences = [[*map(md, line)] for line in page.differences]
        lines += ["", "## Differences", "", table(DIFFERENCE_HEADS, differences, words=4)]
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
            r"\usepackage{booktabs}",
            r"\usepackage[margin=1cm,landscape]{geometry}",
            r"\begin{document}",
            *_latex_table(page),
            *([] if page.reference is None else _latex_table(page.reference)),
            *(rf"\noindent {tex(note)}\par" for note in page.notes),
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
        rf"\caption{{{tex(page.title)}}}",
        rf"\begin{{tabular}}{{ll{'r' * (len(page.heads) - 2)}}}",
        r"\toprule",
        " & ".join(map(tex, page.heads)) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
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
    """Our table, and below it what is known of its reference."""
    page = page_of(wide)
    return Group(*(_terminal_table(one) for one in (page, page.reference) if one is not None))


def _terminal_table(page: Page) -> Table:
    grid = Table(title=Text(page.title, "table.title"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for head in page.heads:
        grid.add_column(Text(head.removeprefix("pocket_")), justify="left" if head == "method" else "right")
    last = None
    for method, scale, cells in page.rows:
        if last not in (None, scale):
            grid.add_section()
        last = scale
        styles = {1: "bold", 2: "underline"}
        texts = [
            Text.assemble((shown.text, styles.get(shown.rank or 0, "italic" if shown.unknown else "")), shown.mark)
            for shown in cells
        ]
        grid.add_row(Text(method), Text(scale), *texts)
    return grid


def html_table(wide: Wide, link: Callable[[str], str | None]) -> str:
    """The tables alone, sortable by whoever frames them; `link` says where a run's page is, if it has one."""
    page = page_of(wide)
    text = _html_table(page, wide.rows, wide.tasks, link)
    if page.reference is None or wide.reference is None:
        return text
    return f"{text}\n{_html_table(page.reference, wide.reference.rows, wide.tasks, link)}"


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


def _shown(entry: Entry, reasons: dict[str, str]) -> Shown:
    marks = []
    for reason in entry.reasons:
        text = one_line(f"{entry.state}: {reason}")
        marks.append(reasons.setdefault(text, f"[{len(reasons) + 1}]"))
    if entry.mean is None:
        return Shown(text=entry.state, mark="".join(marks))
    spread = "" if entry.std is None else f" ± {100 * entry.std:.1f}"
    count = f" ({entry.seeds})" if entry.std is not None else ""
    return Shown(text=f"{100 * entry.mean:.1f}{spread}{count}", rank=entry.rank, mark="".join(marks))


def _differences(wide: Wide) -> list[tuple[str, ...]]:
    lines = []
    for row in wide.rows:
        for column in (*wide.tasks, MEAN):
            entry = row.entries[column]
            for kind, other in (("to_baseline", wide.baseline), ("to_ceiling", wide.ceiling)):
                found, reason = getattr(entry, kind), entry.not_comparable.get(kind)
                if found is not None or reason is not None:
                    figures = _figures(found) if found is not None else ("not comparable", reason or "", "")
                    lines.append((named(row.method), row.scale or "none", column, named(other), *figures))
    return lines


def _figures(found: Difference) -> tuple[str, str, str]:
    return (
        f"{100 * found.mean:+.1f}",
        f"{100 * found.low:+.1f} to {100 * found.high:+.1f}",
        f"{found.p:.3f}" if found.p >= 0.001 else "< 0.001",
    )


def _shares(wide: Wide) -> list[str]:
    notes = []
    for what, name in (("Unparsed answers", "unparsed"), ("Training samples filled at random", "filled")):
        found = [
            f"{named(row.method)} {row.scale or 'none'} {task} {100 * share:.1f}%"
            for row in wide.rows
            for task in wide.tasks
            if (share := getattr(row.entries[task], name))
        ]
        notes.append(f"{what}: {'; '.join(found) or 'none'}.")
    return notes


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
