"""One picture that shows a few questions of every task, a row each. Knows how to lay it out; chooses by rule."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from edt.pocket.census import stem
from edt.pocket.pictures import SIZE
from edt.types import Sample

COLUMNS, GAP, MARGIN, COLOURS = 6, 10, 8, 160
TITLE, QUESTION, ANSWER = 22, 15, 18
"""Sizes of type, in pixels; a line is a quarter higher."""
INK, GREY = (20, 20, 20), (95, 95, 95)


def draw(tasks: Mapping[str, Sequence[Sample]], root: Path) -> bytes:
    """The sheet as PNG; `root` is the folder that the samples' pictures are relative to."""
    rows = [_row(task, samples, root) for task, samples in tasks.items()]
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    content = io.BytesIO()
    sheet.quantize(COLOURS).save(content, "PNG", optimize=True)
    return content.getvalue()


def varied(samples: Sequence[Sample], number: int) -> list[Sample]:
    """Samples spread over a split, each with a picture and, as far as may be, an answer of its own."""
    chosen: list[Sample] = []
    for index in range(number):
        start = index * len(samples) // number
        turned = [*samples[start:], *samples[:start]]
        fresh = [one for one in turned if all(one.image != other.image for other in chosen)]
        answers = {other.answer for other in chosen}
        chosen.append(next((one for one in fresh if one.answer not in answers), fresh[0]))
    return chosen


def _row(task: str, samples: Sequence[Sample], root: Path) -> Image.Image:
    """A task: its name, pictures, questions and answers; a question that all share stands in the heading."""
    chosen = varied(samples, COLUMNS)
    common = {stem(sample.question) for sample in samples}
    asked = [[] if len(common) == 1 else _lines(_last_sentence(one.question), QUESTION) for one in chosen]
    answers = [_lines(sample.answer, ANSWER) for sample in chosen]
    top = MARGIN + _height(TITLE)
    below = top + SIZE + 4
    under = below + max(map(len, asked)) * _height(QUESTION)
    height = under + max(map(len, answers)) * _height(ANSWER) + MARGIN
    row = Image.new("RGB", (2 * MARGIN + COLUMNS * SIZE + (COLUMNS - 1) * GAP, height), "white")
    pen = ImageDraw.Draw(row)
    _heading(pen, task, common.pop() if len(common) == 1 else "")
    for column, sample in enumerate(chosen):
        left = MARGIN + column * (SIZE + GAP)
        with Image.open(root / sample.image) as picture:
            row.paste(picture, (left, top))
        _write(pen, asked[column], (left, below), QUESTION, GREY)
        _write(pen, answers[column], (left, below + len(asked[column]) * _height(QUESTION)), ANSWER, INK)
    return row


def _heading(pen: ImageDraw.ImageDraw, task: str, question: str) -> None:
    pen.text((MARGIN, MARGIN), task, INK, ImageFont.load_default(TITLE))
    after = MARGIN + pen.textlength(f"{task}  ", ImageFont.load_default(TITLE))
    pen.text((after, MARGIN + 3), question, GREY, ImageFont.load_default(ANSWER))


def _write(
    pen: ImageDraw.ImageDraw, lines: Sequence[str], corner: tuple[int, int], size: int, ink: tuple[int, int, int]
) -> None:
    for number, line in enumerate(lines):
        pen.text((corner[0], corner[1] + number * _height(size)), line, ink, ImageFont.load_default(size))


def _lines(text: str, size: int) -> list[str]:
    """`text` broken at spaces into lines no wider than a picture."""
    font, lines = ImageFont.load_default(size), [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > SIZE:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _last_sentence(question: str) -> str:
    return stem(question).rpartition(". ")[2]


def _height(size: int) -> int:
    return size * 5 // 4
