"""Comparisons of teachers and of ways to find the mistaken step, as tables and sentences. Counts nothing itself.

Reads the plain data that `experiments/compare.py` keeps, so that a table can be
made again from its file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edt.tables import markdown
from edt.tables.grids import Grid
from edt.tables.terminal import NAMES


def grids_of(data: Mapping[str, Any]) -> list[Grid]:
    """All tables of one comparison."""
    grids = [_placings(data), _costs(data), _by_task(data), _namings(data)]
    return [*grids, _agreements(data)] if data["agreements"] else grids


def notes_of(data: Mapping[str, Any]) -> list[str]:
    """What a reader must know to read them."""
    errors = data["errors"]
    of_task = ", ".join(f"{task} {n}" for task, n in errors["by_task"].items())
    first = errors["by_step"].get("1", 0) / errors["n"]
    notes = [
        f"{errors['n']} errors ({of_task}; {_listed(errors['by_origin'])}), first wrong step {_by_step(errors)}; "
        f"the set is {errors['digest']}.",
        f"Whoever always blames the first step is right for {markdown.percent(first)}%.",
        "Percentages with 95% intervals after Wilson. An abstention counts as not placed. A skill is found where the "
        "first hit of BM25 for it is a supporting sample that needs the planted one; beside an identifier it is the "
        "skill that was named for the step which that blamed.",
    ]
    if any(not _bill(row)["counted"] for row in [*_measured(data), *data["namings"]]):
        notes.append(
            "Tokens of teachers that do not count them are characters / 4. Seconds are on this machine, without the "
            "loading of a model."
        )
    notes += _purchases(data)
    notes += [f"{row['teacher']} with {_name(row)}: not comparable ({row['refused']})" for row in _refused(data)]
    if paper := data["paper"]:
        order = [name for name, _ in sorted(paper["scores"].items(), key=lambda item: item[1])]
        verdict = "holds" if _in_order(data, order) else "does not hold"
        notes.append(
            f"Paper: {paper['paper']}, accuracy on ScienceQA with its own student ({paper['source']}). "
            f"The order of its rows, {markdown.listed(NAMES.get(name, str(name)) for name in order)}, {verdict} here."
        )
    return notes


def to_markdown(data: Mapping[str, Any]) -> str:
    """The whole comparison as a page."""
    parts = [f"# {data['title']}"]
    for grid in grids_of(data):
        parts += [f"## {grid.title}", markdown.table(grid.heads, grid.rows, words=grid.words)]
    return markdown.blocks(*parts, "## Notes", "\n".join(f"- {note}" for note in notes_of(data))) + "\n"


def _placings(data: Mapping[str, Any]) -> Grid:
    paper = data["paper"]
    heads = ("teacher", "identifier", "exact % (95%)", "±1 %", "abstained", "unread", *(["paper %"] if paper else []))
    rows = []
    for row in _measured(data):
        of = row["placing"]
        known = paper["scores"].get(row["identifier"]) if paper else None
        rows.append(
            (
                row["teacher"],
                _name(row),
                _with_interval(of["exact"]),
                _percent(of["near"]),
                str(of["abstained"]),
                str(of["failed"]),
                *([] if not paper else [f"{known:.1f}" if known is not None else "unknown"]),
            )
        )
    return Grid(title="The step that went wrong", heads=heads, rows=tuple(rows), words=2)


def _costs(data: Mapping[str, Any]) -> Grid:
    return Grid(
        title="What it found and what it took",
        heads=("teacher", "identifier", "source", "skill found %", "calls", "tokens", "dollars", "seconds"),
        rows=tuple(
            (row["teacher"], _name(row), row["source"], _percent(row["placing"]["found"]), *_cost(_bill(row)))
            for row in _measured(data)
        ),
        words=3,
    )


def _by_task(data: Mapping[str, Any]) -> Grid:
    tasks = list(data["errors"]["by_task"])
    return Grid(
        title="Exact by task, %",
        heads=("teacher", "identifier", *tasks),
        rows=tuple(
            (row["teacher"], _name(row), *(_percent(row["placing"]["by_task"][task]) for task in tasks))
            for row in _measured(data)
        ),
        words=2,
    )


def _namings(data: Mapping[str, Any]) -> Grid:
    return Grid(
        title="The skill behind the true step",
        heads=("teacher", "named", "unread", "found % (95%)", "calls", "tokens", "dollars", "seconds"),
        rows=tuple(
            (
                row["teacher"],
                str(row["naming"]["named"]),
                str(row["naming"]["failed"]),
                _with_interval(row["naming"]["found"]),
                *_cost(_bill(row)),
            )
            for row in data["namings"]
        ),
    )


def _agreements(data: Mapping[str, Any]) -> Grid:
    rows = []
    for identifier, pairs in data["agreements"].items():
        for pair in pairs:
            words = "–" if pair["overlap"] is None else f"{pair['overlap']:.2f} ({pair['compared']})"
            rows.append((f"{pair['first']}, {pair['second']}", identifier, f"{pair['kappa']:.2f}", words))
    return Grid(
        title="Agreement between teachers",
        heads=("teachers", "identifier", "kappa of the step", "overlap of the skill (n)"),
        rows=tuple(rows),
        words=2,
    )


def _purchases(data: Mapping[str, Any]) -> list[str]:
    """What each teacher that has a price was paid for, beside what it had said already; a line a teacher."""
    bills: dict[str, list[Mapping[str, Any]]] = {}
    for row in [*_measured(data), *data["namings"]]:
        if _bill(row).get("bought") is not None:
            bills.setdefault(row["teacher"], []).append(_bill(row))
    lines = []
    for teacher, of in bills.items():
        calls, bought = (sum(bill[name] for bill in of) for name in ("calls", "bought"))
        paid = f"{bought} were bought, retries included; the others are" if bought else "nothing was bought: all are"
        lines.append(f"{teacher}: of {calls} calls {paid} out of the call book or a recording, as their tokens are.")
    return lines


def _measured(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row for row in data["rows"] if not row["refused"]]


def _refused(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row for row in data["rows"] if row["refused"]]


def _bill(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return (row.get("placing") or row["naming"])["bill"]


def _name(row: Mapping[str, Any]) -> str:
    return NAMES.get(row["identifier"], str(row["identifier"]))


def _in_order(data: Mapping[str, Any], order: Sequence[str]) -> bool:
    """Whether our shares rise in the order of the paper's, all of them being measured."""
    ours = {row["identifier"]: row["placing"]["exact"]["count"] for row in _measured(data)}
    counts = [ours.get(name, -1) for name in order]
    return all(a < b for a, b in zip([-1, *counts], counts, strict=False))


def _cost(bill: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return str(bill["calls"]), str(bill["tokens"]), f"{bill['usd']:.2f}", f"{bill['seconds']:.0f}"


def _percent(share: Mapping[str, Any]) -> str:
    return f"{100 * share['count'] / share['n']:.1f}"


def _with_interval(share: Mapping[str, Any]) -> str:
    return f"{_percent(share)} ({100 * share['low']:.1f}–{100 * share['high']:.1f})"


def _by_step(errors: Mapping[str, Any]) -> str:
    return ", ".join(f"{step} in {n}" for step, n in errors["by_step"].items())


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts.items())
