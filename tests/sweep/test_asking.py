"""What a plan says of teachers: calls, tokens and dollars at most, and nothing asked."""

import re

import pytest

from edt.sweep.asking import QUESTION, ROOM, STEP
from edt.sweep.command import at_once, sweep
from edt.sweep.run import cores, threads_of
from edt.teachers.prices import price_of
from tests.harness import FAKE_CONF, FAKES
from tests.teachers.loopback import Loopback
from tests.teachers.wire import KEY

TABLE = """
title: Small table
tasks: [fake, other]
scales: ["96"]
seeds: [0]
methods:
  random: {}
  edt: {}
"""
QUESTIONS = 24  # of a fake task, which says so only when it is looked at
PREFIXES = ROOM // STEP + 1  # the fake student does not say how long a reply may be
STAGES = 4  # two tasks, two rounds
GPT = "teacher=gpt_4o_mini"


@pytest.fixture
def planned(tmp_path, capsys):
    """The plan of a table as it is printed, in one line."""

    def plan(*arguments: str) -> str:
        (tmp_path / "experiments").mkdir(exist_ok=True)
        (tmp_path / "experiments" / "small.yaml").write_text(TABLE)
        fakes = [one for one in FAKES[1:] if not one.startswith(("identifier", "analyst"))]
        places = [f"experiments={tmp_path / 'experiments'}", f"config_dir={FAKE_CONF}", f"output={tmp_path / 'out'}"]
        book = [f"teacher.calls={tmp_path / 'calls.sqlite'}"] if GPT in arguments else []
        places += [f"results={tmp_path / 'res'}", f"store.root={tmp_path / 'store'}"]
        sweep(["table=small", "action=plan", *places, *fakes, *book, *arguments])
        assert sorted(path.name for path in tmp_path.iterdir()) == ["experiments"]  # a plan leaves nothing
        return " ".join(capsys.readouterr().out.split())

    return plan


def numbers(text: str) -> tuple[int, int, int]:
    found = re.search(r"at most ([\d,]+) calls, about ([\d,]+) tokens in and at most ([\d,]+) out", text)
    assert found, text
    calls, tokens_in, tokens_out = (int(one.replace(",", "")) for one in found.groups())
    return calls, tokens_in, tokens_out


def dollars(text: str) -> float:
    found = re.search(r"at most ([\d,.]+) dollars", text)
    assert found, text
    return float(found[1].replace(",", ""))


@pytest.mark.parametrize(
    ("source", "calls", "reply"), [("logprobs", 1, 1), ("sampling", 10, 8), ("verbalised", 2, 32 + 16 * 4)]
)
def test_a_teacher_that_is_paid_is_bounded_by_questions_prefixes_and_its_source(planned, source, calls, reply):
    shown = planned(GPT, f"teacher.source={source}")
    weighed = STAGES * QUESTIONS * PREFIXES * calls
    named = STAGES * QUESTIONS
    found, tokens_in, tokens_out = numbers(shown)
    assert found == weighed + named
    assert tokens_out == weighed * reply + named * 32
    cents = 100 * (tokens_in * 0.15 + tokens_out * 0.60) / 1e6
    assert cents <= 100 * dollars(shown) <= cents + 1
    assert f"Teacher gpt-4o-mini-2024-07-18 ({source}) (4 identify, 4 analyse stages)" in shown
    assert f"by the price of {price_of('gpt-4o-mini-2024-07-18').as_of}" in shown
    assert "teacher.max_usd=5" in shown


def test_a_number_that_is_configured_is_taken_and_the_data_are_not_looked_at(planned):
    of_task = ["tasks=scienceqa", "task.folder=/nowhere", "task.num_validation=50"]
    calls, tokens_in, _ = numbers(planned(GPT, *of_task))
    assert calls == 2 * 50 * (PREFIXES + 1)
    assert tokens_in > calls * QUESTION


def test_a_reply_has_room_for_so_many_steps(planned):
    calls, *_ = numbers(planned(GPT, "tasks=fake", "student=pocket", "student.max_new_tokens=60"))
    assert calls == 2 * QUESTIONS * (60 // STEP + 1 + 1)


def test_a_teacher_on_this_machine_costs_calls_and_no_dollars(planned):
    shown = planned("teacher=pocket")
    assert numbers(shown)[0] == STAGES * QUESTIONS * 2  # a rationale is weighed in one call
    assert "Teacher pocket (4 identify, 4 analyse stages)" in shown
    assert "0 dollars" in shown


def test_a_price_of_ones_own_is_named(planned):
    assert "by teacher.usd_per_million" in planned(GPT, "teacher.usd_per_million=[1,2]")
    assert dollars(planned(GPT, "teacher.usd_per_million=[0,0]")) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["methods=random"],
        ["identifier=random_step", "analyst=raw_step"],
        ["identifier=oracle", "analyst=oracle", "teacher=oracle"],
    ],
)
def test_where_nobody_is_asked_it_says_so(planned, arguments):
    assert "No teacher is to be asked: 0 dollars." in planned(*arguments)


def test_only_the_part_that_asks_is_counted(planned):
    shown = planned(GPT, "identifier=random_step")
    assert numbers(shown)[0] == STAGES * QUESTIONS
    assert "(4 analyse stages)" in shown


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["tasks=custom", "task.file=/nowhere.jsonl", "task.images=."],
            "not known of 4 stages: .*/nowhere.jsonl",
        ),
        (["tasks=fake", "teacher.model=mine"], "not known of 4 stages: no price is known for the model 'mine'"),
    ],
)
def test_what_cannot_be_counted_is_not_known_and_says_why(planned, arguments, reason):
    shown = planned(GPT, *arguments)
    assert re.search(reason, shown)
    assert "at most" not in shown


def test_finished_stages_say_what_is_expected_of_the_others_beside_the_bound(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (tmp_path / "small.yaml").write_text(TABLE)
    fakes = [one for one in FAKES[1:] if not one.startswith(("identifier", "analyst"))]
    places = [f"experiments={tmp_path}", f"config_dir={FAKE_CONF}", f"output={tmp_path / 'out'}"]
    places += [
        f"results={tmp_path / 'res'}",
        f"store.root={tmp_path / 'store'}",
        f"teacher.calls={tmp_path / 'c.sqlite'}",
    ]

    def said(url: str, *more: str) -> str:
        capsys.readouterr()
        sweep(["table=small", "methods=edt", *places, *fakes, GPT, f"teacher.base_url={url}", *more])
        return " ".join(capsys.readouterr().out.split())

    with Loopback() as server:
        assert "expected" not in said(server.url, "action=plan").replace(str(tmp_path), "")
        said(server.url)
        shown = said(server.url, "action=plan", "seeds=0,1")
        calls, tokens_in, tokens_out = numbers(shown)
        found = re.search(
            r"expected, by the mean of finished stages that asked: about ([\d,]+) calls, ([\d,]+) tokens in and "
            r"([\d,]+) out, (less than a cent|[\d.]+ dollars), for (\d+) stages",
            shown,
        )
        assert found, shown
        about = [int(one.replace(",", "")) for one in found.groups()[:3]]
        assert about[1:] == pytest.approx([100 * about[0], 10 * about[0]], rel=0.02)  # as the endpoint counts
        assert 0 < about[0] < calls / 10  # a fake student takes one step, not as many as there is room for
        assert tokens_in > about[1]
        assert tokens_out > about[2]
        elsewhere = said(server.url, "action=plan", "tasks=scienceqa", "task.folder=/nowhere", "task.num_validation=50")
        assert "at most" in elsewhere
        assert "expected, by" not in elsewhere
        assert "not known" not in elsewhere.partition("Teacher")[2]


def test_time_is_never_divided_by_more_than_there_are_cores():
    assert at_once(16, 100) == min(16, cores())
    assert at_once(1, 100) == at_once(16, 1) == at_once(2, 0) == 1
    assert threads_of(1) == cores()
    assert threads_of(16 * cores()) == 1
