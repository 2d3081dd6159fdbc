"""Pictures of a table's report for the documents: on a desktop, at night with one run and one error opened, on a phone.

    python experiments/screenshots.py outputs/tables/ladder/report.html [--docs FOLDER]

Leaves report.png, report_dark.png and report_phone.png, by headless Chromium.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from edt.browser import Browser, Page
from edt.cli import say_errors
from edt.errors import EdtError
from edt.paths import check_writable, replacing

COLOURS = 256
"""Of a palette: enough for a page with a few small pictures, and a third of the bytes."""
SETTLED = "new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)))"
OPEN = """(() => {
  const listed = [...document.querySelectorAll("#list details")];
  const shown = errors.filter(fits).slice(0, listed.length);
  const telling = shown.findIndex((one) => one.evidence.length && one.picks.length && one.after === "right");
  const item = listed[Math.max(0, telling)];
  item.open = true;
  item.scrollIntoView();
})()"""
"""Open the first error that was placed and mended, else the first."""
RUN = "(errors.find((one) => one.evidence.length && one.after === 'right') ?? errors[0])?.run ?? null"


@dataclass(frozen=True)
class View:
    """One picture: its window, and what of the page is in it."""

    name: str
    width: int
    height: int
    dark: bool = False
    scale: int = 1
    at: str = "top"
    """top, run, or error."""


VIEWS = (
    View("report", 1280, 1000),
    View("report_dark", 1280, 1400, dark=True, at="run"),
    View("report_phone", 360, 1000, scale=2, at="error"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, help="a report.html that sweep.py has made")
    parser.add_argument("--docs", type=Path, default=Path(__file__).parent.parent / "docs", help="the folder to fill")
    options = parser.parse_args()
    if not options.report.is_file():
        raise EdtError(
            f"there is no {options.report}; python sweep.py table=NAME makes outputs/tables/NAME/report.html"
        )
    check_writable(options.docs, "--docs")
    with Browser() as browser:
        for view in VIEWS:
            page = browser.open(options.report, width=view.width, height=view.height, dark=view.dark, scale=view.scale)
            path = options.docs / f"{view.name}.png"
            with replacing(path) as beside:
                beside.write_bytes(_small(_seen(page, view, options.report)))
            print(path)


def _seen(page: Page, view: View, report: Path) -> bytes:
    if not page.run("document.getElementById('list') !== null && document.getElementById('run') !== null"):
        way_out = "make it anew with `python sweep.py table=NAME action=render`"
        raise EdtError(f"{report} is no report that this version has made; {way_out}")
    if view.at != "top" and (run := page.run(RUN)) is not None:
        page.run(f"location.hash = '#run=' + encodeURIComponent({json.dumps(run)})")
        page.run(SETTLED)
        page.run(OPEN)
        if view.at == "run":
            page.run("document.getElementById('run').scrollIntoView()")
    page.run(SETTLED)
    return page.picture()


def _small(picture: bytes) -> bytes:
    """The same as PNG with a palette."""
    stream = io.BytesIO()
    few = (
        Image.open(io.BytesIO(picture))
        .convert("RGB")
        .quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    )
    few.save(stream, "png", optimize=True)
    return stream.getvalue()


if __name__ == "__main__":
    sys.exit(say_errors(main))
