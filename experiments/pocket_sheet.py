"""Draws docs/pocket.png: a few test pictures of every Pocket task with their answers.

python experiments/pocket_sheet.py
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from edt.pocket.pictures import SIZE
from edt.pocket.targets import TASKS
from edt.tasks.pocket import PocketTask

COLUMNS, LABEL = 8, 18


def main() -> None:
    sheet = Image.new("RGB", (COLUMNS * SIZE, len(TASKS) * (SIZE + LABEL)), "white")
    draw = ImageDraw.Draw(sheet)
    for row, name in enumerate(TASKS):
        task = PocketTask(name)
        for column, sample in enumerate(task.test[: 2 * COLUMNS : 2]):
            corner = (column * SIZE, row * (SIZE + LABEL))
            with Image.open(task.root / sample.image) as picture:
                sheet.paste(picture, corner)
            draw.text((corner[0] + 4, corner[1] + SIZE + 2), sample.answer, fill="black")
    target = Path("docs/pocket.png")
    target.parent.mkdir(exist_ok=True)
    sheet.quantize(128).save(target, optimize=True)


if __name__ == "__main__":
    main()
