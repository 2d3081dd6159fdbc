"""Samples written as another trainer's dataset, and what that trainer has to make of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edt.students.format import format_reply
from edt.tuning.datasets import write_dataset
from edt.types import Pick, Sample, by_id
from tests.students.hub.tiny import samples

NASTY = "Is <image> at <video>, <audio>, <bbox>, <ref-object>, <cot-process> or <start-image>"


def written(
    kind: str, data: Path, folder: Path, some: Sequence[Sample] | None = None, *, style: str = "steps"
) -> Sequence[Sample]:
    """Of the four tiny samples, or of others."""
    some = samples(4) if some is None else some
    picks = [Pick(sample_id=sample.id, round=1, targeted=True, error_id="e", query="see") for sample in some]
    write_dataset(folder, picks, by_id(some), data, kind=kind, style=style)
    return some


def awkward() -> list[Sample]:
    """With and without steps and a picture, and with marks of the trainers in a user's words."""
    first, second, third, fourth = samples(4)
    return [
        first,
        second,
        replace(third, question=NASTY),
        replace(fourth, id="bare", image="", rationale=("Nothing is shown.", "So <video> is \u201cno\u201d.")),
    ]


def reply_of(sample: Sample) -> str:
    """The words that are to be learnt."""
    return format_reply(sample.rationale, sample.answer).replace("<video>", "< video>")
