"""Pictures of a report for the documents, made as a user makes them."""

import sys

import pytest
from PIL import Image, ImageStat

from tests.harness import ROOT, run_apart
from tests.sweep.test_report import in_chromium, report  # noqa: F401

SCRIPT = [sys.executable, "experiments/screenshots.py"]
SIZES = {"report": (1280, 1000), "report_dark": (1280, 1400), "report_phone": (720, 2000)}
MOST = 300_000
"""Bytes of a picture that is kept with the code."""


@in_chromium
def test_a_report_is_pictured_by_day_by_night_and_on_a_phone(report, tmp_path):  # noqa: F811
    done = run_apart([*SCRIPT, str(report), "--docs", str(tmp_path)], timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / f"{name}.png") for name in SIZES]
    pictures = {name: Image.open(tmp_path / f"{name}.png") for name in SIZES}
    assert {name: picture.size for name, picture in pictures.items()} == SIZES
    bright = {name: ImageStat.Stat(picture.convert("L")).mean[0] for name, picture in pictures.items()}
    assert bright["report_dark"] < 100 < 150 < min(bright["report"], bright["report_phone"])
    # an error is open there: nothing else of the page is as red as the picture of its question
    assert {name: red(picture) > 10_000 for name, picture in pictures.items()} == {
        "report": False,
        "report_dark": True,
        "report_phone": True,
    }


def red(picture):
    """How many of its dots are."""
    colours = picture.convert("RGB").getcolors(1 << 24)
    return sum(count for count, (r, g, b) in colours if r > 230 and g < 40 and b < 40)


@in_chromium
def test_a_page_that_is_no_report_is_named(tmp_path):
    (tmp_path / "page.html").write_text("<p>Nothing of ours</p>")
    done = run_apart([*SCRIPT, str(tmp_path / "page.html"), "--docs", str(tmp_path)], timeout=120)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"error: {tmp_path / 'page.html'} is no report that this version has made; make it anew"
    )


def test_a_report_that_is_not_there_is_named(tmp_path):
    done = run_apart([*SCRIPT, str(tmp_path / "none.html")])
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"error: there is no {tmp_path / 'none.html'}; python sweep.py table=NAME makes")


def test_who_has_no_chromium_is_told(tmp_path, monkeypatch):
    (tmp_path / "page.html").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run_apart([*SCRIPT, str(tmp_path / "page.html"), "--docs", str(tmp_path)])
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: there is no Chromium here; install one of chromium, chromium-browser")


@pytest.mark.parametrize("name", SIZES)
def test_readme_shows_pictures_that_are_small(name):
    picture = ROOT / "docs" / f"{name}.png"
    assert f"(docs/{name}.png)" in (ROOT / "README.md").read_text("utf-8")
    assert picture.stat().st_size < MOST
    assert Image.open(picture).size == SIZES[name]
