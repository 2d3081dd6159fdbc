"""Pages are seen, pressed and heard as a person at a browser would."""

import io
from typing import Any

import pytest
from PIL import Image

from edt.browser import Browser
from edt.errors import EdtError
from tests.chromium import in_chromium
from tests.sweep.test_sweep import wait_for

PAGE = "<!doctype html><style>@media (prefers-color-scheme: dark) { body { background: black } }</style><p>Hello</p>"
SIZE: dict[str, Any] = {"width": 360, "height": 200}


@pytest.fixture
def written(tmp_path):
    def write(more=""):
        (tmp_path / "page.html").write_text(PAGE + more, "utf-8")
        return tmp_path / "page.html"

    return write


@in_chromium
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("console.error('the page is ' + 'unwell')", "the page is unwell"),
        ("setTimeout(() => nothing_of_this_name(), 0)", "nothing_of_this_name is not defined"),
        ("const image = new Image(); image.src = 'gone.png'; document.body.append(image)", "ERR_FILE_NOT_FOUND"),
    ],
)
def test_what_a_page_complains_of_is_heard(browser, written, script, said):
    page = browser.open(written(f"<script>{script}</script>"), **SIZE)
    wait_for(lambda: page.run("1") and page.complaints)
    assert len(page.complaints) == 1
    assert said in page.complaints[0]
    calm = browser.open(written("<script>console.log('all is well')</script>"), **SIZE)
    assert calm.run("document.body.innerText") == "Hello"
    assert calm.complaints == []


@in_chromium
@pytest.mark.parametrize(("dark", "corner"), [(False, (255, 255, 255)), (True, (0, 0, 0))])
def test_a_picture_has_the_size_and_the_colours_that_were_asked_for(browser, written, dark, corner):
    page = browser.open(written(), **SIZE, dark=dark, scale=2)
    picture = Image.open(io.BytesIO(page.picture())).convert("RGB")
    assert picture.size == (720, 400)
    assert picture.getpixel((0, 0)) == corner


@in_chromium
def test_what_chromium_cannot_do_is_one_sentence(browser, written):
    page = browser.open(written(), **SIZE)
    with pytest.raises(EdtError, match="a script failed: ReferenceError: nobody is not defined"):
        page.run("nobody")
    with pytest.raises(EdtError, match=r"Chromium cannot do Page\.fly: "):
        page.ask("Page.fly")


@in_chromium
def test_a_browser_that_ended_is_said(written):
    with Browser() as short:
        short.open(written(), **SIZE)
        short.ask("Browser.close")
        with pytest.raises(EdtError, match="Chromium ended"):
            wait_for(lambda: not short.ask("Browser.getVersion"))
