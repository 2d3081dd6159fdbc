"""Probabilities by chat: each source weighs what it is given, or says that it cannot."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.errors import EdtError
from edt.protocols import Rationale
from edt.teachers.api import ApiTeacher
from edt.teachers.calls import Abilities, Choice, Phrasing
from edt.teachers.fakes import ScriptedDesk
from edt.teachers.local import LocalTeacher
from edt.teachers.sources import LETTERS, Logprobs, Question, read_letter

OPTIONS = (" bed", " chair", " lamp")
RATIONALE = Rationale(
    head="What is this?\n", steps=("Step 1: It is soft.\n", "Step 2: It has legs.\n"), probe="Answer:", options=OPTIONS
)


def asking(reply, *, source, samples=4, schema="openai", **more) -> tuple[ApiTeacher, ScriptedDesk]:
    desk = ScriptedDesk(reply)
    return ApiTeacher(desk, Phrasing(model="m", schema=schema), source=source, samples=samples, **more), desk


def said(text: str, finish: str = "stop") -> Choice:
    return Choice(text=text, finish=finish)


def prompt_of(call) -> str:
    return call.request["messages"][-1]["content"]


def test_every_prefix_is_shown_with_lettered_options():
    teacher, desk = asking(lambda call: Choice(text="A", finish="length", first={"A": -1.0}), source="logprobs")
    weights = teacher.weigh([RATIONALE])
    assert len(weights[0]) == len(desk.calls) == 3
    assert [prompt_of(call).count("Step") for call in desk.calls] == [0, 1, 2]
    assert "A. bed\nB. chair\nC. lamp" in prompt_of(desk.calls[0])
    assert desk.calls[0].request["max_tokens"] == 1
    assert teacher.can.logprobs
    assert teacher.can.weighs


@given(st.dictionaries(st.sampled_from(["A", " A", "B", "(B", "C.", "The", "D", ""]), st.floats(0.01, 1), min_size=1))
def test_weights_are_probabilities_and_an_unlisted_option_never_leads(shares):
    whole = sum(shares.values())
    first = {token: math.log(share / whole) for token, share in shares.items()}
    question = Question(text="x", options=OPTIONS)
    desk = ScriptedDesk(lambda call: Choice(text="", finish="length", first=first))
    (row,) = Logprobs().weigh([question], desk, Phrasing(model="m"))
    listed = {token.strip("(). ") for token in first} & set("ABC")
    if not listed:
        assert row is None
        return
    assert row is not None
    assert sum(row) == pytest.approx(1)
    best = max(range(3), key=lambda place: row[place])
    assert LETTERS[best] in listed


def test_sampling_counts_letters_and_leaves_out_what_names_none():
    replies = {0: "A", 1: "B. chair", 2: "Well, who knows?", 3: "chair"}
    teacher, desk = asking(lambda call: said(replies[call.request["seed"]]), source="sampling")
    assert teacher.weigh([RATIONALE])[0] == [pytest.approx([1 / 3, 2 / 3, 0])] * 3
    assert len({call.key for call in desk.calls}) == 12
    assert {call.request["temperature"] for call in desk.calls} == {1.0}
    assert not teacher.can.logprobs
    assert teacher.can.weighs


@pytest.mark.parametrize(
    ("text", "finish", "place"),
    [
        ("A", "stop", 0),
        (" (b)", "stop", None),
        ("(B) because", "length", 1),
        ("**C**", "stop", 2),
        ("A bed, I think", "stop", None),
        ("As you like", "stop", None),
        ("D", "stop", None),
        ("Lamp.", "stop", 2),
        ("", "stop", None),
        ("A", "content_filter", None),
    ],
)
def test_a_letter_is_read_only_where_it_stands_alone(text, finish, place):
    assert read_letter(Choice(text=text, finish=finish), OPTIONS) == place


def test_numbers_are_read_by_their_schema():
    teacher, desk = asking(lambda call: said('{"A": 0.2, "B": 0.2, "C": 0}'), source="verbalised")
    assert teacher.weigh([RATIONALE])[0] == [[0.5, 0.5, 0.0]] * 3
    form = desk.calls[0].request["response_format"]["json_schema"]
    assert form["strict"] is True
    assert form["schema"]["required"] == ["A", "B", "C"]
    offered = form["schema"]["properties"]["A"]["enum"]
    assert (min(offered), max(offered)) == (0, 1)  # what a reply is read by: some servers know no least and greatest
    teacher, desk = asking(lambda call: said('{"A": 1, "B": 0, "C": 0}'), source="verbalised", schema="llama_cpp")
    teacher.weigh([RATIONALE])
    assert desk.calls[0].request["response_format"]["type"] == "json_object"
    teacher, desk = asking(lambda call: said('{"A": 1, "B": 0, "C": 0}'), source="verbalised", schema="none")
    teacher.weigh([RATIONALE])
    assert "response_format" not in desk.calls[0].request


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("Certainly! {}", "not one JSON object"),
        ('{"A": 1, "A": 1, "B": 0, "C": 0}', "twice"),
        ('{"A": NaN, "B": 0, "C": 0}', "NaN is no JSON"),
        ('{"A": 1, "B": 0}', "the names A, B, C"),
        ('{"A": true, "B": 0, "C": 0}', "a number from 0 to 1"),
        ('{"A": 70, "B": 20, "C": 10}', "a number from 0 to 1"),
        ('{"A": 0, "B": 0, "C": 0}', "above 0"),
        ("[0.1]", "not an object"),
    ],
)
def test_a_reply_that_cannot_be_read_is_repaired_once(bad, why):
    def reply(call):
        return said('{"A": 1, "B": 0, "C": 0}') if len(call.request["messages"]) == 3 else said(bad)

    teacher, desk = asking(reply, source="verbalised")
    assert teacher.weigh([RATIONALE])[0] == [[1.0, 0.0, 0.0]] * 3
    assert len(desk.calls) == 6
    assert desk.calls[-1].request["messages"][1] == {"role": "assistant", "content": bad}
    assert why in prompt_of(desk.calls[-1])


def test_a_truncated_reply_is_never_fed_back():
    teacher, desk = asking(lambda call: said('{"A": 0.', finish="length"), source="verbalised")
    with pytest.raises(EdtError, match="none of the options in 3 of 3 weighings"):
        teacher.weigh([RATIONALE])
    assert len(desk.calls) == 3


def test_what_stays_unreadable_is_an_error_or_even_weights_with_a_warning(caplog):
    teacher, desk = asking(lambda call: said("no"), source="verbalised")
    with pytest.raises(EdtError, match=r"teacher\.unread=even"):
        teacher.weigh([RATIONALE])
    assert len(desk.calls) == 6
    teacher, _ = asking(lambda call: said("no"), source="verbalised", unread="even")
    assert teacher.weigh([RATIONALE])[0] == [[1 / 3] * 3] * 3
    assert "named no option in 3 of 3 weighings" in caplog.text


@pytest.mark.parametrize(
    ("text", "finish", "lines"),
    [
        ("\nfirst\n\n second \n", "stop", "first\n\n second"),
        ("first\nsecond\nthi", "length", "first\nsecond"),
        ("first\nsecond", "content_filter", ""),
        ("half a li", "length", ""),
    ],
)
def test_all_whole_lines_are_given_where_they_are_asked_for(text, finish, lines):
    teacher, desk = asking(lambda call: said(text, finish), source="logprobs")
    assert teacher.complete(["x"], max_tokens=7, lines=True) == [lines]
    teacher.complete(["x"], max_tokens=7)
    assert desk.calls[0].key == desk.calls[1].key


@pytest.mark.parametrize(
    ("text", "finish", "line"),
    [
        (" whole ", "stop", "whole"),
        ("\nfirst\nsecond", "stop", "first"),
        ("first\nsec", "length", "first"),
        ("half a li", "length", ""),
        ("half a line", "content_filter", ""),
        ("", "stop", ""),
    ],
)
def test_the_finish_reason_is_looked_at_before_the_text(text, finish, line, caplog):
    teacher, _ = asking(lambda call: said(text, finish), source="logprobs")
    assert teacher.complete(["x"], max_tokens=7) == [line]
    gone = finish != "stop" and not line
    assert ("1 of 1 replies" in caplog.text) == gone
    assert teacher.complete([], max_tokens=7) == []


def test_a_source_that_a_teacher_cannot_deliver_is_refused_when_it_is_built(tiny):
    with pytest.raises(EdtError, match="cannot deliver source=local; it can deliver logprobs, sampling, verbalised"):
        asking(lambda call: said(""), source="local")
    with pytest.raises(EdtError, match="cannot deliver source=logprobs; it can deliver local"):
        LocalTeacher(tiny, source="logprobs")
    with pytest.raises(EdtError, match=r"teacher\.source is 'guess'; choose one of logprobs, local"):
        asking(lambda call: said(""), source="guess")
    with pytest.raises(EdtError, match=r"samples is 1"):
        asking(lambda call: said(""), source="sampling", samples=1)


def test_the_source_is_in_the_name_and_in_the_fingerprint():
    teachers = [asking(lambda call: said(""), source=source)[0] for source in ("logprobs", "sampling", "verbalised")]
    assert [teacher.name for teacher in teachers] == ["m (logprobs)", "m (sampling)", "m (verbalised)"]
    prints = [json.dumps(teacher.fingerprint()) for teacher in teachers]
    assert len(set(prints)) == 3
    more = asking(lambda call: said(""), source="sampling", samples=5)[0]
    assert more.fingerprint() != teachers[1].fingerprint()


def test_a_schema_that_is_ignored_is_told(caplog):
    desk = ScriptedDesk(lambda call: said('{"A": 1, "B": 0, "C": 0}'), can=Abilities(logprobs=False, schema="ignored"))
    teacher = ApiTeacher(desk, Phrasing(model="m", schema="openai"), source="verbalised")
    teacher.weigh([RATIONALE])
    teacher.weigh([RATIONALE])
    assert caplog.text.count("ignores the JSON schema") == 1


def test_more_options_than_letters_are_refused():
    teacher, _ = asking(lambda call: said("A"), source="sampling")
    many = Rationale(head="x", steps=(), probe="", options=tuple(f" {n}" for n in range(27)))
    with pytest.raises(EdtError, match="27 options are more"):
        teacher.weigh([many])


def test_the_body_of_requests_can_be_added_to_and_taken_from():
    body = {"max_tokens": None, "max_completion_tokens": 400, "temperature": None, "reasoning_effort": "minimal"}
    request = Phrasing(model="m", body=body).call("x", max_tokens=5).request
    assert request.keys() == {"model", "messages", "max_completion_tokens", "reasoning_effort"}
    with pytest.raises(EdtError, match="replies need an end"):
        Phrasing(model="m", body={"max_tokens": None})
