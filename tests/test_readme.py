import sys

import pytest

from edt.config import GROUPS
from tests.harness import ROOT, run_apart

SCRIPT = [sys.executable, "experiments/readme.py"]
README = ROOT / "README.md"


def test_readme_shows_the_result_files_as_they_are():
    done = run_apart([*SCRIPT, "--check"], timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_changed_figure_is_noticed_and_put_right(tmp_path):
    readme = tmp_path / "README.md"
    true = README.read_text("utf-8")
    readme.write_text(true.replace("| Random |", "| Random, improved |"), "utf-8")
    done = run_apart([*SCRIPT, "--check", "--readme", str(readme)], timeout=60)
    assert done.returncode == 1
    assert "is out of date; run `python experiments/readme.py`" in done.stderr
    assert run_apart([*SCRIPT, "--readme", str(readme)], timeout=60).returncode == 0
    assert readme.read_text("utf-8") == true


def test_the_untuned_student_is_as_good_as_the_benchmark_needs():
    block = README.read_text("utf-8").partition("<!-- begin base -->")[2].partition("<!-- end base -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.strip().splitlines()[2:]]
    assert len(rows) == 7
    for task, *figures in rows:
        chance, score, parsed, _ = map(float, figures)
        assert chance + 10 <= score <= 75, task
        assert parsed >= 95, task


@pytest.mark.parametrize("name", ["demo", "ladder"])
def test_a_missing_block_is_named(tmp_path, name):
    readme = tmp_path / "README.md"
    readme.write_text(README.read_text("utf-8").replace(f"<!-- begin {name} -->", ""), "utf-8")
    done = run_apart([*SCRIPT, "--readme", str(readme)], timeout=60)
    assert done.returncode == 1
    assert f"README needs one block `<!-- begin {name} -->`" in done.stderr


def test_every_group_of_choices_is_named():
    readme = README.read_text("utf-8")
    assert [group for group in GROUPS if f"\n| `{group}` | " not in readme] == []


def test_the_environment_is_entered_and_pocket_set_up_before_the_first_command():
    before, _, _ = README.read_text("utf-8").partition("\n```\npython run.py")
    assert "`. .venv/bin/activate`" in before
    *_, without_make = before.partition("Without `make`")
    steps = [without_make.index(step) for step in ("pip install", "python -m edt.pocket.setup", "python run.py")]
    assert steps == sorted(steps)
