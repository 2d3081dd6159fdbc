"""A table's scores split by planted gap: Pocket's own questions, and answers that are right by what these are about."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edt.errors import EdtError
from edt.pocket.census import facts_of
from edt.pocket.makers import is_gap
from edt.sweep.spec import read_table
from edt.tables.cells import questions_of, write_cells
from edt.tasks.pocket import PocketTask
from edt.types import Outcome, Prediction
from experiments.gaps import Request, scores_of
from tests.harness import run_apart
from tests.tables.test_wide import cell

TABLE = """
title: Small table
tasks: [pocket_furniture, pocket_vqa, other]
scales: ["96"]
seeds: [0, 1]
methods:
  pretrained: {scales: [], seeds: [0]}
  random: {}
  edt: {}
headline_scale: "96"
"""
TASKS = ("furniture", "vqa")


def questions(task, split="test"):
    """In the order of their ids: the digest that a run leaves, and whether each is about a planted gap."""
    samples = sorted(getattr(PocketTask(task), split), key=lambda sample: sample.id)
    replies = [Prediction(sample_id=s.id, text="", steps=(), answer=None, outcome=Outcome.UNPARSED) for s in samples]
    return questions_of(replies), [is_gap(facts_of(sample)) for sample in samples]


def run_of(task, method, seed, *, gaps, others, split="test"):
    """A run that has all questions of a kind right, or none."""
    digest, planted = questions(task, split)
    outcomes = "".join("01"[gaps if gap else others] for gap in planted)
    scale = "" if method == "pretrained" else "96"
    return replace(cell(f"pocket_{task}", method, scale, seed, outcomes, questions=digest), split=split)


def runs():
    """Random learns nothing; ours learns the gaps, and with seed 1 it loses what was known."""
    for task in TASKS:
        yield run_of(task, "pretrained", 0, gaps=False, others=True)
        yield run_of(task, "pretrained", 0, gaps=True, others=True, split="validation")
        for seed in (0, 1):
            yield run_of(task, "random", seed, gaps=False, others=True)
            yield run_of(task, "edt", seed, gaps=True, others=seed == 0)
    yield cell("other", "edt", "96", 0, "1")
    yield cell("pocket_vqa", "planted", "96", 0, "", state="missing", reason="not run yet")


@pytest.fixture
def place(tmp_path):
    (tmp_path / "small.yaml").write_text(TABLE)
    (tmp_path / "elsewhere.yaml").write_text(TABLE.replace("pocket_furniture, pocket_vqa, ", ""))
    write_cells(list(runs()), tmp_path / "results" / "small" / "cells.csv")
    return tmp_path


def scores(place, *arguments, table="small"):
    request = Request.read([f"table={table}", f"experiments={place}", *arguments])
    return scores_of(request, read_table(request.table, folder=request.experiments))


def test_one_command_tells_what_is_learnt_and_what_is_lost(place):
    arguments = [sys.executable, "experiments/gaps.py", "table=small", f"experiments={place}"]
    files = [place / "results" / "small" / name for name in ("gaps.md", "gaps.json")]
    made = []
    for _ in range(2):
        done = run_apart(arguments, timeout=120)
        assert done.returncode == 0, done.stderr
        made.append([file.read_bytes() for file in files])
    assert made[0] == made[1]
    data = json.loads(done.stdout.splitlines()[-1])
    assert data == json.loads(files[1].read_text())
    assert (data["split"], data["runs"], data["measured"], data["left_out"]) == ("test", 11, 10, ["other"])
    assert data["questions"] == {
        f"pocket_{task}": [sum(planted), len(planted)] for task in TASKS for _, planted in [questions(task)]
    }
    gap, other = ({p["method"]: p for p in data["parts"] if p["about"] == about} for about in ("gap", "other"))
    assert [gap[name]["score"] for name in ("pretrained", "random", "edt")] == [0, 0, 1]
    assert [other[name]["score"] for name in ("pretrained", "random", "edt")] == [1, 1, 0.5]
    assert (gap["edt"]["to_untuned"]["learnt"], gap["edt"]["to_untuned"]["lost"]) == (1, 0)
    assert (other["edt"]["to_untuned"]["learnt"], other["edt"]["to_untuned"]["lost"]) == (0, 0.5)
    assert gap["edt"]["to_baseline"]["low"] == gap["edt"]["to_baseline"]["mean"] == 1
    assert (other["edt"]["to_baseline"]["low"], other["edt"]["to_baseline"]["high"]) == (-1, 0)
    text = files[0].read_text()
    assert "| error-driven | 96 | 100.0 | +100.0 (+100.0 to +100.0) | +100.0 (+100.0 to +100.0) | 100.0 | 0.0 |" in text
    assert "| error-driven | 96 | 50.0 | -50.0 (-100.0 to +0.0) | -50.0 (-100.0 to +0.0) | 0.0 | 50.0 |" in text
    assert "| error-driven | 96 | 4 (0, 1) | 4 (0, 1) | 4 (0, 1) |" in text
    assert "10 of 11 runs measured, with seeds 0, 1. Not of Pocket, and left out: other." in text


def test_some_seeds_stand_beside_the_untuned_student_and_leave_what_is_published_alone(place):
    found = {(part.about, part.method): part for part in scores(place, "seeds=1").parts}
    assert found["other", "edt"].score == 0
    assert (change := found["other", "edt"].to_untuned) is not None
    assert change.seeds == (1,)
    request = Request.read(["table=small", f"experiments={place}"])
    published = place / "results" / "small"
    assert request.place("test") == replace(request, split="test").place("test") == published
    for part in ({"seeds": [1]}, {"split": "validation"}):
        assert replace(request, **part).place("test") == Path("outputs/tables/small")
        assert replace(request, results=place, **part).place("test") == place / "small"


def test_another_split_and_a_part_of_its_questions_are_known_too(place):
    assert {part.method for part in scores(place, "split=validation").parts} == {"pretrained"}
    first = sorted(PocketTask("vqa").test[:9], key=lambda sample: sample.id)
    replies = [Prediction(sample_id=s.id, text="", steps=(), answer=None, outcome=Outcome.UNPARSED) for s in first]
    cells = [cell("pocket_vqa", "edt", "96", 0, "1" * 9, questions=questions_of(replies))]
    write_cells(cells, place / "results" / "small" / "cells.csv")
    assert scores(place).questions == {"pocket_vqa": (sum(is_gap(facts_of(s)) for s in first), 9)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["table=elsewhere"], r"table 'elsewhere' has no task of Pocket, where gaps are planted, but other; name"),
        (["table=nowhere"], "there is no table 'nowhere'"),
        (["table="], "name a table, as in table=main; known are elsewhere, small"),
        (["seeds=7"], "table 'small' has no seed 7; choose of: 0, 1"),
        (["split=all"], "split must be one of validation, test, not 'all'"),
        (["jobs=2"], "cannot read the option 'jobs=2'; write key=value, with one of table, split"),
        (["results=nowhere"], "there is no nowhere/small/cells.csv; run the table first"),
    ],
)
def test_what_cannot_be_split_is_said_in_a_sentence(place, arguments, message):
    with pytest.raises(EdtError, match=message):
        scores(place, *arguments)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([cell("pocket_vqa", "edt", "96", 0, "", state="missing")], "has no measured run on the test split"),
        (
            [cell("other", "edt", "96", 0, "1")],
            "has no measured run on the test split of a task of Pocket; run `python",
        ),
        ([cell("pocket_vqa", "edt", "96", 0, "1" * 132)], "pocket_vqa-96-edt-s0 are 0123456789ab, and those in .* are"),
        ([cell("pocket_vqa", "edt", "96", 0, "1" * 132, questions="")], "pocket_vqa-96-edt-s0 are not known, and"),
    ],
)
def test_a_table_without_answers_to_the_present_questions_is_refused(place, cells, message):
    write_cells(cells, place / "results" / "small" / "cells.csv")
    with pytest.raises(EdtError, match=message):
        scores(place)
