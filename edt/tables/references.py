"""The known figures of a published table, laid beside one of ours.

Knows `references.yaml` and what of ours each of its figures stands for. Known
is what the file has, and all else is unknown: nothing is filled in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from edt.errors import EdtError
from edt.tables.headline import headline_of
from edt.tables.shape import MEAN, Entry, Reference, Row, Wide

UNTUNED = "0"
"""The published scale of a method that tunes on nothing."""


@dataclass
class PublishedRow:
    """A method at a scale; a figure a column, in percent."""

    method: str
    scores: list[float]
    scale: str = ""


@dataclass
class Published:
    """What is known of a published table."""

    paper: str
    source: str
    """Where the figures were found."""
    columns: list[str]
    rows: list[PublishedRow]
    student: str = "unknown"
    teacher: str = "unknown"


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Our names to the published ones; what is in none of them has no counterpart."""

    tasks: Mapping[str, str] = field(default_factory=dict)
    methods: Mapping[str, str] = field(default_factory=dict)
    scales: Mapping[str, str] = field(default_factory=dict)


def read_published(path: Path, name: str) -> Published:
    """The table of that name in a file of them; EdtError where it is not there or is unsound."""
    if not path.is_file():
        raise EdtError(
            f"there is no {path}, which should have the reference {name!r}; leave `reference` out, or add it"
        )
    try:
        known: Any = OmegaConf.load(path)
        if name not in known:
            raise EdtError(f"{path} has no reference {name!r}; choose of: {', '.join(map(str, known))}")
        found = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Published), known[name]))
    except (OmegaConfBaseException, ValueError, TypeError, YAMLError) as error:
        raise EdtError(f"{path}: {' '.join(str(error).split())}") from None
    assert isinstance(found, Published)
    _check(found, f"{path}: {name}")
    return found


def _check(published: Published, where: str) -> None:
    if len(set(published.columns)) < len(published.columns) or MEAN in published.columns:
        raise EdtError(f"{where}: columns must be distinct, and none may be {MEAN!r}: {published.columns}")
    places = [(row.method, row.scale) for row in published.rows]
    if len(set(places)) < len(places):
        raise EdtError(f"{where}: two rows are of one method and scale; take one out")
    for row in published.rows:
        if len(row.scores) != len(published.columns):
            raise EdtError(f"{where}: {row.method} has {len(row.scores)} scores for {len(published.columns)} columns")
        if not all(0 <= score <= 100 for score in row.scores):
            raise EdtError(f"{where}: {row.method} has a score that is no percentage: {row.scores}")


def check_likeness(likeness: Likeness, published: Published, where: str) -> None:
    """EdtError where a name is to stand for something that the published table does not have."""
    theirs = {
        "reference_tasks": (likeness.tasks, published.columns),
        "reference_methods": (likeness.methods, [row.method for row in published.rows]),
        "reference_scales": (likeness.scales, [row.scale for row in published.rows]),
    }
    for name, (given, known) in theirs.items():
        for mine, other in given.items():
            if other not in known:
                known_names = ", ".join(dict.fromkeys(known))
                raise EdtError(f"{where}: {name} has {mine!r} stand for {other!r}; the reference has {known_names}")


def beside(wide: Wide, published: Published, likeness: Likeness, *, ours: str, headline_scale: str) -> Reference:
    """The published figures at the rows and columns of `wide`; its headline is of all its own columns."""
    whole = {(row.method, row.scale): _entries(published, row) for row in published.rows}
    rows, scales = [], []
    for row in wide.rows:
        scale = UNTUNED if not row.scale else likeness.scales.get(row.scale, "")
        found = whole.get((likeness.methods.get(row.method, ""), scale), {})
        entries = {task: found.get(likeness.tasks.get(task, ""), UNKNOWN) for task in wide.tasks}
        rows.append(Row(method=row.method, scale=row.scale, entries={**entries, MEAN: _mean(entries)}))
        scales.append(scale)

    def named(method: str) -> str:
        return likeness.methods.get(method, method)

    return Reference(
        paper=published.paper,
        source=published.source,
        student=published.student,
        teacher=published.teacher,
        columns={task: likeness.tasks[task] for task in wide.tasks if task in likeness.tasks},
        scales=tuple(scales),
        rows=tuple(rows),
        headline=headline_of(
            [Row(method=method, scale=scale, entries=entries) for (method, scale), entries in whole.items()],
            published.columns,
            ours=named(ours),
            baseline=named(wide.baseline),
            ceiling=named(wide.ceiling),
            scale=likeness.scales.get(headline_scale, headline_scale),
        ),
    )


UNKNOWN = Entry(state="unknown")


def _entries(published: Published, row: PublishedRow) -> dict[str, Entry]:
    scores = zip(published.columns, row.scores, strict=True)
    return {column: Entry(state="known", mean=round(score / 100, 6)) for column, score in scores}


def _mean(entries: Mapping[str, Entry]) -> Entry:
    known = [entry.mean for entry in entries.values() if entry.mean is not None]
    if not known or len(known) < len(entries):
        return UNKNOWN
    return Entry(state="known", mean=sum(known) / len(known))
