"""The report of a small table, as a reader has it in headless Chromium: by mouse, by keys, on a phone, at night."""

import itertools
import json
import math
import re
import shutil
from dataclasses import replace

import pytest
from PIL import Image

from edt.sweep.command import sweep
from edt.tables.cells import read_cells, write_cells
from tests.chromium import in_chromium
from tests.sweep.test_sweep import TABLE, options, place, wait_for  # noqa: F401

DATA = re.compile(r'(<script id="data" type="application/json">)(.*?)(</script>)', re.DOTALL)
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
EDT, RANDOM, PRETRAINED = "fake-96-edt-s0", "fake-96-random-s0", "fake-none-pretrained-s0"
HEAD = "document.querySelector('#table thead button')"
METHODS = "[...document.querySelectorAll('#table tbody tr')].map((row) => row.cells[0].textContent)"
COUNT = "document.getElementById('count').textContent"
OPENED = "document.getElementById('run').innerText"
FOCUSED = "document.activeElement.textContent"
DRAWN = "new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)))"
OPEN_FIRST = "document.querySelector('#list details').open = true"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Of one task; the pictures of its questions and of the supporting dataset have one name and differ."""
    place = tmp_path_factory.mktemp("table")  # noqa: F811
    (place / "experiments").mkdir()
    (place / "experiments" / "small.yaml").write_text(TABLE)
    sweep(options(place, "tasks=fake", *pictured(place, question="red", supporting="blue")))
    return place / "output" / "small" / "report.html"


def pictured(place, **colours):  # noqa: F811
    """Options for datasets with a `picture.png` of that colour each."""
    for name, colour in colours.items():
        (place / name).mkdir()
        Image.new("RGB", (40, 30), colour).save(place / name / "picture.png")
    return [f"task.root={place / 'question'}", f"supporting.root={place / 'supporting'}"]


def data_of(page):
    found = DATA.search(page.read_text("utf-8"))
    assert found
    return json.loads(found[2])


def choose(page, name, value):
    field = f"document.getElementById('filters').elements.{name}"
    page.run(f"{field}.value = '{value}'; ['input', 'change'].forEach((one) => {field}.dispatchEvent(new Event(one)))")
    return int(page.run(COUNT).split()[0])


def open_error(page):
    """The first one's text and the widths of its pictures, once they are drawn."""
    page.run(OPEN_FIRST)
    page.run(DRAWN)
    images = "[...document.querySelectorAll('#list details[open] img')]"
    widths = page.run(f"Promise.all({images}.map((one) => one.decode().then(() => one.naturalWidth)))")
    return page.run("document.querySelector('#list details').innerText"), widths


@in_chromium
def test_the_report_opens_sorts_filters_and_shows_pictures(browser, report):
    page = browser.open(report, **DESKTOP)
    assert page.run(METHODS) == ["pre-trained", "Random", "error-driven"]
    for order in (["Random", "error-driven", "pre-trained"], ["pre-trained", "error-driven", "Random"]):
        page.run(f"{HEAD}.click()")
        assert page.run(METHODS) == order
    total = len(data_of(report)["errors"])
    assert page.run(COUNT) == f"{total} of {total} errors"
    assert 0 < choose(page, "state", "abstained") < total
    assert choose(page, "state", "") == total
    assert 0 < choose(page, "skill", "LAMP") < total
    said, widths = open_error(page)
    assert "Missing skill: find the lamp in a room" in said
    assert widths == [40] * (1 + said.count("rank "))
    assert len(widths) > 1
    plots = page.run("Promise.all([...document.images].map((one) => one.decode().then(() => one.naturalWidth)))")
    assert len(plots) > len(widths)
    assert min(plots) > 0
    assert page.complaints == []


@in_chromium
def test_a_link_to_a_run_opens_it_with_its_errors_and_findings(browser, report):
    page = browser.open(report, **DESKTOP, part=f"#run={EDT}")
    errors = [error for error in data_of(report)["errors"] if error["run"] == EDT]
    assert page.run(COUNT).startswith(f"{len(errors)} of ")
    said = page.run(OPENED)
    for words in (EDT, "measured", "96 samples", f"small/{EDT}", "round 1: ", "no gain after tuning: ", "(n = 24"):
        assert words in said
    assert page.run(FOCUSED) == EDT
    # every cell of the table has a link to each of its runs
    to = page.run("[...document.querySelectorAll('#table td a')].map((link) => link.hash)")
    assert to == [f"#run={run}" for run in (PRETRAINED, RANDOM, EDT)]
    page.run("document.querySelector('#table td a').click()")
    wait_for(lambda: page.run(FOCUSED) == PRETRAINED)
    assert "its method looks at none" in page.run(OPENED)
    assert page.run("document.getElementById('run').getBoundingClientRect().top < innerHeight")
    page.run("scrollTo(0, 0); document.querySelector('#table td a').click()")  # the address is the same by now
    assert page.run("scrollY") > 0
    assert choose(page, "run", EDT) == len(errors)
    assert page.run(FOCUSED) != EDT
    assert EDT in page.run(OPENED)
    choose(page, "run", "")
    assert page.run("document.getElementById('run').hidden")
    page.run("location.hash = '#run=100%25'")
    wait_for(lambda: page.run(OPENED) == "There is no run 100% in this table")
    assert page.complaints == []


@in_chromium
def test_the_report_is_used_by_keys_alone(browser, report):
    page = browser.open(report, **DESKTOP)
    for _ in range(20):
        page.press("Tab")
        if page.run(f"document.activeElement === {HEAD}"):
            break
    assert page.run(FOCUSED) == "method"
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press("Enter")
    assert page.run(METHODS) == ["Random", "error-driven", "pre-trained"]
    page.press(" ")
    assert page.run(METHODS) == ["pre-trained", "error-driven", "Random"]
    page.run("document.querySelector('#list summary').focus()")
    for key, opened in (("Enter", True), (" ", False)):
        page.press(key)
        assert page.run("document.querySelector('#list details').open") is opened
    page.run(f"document.querySelector('#run-list a[href=\"#run={RANDOM}\"]').focus()")
    page.press("Enter")
    wait_for(lambda: page.run(FOCUSED) == RANDOM)
    assert page.complaints == []


def lengthened(report, path):
    """The report as it would be with long names, sentences and answers, and many errors."""
    data = data_of(report)
    name, words = "a_name_without_any_gap_" * 6, "many words of an answer "
    for error in data["errors"]:
        shares = {f"{words * 3}{number}": 0.2 for number in range(5)}
        error["evidence"] = [{"steps": steps, "shares": shares} for steps in (1, 3)]  # as where a verdict was not read
        error |= {"question": name, "skill": f"{words}{name}", "reason": name, "steps": [name], "answer": name}
    for run in data["runs"]:
        run |= {"reason": name, "folder": f"{name}/{run['run']}"}
    data["errors"] *= 1 + 250 // len(data["errors"])
    text = DATA.sub(lambda found: found[1] + json.dumps(data) + found[3], report.read_text("utf-8"))
    path.write_text(text, "utf-8")
    return path, len(data["errors"])


@in_chromium
def test_nothing_is_wider_than_a_phone(browser, report, tmp_path):
    longer, _ = lengthened(report, tmp_path / "longer.html")
    page = browser.open(longer, **PHONE, part=f"#run={EDT}")
    assert page.run("innerWidth") == 360
    open_error(page)
    assert page.run("document.querySelectorAll('.evidence').length") == 1
    assert page.run("[...document.querySelectorAll('.evidence tbody tr')].map((row) => row.cells[0].textContent)") == [
        "step 1",
        "step 3",
    ]
    assert page.run("document.documentElement.scrollWidth") == 360
    # what is wider can be moved about in its own box
    boxes = page.run("[...document.querySelectorAll('.wide')].map((box) => [box.scrollWidth, box.clientWidth])")
    assert max(there for _, there in boxes) <= 360
    assert len([there for held, there in boxes if held > there]) >= 3
    outside = """[...document.querySelectorAll('body *')].filter((node) => !node.closest('.wide > *, script, option')
        && node.getBoundingClientRect().right > 360).map((node) => node.outerHTML)"""
    assert page.run(outside) == []


@in_chromium
def test_many_errors_are_shown_by_and_by(browser, report, tmp_path):
    longer, total = lengthened(report, tmp_path / "longer.html")
    page = browser.open(longer, **DESKTOP)
    assert page.run("document.querySelectorAll('#list details').length") == 100
    page.run("document.querySelector('#list .more').click()")
    assert page.run("document.querySelectorAll('#list details').length") == 200
    assert page.run("document.activeElement === document.querySelectorAll('#list summary')[100]")
    while page.run("document.querySelector('#list .more') !== null"):
        page.run("document.querySelector('#list .more').click()")
    assert page.run("document.querySelectorAll('#list details').length") == total


def brightness(colour):
    """Relative luminance, as WCAG has it, of what a browser says of a colour."""
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@in_chromium
@pytest.mark.parametrize("dark", [False, True])
def test_colours_are_those_that_the_reader_prefers_and_can_be_read(browser, report, dark):
    page = browser.open(report, **DESKTOP, dark=dark, part=f"#run={EDT}")
    page.run(OPEN_FIRST)
    page.run(DRAWN)
    ground = page.run("getComputedStyle(document.body).backgroundColor")
    assert (brightness(ground) < 0.05) is dark
    assert (brightness(ground) > 0.9) is not dark
    for kind in ("h1", "a", "#list p", "select", ".wrong", ".soft", "dt", "#run .soft", "#run strong", ".blamed"):
        of = page.run(
            f"""(() => {{ let node = document.querySelector('{kind}'); const colour = getComputedStyle(node).color;
            while (/, 0\\)$/.test(getComputedStyle(node).backgroundColor)) node = node.parentElement;
            return [colour, getComputedStyle(node).backgroundColor]; }})()"""
        )
        low, high = sorted(map(brightness, of))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (kind, of)


def test_a_picture_is_in_the_page_once_and_no_path_of_this_machine_is(report):
    data = data_of(report)
    assert len(data["pictures"]) == 2  # one name, two pictures, each shown many times
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in data["pictures"])
    asked = {error["picture"] for error in data["errors"]}
    picked = {pick["picture"] for error in data["errors"] for pick in error["picks"]}
    assert asked | picked == set(data["pictures"])
    assert asked.isdisjoint(picked)
    text = report.read_text("utf-8")
    assert all(text.count(picture) == 1 for picture in data["pictures"].values())
    assert str(report.parents[2]) not in text


@pytest.fixture
def unpictured(place):  # noqa: F811
    """A report whose pictures are not there."""
    sweep(options(place, "tasks=fake"))
    return place / "output" / "small" / "report.html"


@in_chromium
def test_what_is_not_on_this_machine_is_said(browser, place, unpictured):  # noqa: F811
    said, widths = open_error(browser.open(unpictured, **DESKTOP))
    assert widths == []
    assert re.search(r"the picture of fake-validation-\d+ cannot be read", said)
    shutil.rmtree(place / "output" / "small" / EDT)
    sweep(options(place, "tasks=fake", "action=render"))
    page = browser.open(unpictured, **DESKTOP, part=f"#run={EDT}")
    (line,) = (run for run in data_of(unpictured)["runs"] if run["run"] == EDT)
    assert (line["state"], line["trained"], line["folder"]) == ("measured", 96, "")
    assert sum(line["seconds"].values()) > 0
    said = page.run(OPENED)
    assert "folder\nnot on this machine" in said
    assert "errors\nnot to be shown without its files" in said
    assert page.complaints == []


@in_chromium
def test_a_run_that_failed_says_why_without_the_places_of_this_machine(browser, place, unpictured):  # noqa: F811
    path = place / "output_results" / "small" / "cells.csv"
    reason = f"{place}/a/x.json cannot be used; see file://{place}/y and http://edt/a/b <!-- <script></script>"
    nothing = dict.fromkeys(("score", "n", "unparsed", "filled", "trained_samples"))
    failed = {"state": "failed", "reason": reason, "outcomes": "", "questions": "", **nothing}
    write_cells([replace(cell, **failed) if cell.run == RANDOM else cell for cell in read_cells(path)], path)
    sweep(options(place, "tasks=fake", "action=render"))
    assert str(place) not in unpictured.read_text("utf-8")
    states = {run["run"]: (run["state"], run["folder"]) for run in data_of(unpictured)["runs"]}
    assert states[RANDOM] == ("failed", f"small/{RANDOM}")
    page = browser.open(unpictured, **DESKTOP, part=f"#run={RANDOM}")
    shown = "…/x.json cannot be used; see file://…/y and http://edt/a/b <!-- <script></script>"
    assert f"failed: {shown}" in page.run(OPENED)
    assert shown in page.run("document.querySelector('#table + ul').innerText")
    assert page.run("document.getElementById('states').textContent").startswith("3 runs: 2 measured, 1 failed.")
    assert page.complaints == []


@in_chromium
def test_what_is_no_number_is_unknown_and_the_rest_is_shown(browser, place, unpictured):  # noqa: F811
    path = place / "output" / "small" / EDT / "report.json"
    record = json.loads(path.read_text("utf-8"))
    for one in record["rounds"]:
        for pick, score in zip(one["picks"], itertools.cycle((math.nan, math.inf, None, 0.25))):
            pick["score"] = score
        for mistake in one["mistakes"]:
            mistake["evidence"] = [{"steps": 1, "probabilities": {"a": math.nan, "b": 0.5}}]
    path.write_text(json.dumps(record), "utf-8")
    sweep(options(place, "tasks=fake", "action=render"))
    assert not re.search(r"\b(NaN|Infinity)\b", json.dumps(data_of(unpictured)))
    errors = [error for error in data_of(unpictured)["errors"] if error["run"] == EDT]
    scores = {pick["score"] for error in errors for pick in error["picks"]}
    assert scores == {None, 0.25}
    page = browser.open(unpictured, **DESKTOP, part=f"#run={EDT}")
    assert page.run(COUNT).startswith(f"{len(errors)} of ")
    page.run("document.querySelectorAll('#list details').forEach((one) => { one.open = true; })")
    page.run(DRAWN)
    said = page.run("document.getElementById('list').innerText")
    assert "score unknown" in said
    assert "score 0.25" in said
    assert "score 0.00" not in said
    shares = page.run("[...document.querySelectorAll('.evidence tbody tr')].map((row) => row.innerText.split('\\t'))")
    assert shares == [["step 1", "unknown", "50%"]] * len(errors)
    assert page.complaints == []


def test_the_report_needs_no_network_and_is_the_same_each_time(place):  # noqa: F811
    sweep(options(place, "tasks=fake", "methods=edt"))
    page = place / "output" / "small" / "report.html"
    first = page.read_bytes()
    plotted = re.findall(rb'<img class="plot" src="data:image/png;base64,[^"]+" alt="([^"]+)"', first)
    assert [alt.split(b",")[0] for alt in plotted] == [
        b"Score against training samples",
        b"Gaps over the rounds: closed",
        b"Validation score over the rounds",
        b"Where the time of a run went",
    ]
    assert not re.search(rb"(src|href)=\"(https?:)?//", first)
    sweep(options(place, "tasks=fake", "methods=edt", "action=render"))
    assert page.read_bytes() == first
