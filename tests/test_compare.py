"""Comparisons of teachers and identifiers: every description is sound, and one command makes every file of one."""

import json
import re
import sys

import pytest

from edt.errors import EdtError
from edt.experiment import CONF
from edt.tables.contest import to_markdown
from edt.teachers.bundle import export
from edt.teachers.callbook import CallBook
from experiments.compare import FOLDER, Request, read_comparison
from tests.harness import FAKE_CONF, ROOT, run_apart
from tests.teachers.loopback import Loopback
from tests.teachers.wire import KEY

NAMES = sorted(file.stem for file in FOLDER.glob("*.yaml"))
OURS = """
title: Ours
tasks: [furniture, vqa]
per_task: 9
teachers:
  ledger: {overrides: [teacher=ledger, "teacher.ledger=LEDGER"]}
  twin: {overrides: [teacher=ledger, "teacher.ledger=LEDGER"]}
  oracle: {overrides: [teacher=oracle, analyst=oracle], identifiers: [oracle, answer_switch]}
identifiers: [random_step, per_step, pseudo_rationale, answer_switch]
analyst: in_context
reference: mistake_identification
"""


def test_every_comparison_is_tested():
    assert NAMES == ["identifiers", "teachers"]


@pytest.mark.parametrize("name", NAMES)
def test_a_description_names_what_exists_and_has_errors_enough(name):
    found = read_comparison(name, {})
    header = (FOLDER / f"{name}.yaml").read_text("utf-8").partition("title:")[0]
    number = re.search(rf"compare\.py table={name} +# (\d+) errors", header)
    assert number
    assert int(number[1]) == found.per_task * len(found.tasks) >= 200
    asked = {name for row in found.teachers.values() for name in row.identifiers or found.identifiers}
    chosen = [option for row in found.teachers.values() for option in row.overrides]
    for option in [*chosen, f"analyst={found.analyst}", *(f"identifier={name}" for name in asked)]:
        group, _, choice = option.partition("=")
        assert (CONF / group / f"{choice}.yaml").is_file(), option


def test_the_papers_four_rows_are_there():
    assert set(read_comparison("identifiers", {}).identifiers) == {
        "random_step",
        "per_step",
        "pseudo_rationale",
        "answer_switch",
    }


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """One comparison over fakes: its output, figures, page and errors."""
    folder = tmp_path_factory.mktemp("compared")
    (folder / "ours.yaml").write_text(OURS.replace("LEDGER", str(folder / "ledger.jsonl")))
    places = [f"comparisons={folder}", f"results={folder}", f"config_dir={FAKE_CONF}", f"errors={folder / 'e.jsonl'}"]
    done = run_apart([sys.executable, "experiments/compare.py", "table=ours", *places], timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((folder / "ours.json").read_text()), (folder / "ours.md").read_text(), folder


def rows_of(data):
    return {(row["teacher"], row["identifier"]): row for row in data["rows"]}


def test_the_last_line_is_the_figures_and_the_page_is_made_of_them_alone(compared):
    out, data, page, _ = compared
    assert json.loads(out.splitlines()[-1]) == data
    assert to_markdown(data) == page
    assert "| ledger | Answer switch |" in page


def test_the_oracle_is_the_upper_bound(compared):
    _, data, _, _ = compared
    placing = rows_of(data)["oracle", "oracle"]["placing"]
    assert placing["exact"]["count"] == placing["exact"]["n"] == 18
    assert placing["found"]["count"] >= 16
    assert rows_of(data)["oracle", "oracle"]["source"] == "none asked"
    assert data["namings"][2]["naming"]["found"]["count"] == placing["found"]["count"]


def test_what_a_teacher_cannot_do_is_said_and_not_counted(compared):
    _, data, page, _ = compared
    row = rows_of(data)["oracle", "answer_switch"]
    assert row["placing"] is None
    assert "which the teacher 'oracle' cannot do" in row["refused"]
    assert "oracle with Answer switch: not comparable" in page


def test_calls_are_those_of_each_row_and_equal_teachers_agree(compared):
    _, data, page, _ = compared
    rows = rows_of(data)
    calls = {
        name: rows["ledger", name]["placing"]["bill"]["calls"]
        for name in read_comparison("identifiers", {}).identifiers
    }
    assert calls == {"random_step": 0, "per_step": 18, "pseudo_rationale": 18, "answer_switch": 18}
    assert [pair["kappa"] for pairs in data["agreements"].values() for pair in pairs] == [1.0] * 4
    (pair,) = data["agreements"]["answer_switch"]
    assert (pair["overlap"], pair["compared"]) == (1.0, 18)
    assert "65.0" in page
    assert "The order of its rows" in page


def test_the_set_is_taken_from_its_file_again(compared):
    _, data, _, folder = compared
    places = [f"comparisons={folder}", f"results={folder / 'again'}", f"errors={folder / 'e.jsonl'}"]
    options = ["identifiers=random_step", "tasks=caption", f"config_dir={FAKE_CONF}"]
    done = run_apart([sys.executable, "experiments/compare.py", "table=ours", *places, *options], timeout=200)
    assert done.returncode == 0, done.stderr
    again = json.loads((folder / "again" / "ours.json").read_text())
    assert again["errors"] == data["errors"]


CHAT = """
title: Chat
tasks: [furniture]
per_task: 4
teachers:
  chat: {overrides: [TEACHER]}
identifiers: [random_step, per_step, pseudo_rationale, answer_switch]
analyst: in_context
"""


def test_a_table_is_made_again_from_the_book_or_a_recording_and_says_that_nothing_was_bought(tmp_path, monkeypatch):
    def table(name: str, *options: str):
        (tmp_path / "chat.yaml").write_text(CHAT.replace("TEACHER", ", ".join(options)))
        places = [f"comparisons={tmp_path}", f"results={tmp_path / name}", f"errors={tmp_path / 'errors.jsonl'}"]
        done = run_apart(
            [sys.executable, "experiments/compare.py", "table=chat", *places, f"config_dir={FAKE_CONF}"], timeout=200
        )
        assert done.returncode == 0, done.stderr
        data = json.loads((tmp_path / name / "chat.json").read_text())
        bills = [row["placing"]["bill"] for row in data["rows"]] + [row["naming"]["bill"] for row in data["namings"]]
        bought = [bill.pop("bought") for bill in bills]
        paid = [(bill.pop("usd"), bill.pop("seconds"))[0] for bill in bills]
        return data, bought, paid, (tmp_path / name / "chat.md").read_text()

    book, bundle = tmp_path / "calls.sqlite", tmp_path / "calls.jsonl.gz"
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with Loopback() as server:
        own = ["teacher=gpt_4o_mini", f"teacher.base_url={server.url}", f"teacher.calls={book}"]
        first, bought, paid, page = table("bought", *own)
    assert [row["source"] for row in first["rows"]] == ["none asked", *["logprobs"] * 3]
    assert bought[0] == 0
    assert min(bought[1:]) > 0
    assert min(paid[1:]) > 0
    assert re.search(r"chat: of (\d+) calls (\d+) were bought", page)
    export(CallBook(book), bundle)
    monkeypatch.delenv("OPENAI_API_KEY")  # and the server is gone
    for name, options in (("cached", own), ("replayed", ["teacher=replay", f"teacher.bundle={bundle}"])):
        again, bought, paid, page = table(name, *options)
        assert again == first
        assert set(bought) == {0}
        assert set(paid) == {0.0}
        assert "nothing was bought" in page


def test_a_students_own_errors_are_added_where_that_is_asked_for(compared):
    folder = compared[3]
    places = [f"comparisons={folder}", f"results={folder / 'students'}", f"store.root={folder / 'store'}"]
    student = ["students=true", "student=corrupted", f"config_dir={FAKE_CONF}"]
    options = ["identifiers=random_step", "tasks=furniture", "per_task=3"]
    done = run_apart([sys.executable, "experiments/compare.py", "table=ours", *places, *student, *options], timeout=200)
    assert done.returncode == 0, done.stderr
    origins = json.loads((folder / "students" / "ours.json").read_text())["errors"]["by_origin"]
    assert origins["planted"] == 3
    assert origins["student"] > 30
    assert (folder / "store" / "used" / "compare" / "stages.jsonl").read_text().count('"predict"') == 1


def test_only_a_whole_table_is_published():
    assert Request.read(["table=teachers"]).place == ROOT / "experiments" / "results"
    for change in ("per_task=3", "teacher.batch_size=2", "students=true", "errors=x.jsonl"):
        assert str(Request.read(["table=teachers", change]).place) == "outputs/comparisons"


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("table=nothing", "no comparison 'nothing'; choose one of: identifiers, teachers"),
        ("per_task=0", "per_task is 0; it must be 1 or more"),
        ("per_task=few", "per_task"),
    ],
)
def test_what_is_mistyped_is_named(argument, message):
    request = Request.read(["table=identifiers", argument])
    with pytest.raises(EdtError, match=message):
        read_comparison(request.table, request.changes)
    with pytest.raises(EdtError, match="cannot read the option"):
        Request.read(["identifiers"])
