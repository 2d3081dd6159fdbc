"""The report of a small table in headless Chromium, driven over its own debugging protocol."""

import json
import re
import shutil
import subprocess

import pytest

from edt.sweep.command import sweep
from tests.sweep.test_sweep import options, place  # noqa: F401

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PROBE = """
<script>
window.addEventListener("load", () => {
  const said = [];
  const step = (name, value) => said.push([name, value]);
  const filters = document.getElementById("filters").elements;
  const count = () => document.getElementById("count").textContent;
  const rows = () => [...document.querySelectorAll("table.sortable tbody tr")].map((row) => row.cells[0].textContent);
  step("rows", rows());
  const head = document.querySelector("table.sortable thead th button");
  head.click(); step("ascending", rows());
  head.click(); step("descending", rows());
  step("all", count());
  filters.round.value = "1"; filters.round.dispatchEvent(new Event("change"));
  step("round 1", count());
  filters.round.value = ""; filters.round.dispatchEvent(new Event("change"));
  filters.skill.value = "LAMP"; filters.skill.dispatchEvent(new Event("input"));
  step("lamp", count());
  const first = document.querySelector("#list details");
  first.open = true;
  setTimeout(() => {
    step("opened", first.textContent);
    step("pictures", [...first.querySelectorAll("img")].map((image) => image.naturalWidth));
    step("errors", window.caught);
    document.title = "PROBED" + JSON.stringify(said);
  }, 500);
});
</script>
"""
CATCH = "<script>window.caught = []; window.onerror = (text) => { window.caught.push(text); };</script>"


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian: chromium)")
def test_the_report_opens_sorts_filters_and_shows_pictures(place, capsys):  # noqa: F811
    from PIL import Image

    Image.new("RGB", (40, 30), "red").save(place / "picture.png")
    sweep(options(place, "tasks=fake", f"task.root={place}"))
    page = place / "output" / "small" / "report.html"
    assert str(page) in capsys.readouterr().out.replace("\n", "")
    text = page.read_text("utf-8").replace("<style>", CATCH + "<style>", 1).replace("</body>", PROBE + "</body>")
    (place / "probed.html").write_text(text, "utf-8")
    done = subprocess.run(
        [
            *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"),
            *(f"--user-data-dir={place / 'chromium'}", f"file://{place / 'probed.html'}"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r"<title>PROBED(.*?)</title>", done.stdout, re.DOTALL)
    assert found, done.stdout[-2000:]
    said = dict(json.loads(found[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")))
    assert said["errors"] == []
    assert said["rows"] == ["pre-trained", "Random", "error-driven"]
    assert said["ascending"] == ["Random", "error-driven", "pre-trained"]
    assert said["descending"] == ["pre-trained", "error-driven", "Random"]
    total = int(said["all"].split()[0])
    assert said["all"] == f"{total} of {total} errors"
    assert 0 < int(said["round 1"].split()[0]) <= total
    assert 0 < int(said["lamp"].split()[0]) < total
    assert "Missing skill: find the lamp in a room" in said["opened"]
    assert "CONSOLE" not in done.stderr


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
