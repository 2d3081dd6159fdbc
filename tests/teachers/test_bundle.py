"""The call book between processes, and its calls on another machine."""

import gzip
import json
import multiprocessing
import re
import shutil
import sqlite3
import subprocess
import sys

import pytest
import yaml

from edt.errors import EdtError
from edt.purpose import purpose, working_for
from edt.teachers.api import ApiTeacher, replay_teacher
from edt.teachers.bundle import export, read_bundle
from edt.teachers.callbook import CallBook
from edt.teachers.calls import Call, Choice, Phrasing, Reply
from edt.teachers.prices import FILE, Price, price_of
from edt.teachers.replay import Recording

PHRASING = Phrasing(model="m", schema="openai")


def call(number: int) -> Call:
    return PHRASING.call(f"question {number}", max_tokens=5)


def reply(number: int) -> Reply:
    choice = Choice(text=f"answer {number}", finish="stop", first={"a": -0.5})
    return Reply(choices=(choice,), model="m-1", prompt_tokens=3, completion_tokens=2)


def buy(book: CallBook, *numbers: int, usd: float = 0.25) -> None:
    for number in numbers:
        attempt = book.open(call(number), model="m", at_most=1.0, max_usd=None, priced="today")
        assert attempt is not None
        book.settle(attempt, "answered", usd=usd, tokens=(3, 2), kept=(call(number), reply(number)))


@pytest.fixture
def book(tmp_path) -> CallBook:
    return CallBook(tmp_path / "calls.sqlite")


def test_what_is_kept_comes_back_as_it_was(book):
    buy(book, *range(1200))  # more than sqlite takes in one question
    keys = [call(number).key for number in range(1300)]
    found = book.replies(keys)
    assert len(found) == 1200
    assert found[keys[7]] == reply(7)
    assert book.spent() == pytest.approx(300)


def test_a_key_is_the_whole_question():
    def ask(content, **more):
        return PHRASING.call([{"role": "user", "content": content}], max_tokens=5, **more).key

    def shown(data):
        return [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}]

    keys = [ask("a"), ask("b"), ask("a", temperature=1.0), ask("a", seed=1), ask(shown("AA")), ask(shown("BB"))]
    assert len(set(keys)) == 6
    assert Phrasing(model="other").call("a", max_tokens=5).key != ask("a")
    assert ask("a") == PHRASING.call("a", max_tokens=5).key


def test_an_attempt_that_was_never_heard_of_stays_at_the_most_that_it_may_cost(book):
    assert book.open(call(1), model="m", at_most=0.4, max_usd=1.0, priced="")
    assert book.open(call(2), model="m", at_most=0.4, max_usd=1.0, priced="")
    assert book.open(call(3), model="m", at_most=0.4, max_usd=1.0, priced="") is None
    again = CallBook(book.path)  # as after a kill
    assert again.spent() == pytest.approx(0.8)
    assert [(line.outcome, line.calls) for line in again.lines()] == [("open", 2)]
    assert again.replies([call(1).key]) == {}


def _buy_one(path, number):
    book = CallBook(path)
    attempt = book.open(call(number), model="m", at_most=0.3, max_usd=1.0, priced="")
    if attempt:
        book.settle(attempt, "answered", usd=0.3, kept=(call(number), reply(number)))
    return attempt is not None


def test_processes_share_a_book_and_its_budget(book):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        bought = pool.starmap(_buy_one, [(book.path, number) for number in range(8)])
    assert sum(bought) == 3
    assert book.spent() == pytest.approx(0.9)
    assert len(book.replies(call(number).key for number in range(8))) == 3


def test_a_book_of_earlier_days_goes_on_and_learns_how_long_calls_take(book):
    buy(book, 1)
    book.close()
    with sqlite3.connect(book.path) as file:
        file.execute("ALTER TABLE ledger DROP COLUMN seconds")
    old = CallBook(book.path)
    assert old.pace("m") is None
    buy(old, 2)
    assert old.pace("m") is not None
    assert old.pace("other") is None
    assert set(old.answered().values()) == {1}
    assert len(old.answered()) == 2


def test_a_file_that_is_no_book_is_named(tmp_path):
    path = tmp_path / "calls.sqlite"
    path.write_text("these are not the calls that you are looking for" * 50)
    with pytest.raises(EdtError, match=r"calls\.sqlite cannot be used \(file is not a database\); move the file aside"):
        CallBook(path).spent()
    with pytest.raises(EdtError, match="cannot be written"):
        CallBook("/proc/none/calls.sqlite").spent()


def test_work_says_what_it_is_for():
    assert purpose() == ""
    with working_for("a"):
        with working_for("b"):
            assert purpose() == "b"
        assert purpose() == "a"


def a_run(folder, *stages):
    folder.mkdir(parents=True)
    notes = [{"stage": stage, "key": key} for stage, key in stages]
    (folder / "stages.jsonl").write_text("".join(json.dumps(note) + "\n" for note in notes))
    return folder


def test_the_calls_of_a_run_are_those_behind_its_stages(book, tmp_path):
    buy(book, 1, 2, 3, 4)
    book.note_uses("one", [call(1).key, call(2).key])
    book.note_uses("two", [call(2).key, call(3).key])
    run = a_run(tmp_path / "runs" / "a", ("predict", "zero"), ("identify", "one"), ("analyse", "three"))
    a_run(tmp_path / "runs" / "b", ("identify", "two"))
    said = export(book, tmp_path / "a.gz", [run])
    assert said.startswith("2 calls in ")
    assert "1 stages of identification and analysis made no call" in said
    assert "3 calls" in export(book, tmp_path / "both.gz", [tmp_path / "runs"])
    assert "4 calls" in export(book, tmp_path / "all.gz")
    with pytest.raises(EdtError, match="no run in"):
        export(book, tmp_path / "x.gz", [tmp_path / "nowhere"])
    with pytest.raises(EdtError, match=r"no call in .* was made for"):
        export(book, tmp_path / "x.gz", [a_run(tmp_path / "other", ("identify", "nine"))])


def test_a_bundle_goes_to_another_machine_and_is_not_bought_again(book, tmp_path):
    buy(book, 3, 1, 2)
    export(book, tmp_path / "one.gz")
    other = CallBook(tmp_path / "other.sqlite")
    assert other.take_in(read_bundle(tmp_path / "one.gz")) == 3
    assert other.take_in(read_bundle(tmp_path / "one.gz")) == 0
    assert other.replies([call(2).key]) == {call(2).key: reply(2)}
    assert other.spent() == 0
    export(other, tmp_path / "two.gz")
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()


def test_a_recording_answers_what_it_holds_and_nothing_else(book, tmp_path):
    buy(book, 1, 2)
    export(book, tmp_path / "calls.gz")
    assert Recording(tmp_path / "calls.gz").ask([call(2), call(1), call(2)], "") == [reply(2), reply(1), reply(2)]
    with pytest.raises(EdtError, match=r"does not hold 1 of 2 calls, the first of which asks 'm' 'question 9'"):
        Recording(tmp_path / "calls.gz").ask([call(1), call(9)], "")
    with pytest.raises(EdtError, match="cannot be read"):
        replay_teacher(str(tmp_path / "absent.gz"), model="m").prepare()


def test_a_replayed_teacher_has_the_fingerprint_of_the_one_that_was_recorded(tmp_path):
    replayed = replay_teacher("x.gz", model="m", source="sampling", samples=4)
    direct = ApiTeacher(Recording("y"), PHRASING, source="sampling", samples=4)
    assert replayed.fingerprint() == direct.fingerprint()
    assert replayed.name == direct.name == "m (sampling)"


@pytest.mark.parametrize("harm", ["cut", "changed", "not gzip", "no reply"])
def test_a_damaged_recording_is_refused(book, tmp_path, harm):
    buy(book, 1, 2)
    path = tmp_path / "calls.gz"
    export(book, path)
    lines = gzip.decompress(path.read_bytes()).decode()
    broken = {
        "cut": lambda: path.write_bytes(path.read_bytes()[:-20]),
        "changed": lambda: path.write_bytes(gzip.compress(lines.replace("question 1", "question 7").encode())),
        "not gzip": lambda: path.write_text(lines),
        "no reply": lambda: path.write_bytes(gzip.compress(lines.replace('"choices"', '"choises"').encode())),
    }
    broken[harm]()
    with pytest.raises(EdtError, match=r"the recording .*calls\.gz.* cannot be read: .*; export it again"):
        list(read_bundle(path))


def test_the_command_exports_imports_and_shows_the_ledger(book, tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "edt.teachers.bundle", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    buy(book, 1, 2)
    book.note_hits("m", 5)
    book.close()
    path = str(tmp_path / "calls.jsonl.gz")
    assert "2 calls in" in run("export", path, "--calls", str(book.path)).stdout
    other = str(tmp_path / "other.sqlite")
    assert run("import", path, "--calls", other).stdout == f"2 calls read, 2 of them new to {other}\n"
    shown = run("ledger", "--calls", str(book.path)).stdout
    assert "0.5000 dollars in all" in shown
    assert [line.split()[1:3] for line in shown.splitlines() if line.strip().startswith("m ")] == [
        ["answered", "2"], ["hit", "5"],
    ]  # fmt: skip
    failed = run("ledger", "--calls", str(tmp_path / "absent"))
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert "there is no call book at" in failed.stderr
    assert "needs the name of a bundle" in run("export", "--calls", str(book.path)).stderr


def test_every_price_has_a_date_and_says_where_it_was_read():
    for model, entry in yaml.safe_load(FILE.read_text("utf-8"))["models"].items():
        assert re.fullmatch(r"20\d\d-\d\d(-\d\d)?", price_of(model).as_of)
        assert entry["source"]


def test_a_price_is_dated_and_an_unknown_one_is_not_guessed():
    price = price_of("gpt-4o-mini-2024-07-18")
    assert price.of(1_000_000, 1_000_000) == pytest.approx(0.75)
    assert price_of("mine", [0, 0]) == Price(input=0, output=0, as_of="given")
    with pytest.raises(EdtError, match=r"no price is known for the model 'mine'; set teacher\.usd_per_million"):
        price_of("mine")
    for wrong in ([1], [1, -1], ["a", 1], [float("nan"), 0]):
        with pytest.raises(EdtError, match="give two prices"):
            price_of("gpt-4o-mini", wrong)


def test_no_reply_costs_more_than_what_was_held_ready():
    price = Price(input=1.0, output=2.0, as_of="")
    question = PHRASING.call("ünïcödé " * 40, max_tokens=7)
    num_bytes = len(("ünïcödé " * 40).encode())
    assert price.at_most(question) >= price.of(num_bytes, 7)
    thinking = Phrasing(model="m", body={"max_tokens": None, "max_completion_tokens": 900})
    assert price.at_most(thinking.call("x", max_tokens=7)) >= price.of(1, 900)


def test_the_book_is_left_whole_by_a_copy_of_its_files(book, tmp_path):
    buy(book, 1)
    for file in tmp_path.glob("calls.sqlite*"):  # as found after a kill: the log has not been folded in
        shutil.copy(file, tmp_path / file.name.replace("calls", "copy"))
    assert CallBook(tmp_path / "copy.sqlite").answered() == {call(1).key: 1}
    with sqlite3.connect(book.path) as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
