"""What an endpoint can do to a caller: nothing is lost, nothing counted twice, and the message says what is left."""

import logging
import time

import httpx
import pytest

from edt.errors import EdtError
from edt.protocols import Cost, Priced, Rationale
from edt.teachers.faults import pause_of
from edt.teachers.meter import Meter
from edt.teachers.office import ENOUGH, IN_A_ROW
from tests.teachers.wire import CHAT, COST, KEY, MODEL, URL, asked, body, book_at, ok, prompt_of, teacher

RATIONALE = Rationale(head="What is it?\n", steps=("Step 1: soft.\n",), probe="Answer:", options=(" bed", " chair"))
PROBE = {"A": 0.6, "B": 0.3}


def outcomes(folder) -> dict[str, int]:
    return {line.outcome: line.calls for line in book_at(folder).lines()}


def test_a_reply_comes_and_is_kept(tmp_path, wire):
    wire.side_effect = lambda request: ok(f"about {prompt_of(request)}\nand more")
    assert teacher(tmp_path).complete(["a", "b", "a"], max_tokens=9) == ["about a", "about b", "about a"]
    assert wire.call_count == 2
    again = teacher(tmp_path).complete(["b", "c"], max_tokens=9)
    assert again == ["about b", "about c"]
    assert wire.call_count == 3
    assert outcomes(tmp_path) == {"answered": 3, "hit": 2}
    assert book_at(tmp_path).spent() == pytest.approx(3 * COST)
    assert wire.calls[0].request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("fault", "outcome", "usd"),
    [
        (httpx.Response(429, headers={"retry-after": "0.01"}, json={"error": {"message": "slow down"}}), "refused", 0),
        (httpx.Response(429, headers={"retry-after-ms": "5"}), "refused", 0),
        (httpx.Response(500, text="oops"), "refused", 0),
        (httpx.Response(503, text="away"), "refused", 0),
        (httpx.ConnectError("no route"), "refused", 0),
        (httpx.ReadTimeout("hung"), "lost", None),
        (httpx.RemoteProtocolError("cut"), "lost", None),
        (httpx.ReadError("reset"), "lost", None),
        (httpx.Response(200, text='{"choices": [{"mess'), "unusable", None),
        (httpx.Response(200, text="[]"), "unusable", None),
        (httpx.Response(200, json={**body(""), "choices": []}), "unusable", COST),
        (httpx.Response(200, json={**body(""), "choices": [{"text": "of another kind"}]}), "unusable", COST),
    ],
    ids=lambda value: getattr(value, "text", None) or str(value)[:20] or None,
)
def test_a_passing_fault_is_tried_again_and_counted_once(tmp_path, wire, fault, outcome, usd):
    replies = iter([fault, fault, ok("fine")])

    def reply(request):
        one = next(replies)
        if isinstance(one, Exception):
            raise one
        return one

    wire.side_effect = reply
    assert teacher(tmp_path).complete(["a"], max_tokens=9) == ["fine"]
    assert outcomes(tmp_path) == {"answered": 1, outcome: 2}
    assert book_at(tmp_path).answered() == {next(iter(book_at(tmp_path).answered())): 1}
    wasted = book_at(tmp_path).spent() - COST
    if usd is None:  # nobody knows, so it is held to have cost the most that it can
        assert wasted > 0
    else:
        assert wasted == pytest.approx(2 * usd)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (httpx.Response(500, text="oops"), "HTTP 500"),
        (httpx.ReadTimeout("hung"), "silent for 5 s"),
        (httpx.RemoteProtocolError("cut"), "the connection failed (cut)"),
        (httpx.Response(200, text='{"choices": [{"mess'), "no JSON, or only the beginning of it"),
        (httpx.Response(200, json={**body(""), "choices": []}), "holds no choice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_had_is_said_at_the_end_and_the_rest_is_kept(tmp_path, wire, fault, said):
    def reply(request):
        if prompt_of(request) != "bad":
            return ok("fine")
        if isinstance(fault, Exception):
            raise fault
        return fault

    wire.side_effect = reply
    prompts = ["bad", *"abcdef"]
    with pytest.raises(EdtError) as caught:
        teacher(tmp_path, retries=2).complete(prompts, max_tokens=9)
    for words in (MODEL, URL, said, "(after 3 attempts)", "6 of 7 replies"):
        assert words in str(caught.value)
    assert wire.call_count == 9
    wire.side_effect = lambda request: ok("mended")
    assert teacher(tmp_path).complete(prompts, max_tokens=9) == ["mended", *["fine"] * 6]
    assert wire.call_count == 10
    assert set(book_at(tmp_path).answered().values()) == {1}


def test_a_server_that_is_down_is_left_alone_soon(tmp_path, wire):
    wire.side_effect = lambda request: httpx.Response(502)
    with pytest.raises(EdtError, match="0 of 100 replies"):
        teacher(tmp_path, retries=1, concurrency=1).complete([f"prompt {n}" for n in range(100)], max_tokens=9)
    assert wire.call_count == 2 * IN_A_ROW


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (httpx.Response(401, json={"error": {"message": f"Incorrect API key provided: {KEY}"}}), "check TEACHER_KEY"),
        (httpx.Response(404, json={"error": {"message": "no such model"}}), "does not know the model 'some-model'"),
        (httpx.Response(429, json={"error": {"message": "x", "code": "insufficient_quota"}}), "no credit left"),
        (httpx.Response(429, headers={"retry-after": "86400"}), "left alone for 86400 s"),
    ],
    ids=["key", "model", "credit", "a day"],
)
def test_what_no_patience_will_mend_ends_at_once(tmp_path, wire, response, said):
    wire.side_effect = lambda request: response
    with pytest.raises(EdtError, match=said) as caught:
        teacher(tmp_path, concurrency=1).complete(list("abcdefgh"), max_tokens=9)
    assert KEY not in str(caught.value)
    assert wire.call_count == 1


def test_calls_that_are_rejected_hold_up_none_but_where_all_are(tmp_path, wire):
    wire.side_effect = lambda request: httpx.Response(400) if "bad" in prompt_of(request) else ok("fine")
    prompts = ["a", *(f"bad {n}" for n in range(8)), "b"]
    with pytest.raises(EdtError, match=r"8 × HTTP 400: without a word \(2 of 10"):
        teacher(tmp_path, concurrency=1).complete(prompts, max_tokens=9)
    with pytest.raises(EdtError, match=r"× HTTP 400: without a word \(0 of 50"):
        teacher(tmp_path / "other", concurrency=1).complete([f"bad {n}" for n in range(50)], max_tokens=9)
    assert wire.call_count == 10 + IN_A_ROW


def test_a_call_that_is_rejected_does_not_hold_up_the_others(tmp_path, wire):
    def reply(request):
        echoed = {"error": {"message": f"too long: {KEY}"}}
        return httpx.Response(400, json=echoed) if prompt_of(request) == "bad" else ok("fine")

    wire.side_effect = reply
    with pytest.raises(EdtError, match=r"1 × HTTP 400: too long: … \(3 of 4") as caught:
        teacher(tmp_path).complete(["a", "bad", "b", "c"], max_tokens=9)
    assert KEY not in str(caught.value)
    assert wire.call_count == 4


def test_log_probabilities_that_do_not_come_are_noticed_on_every_call(tmp_path, wire):
    wire.side_effect = lambda request: ok("hello", first=PROBE)
    one = teacher(tmp_path)
    one.prepare()
    wire.side_effect = lambda request: ok("A")
    with pytest.raises(EdtError, match=r"without the log-probabilities .* teacher\.source=sampling or verbalised"):
        one.weigh([RATIONALE])
    assert outcomes(tmp_path)["unusable"] >= 1
    assert "answered" not in outcomes(tmp_path)


def test_an_endpoint_without_log_probabilities_is_refused_before_the_first_call(tmp_path, wire):
    wire.side_effect = lambda request: ok("Hello!")
    with pytest.raises(EdtError, match=r"cannot deliver source=logprobs; it can deliver sampling, verbalised"):
        teacher(tmp_path).weigh([RATIONALE])
    assert outcomes(tmp_path) == {"probe": 2}  # once, and once more before it is turned down
    assert wire.calls[0].request.url == CHAT
    assert asked(wire.calls[0].request)["top_logprobs"] == 20
    teacher(tmp_path, source="sampling").prepare()
    assert wire.call_count == 2


def test_a_probe_that_is_an_error_is_taken_apart(tmp_path, wire):
    def reply(request):
        if "response_format" in asked(request):
            return httpx.Response(500, text="no such format")
        return ok("Hello", first=PROBE if asked(request).get("logprobs") else None)

    wire.side_effect = reply
    teacher(tmp_path).prepare()
    with pytest.raises(
        EdtError, match=r"dialect 'openai' with an error; set teacher\.schema to one of none, llama_cpp"
    ):
        teacher(tmp_path, source="verbalised").prepare()
    assert wire.call_count == 4


def test_an_endpoint_that_is_away_is_named_by_the_probe(tmp_path, wire):
    wire.side_effect = httpx.ConnectError("refused")
    with pytest.raises(EdtError, match=rf"{URL}: the connection failed"):
        teacher(tmp_path, retries=0).prepare()


def test_options_outside_the_alternatives_get_the_most_that_they_can_have(tmp_path, wire):
    def reply(request):
        steps = "Step 1" in prompt_of(request)
        return ok("A", first={"B": 0.7, " B": 0.1, "The": 0.15} if steps else {"A": 0.5, "B": 0.25})

    wire.side_effect = reply
    before, after = teacher(tmp_path).weigh([RATIONALE])[0]
    assert before == pytest.approx([2 / 3, 1 / 3])
    assert after == pytest.approx([0.05 / 0.85, 0.8 / 0.85])


def test_no_option_among_the_alternatives_is_no_weight(tmp_path, wire):
    wire.side_effect = lambda request: ok("The", first={"The": 0.9, "It": 0.1})
    with pytest.raises(EdtError, match=r"none of the options in 2 of 2 weighings .*teacher\.unread=even"):
        teacher(tmp_path).weigh([RATIONALE])


def test_the_budget_stops_before_the_call_that_would_pass_it(tmp_path, wire):
    wire.side_effect = lambda request: ok("fine")
    with pytest.raises(EdtError, match=r"teacher\.max_usd is 0\.002: .*raise it to go on.* replies are there and kept"):
        teacher(tmp_path, max_usd=0.002, concurrency=1).complete([f"{n}" for n in range(100)], max_tokens=9)
    bought = len(book_at(tmp_path).answered())
    assert 0 < bought == wire.call_count < 100
    assert book_at(tmp_path).spent() <= 0.002
    teacher(tmp_path, max_usd=None).complete([f"{n}" for n in range(100)], max_tokens=9)
    assert wire.call_count == 100


def test_without_the_key_nothing_is_sent(tmp_path, wire, monkeypatch):
    monkeypatch.delenv("TEACHER_KEY")
    with pytest.raises(EdtError, match="set the environment variable TEACHER_KEY"):
        teacher(tmp_path).prepare()
    assert not wire.called


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 40),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, 0),
        ({"retry-after": "soon"}, None),
    ],
)
def test_a_pause_is_read_in_every_form(headers, seconds):
    assert pause_of(headers, now=60.0) == seconds


def test_a_pause_that_is_asked_for_is_kept_by_all(tmp_path, wire):
    sent: list[float] = []

    def reply(request):
        sent.append(time.monotonic())
        return httpx.Response(429, headers={"retry-after": "0.3"}) if len(sent) == 1 else ok("fine")

    wire.side_effect = reply
    teacher(tmp_path, concurrency=1).complete(list("ab"), max_tokens=9)
    assert len(sent) == 3
    assert sent[1] - sent[0] >= 0.3


def test_what_calls_would_cost_is_said_before_and_what_they_did_cost_after(tmp_path, wire):
    wire.side_effect = lambda request: ok(f"about {prompt_of(request)}")
    one = teacher(tmp_path)
    assert isinstance(one, Priced)
    ahead = one.cost(["a", "b", "a"], max_tokens=9)
    assert (ahead.calls, ahead.tokens_out) == (2, 18)
    meter = Meter(one)
    one.complete(["a", "b", "a"], max_tokens=9)
    assert meter.bill().usd == pytest.approx(2 * COST)
    assert (meter.bill().calls, meter.bill().bought) == (2, 2)
    assert ahead.usd >= meter.bill().usd
    assert one.cost(["a", "b"], max_tokens=9) == Cost(calls=0, tokens_in=0, tokens_out=0, usd=0.0)
    one.complete(["a"], max_tokens=9)
    assert (meter.bill().calls, meter.bill().bought) == (3, 2)
    assert meter.bill().tokens == 3 * 110
    assert meter.bill().usd == pytest.approx(2 * COST)


def test_earlier_calls_say_what_others_may_be_expected_to_take(tmp_path, wire):
    prompts = [f"{n} {'word ' * (n % 7)}" for n in range(ENOUGH)]

    def reply(request):
        own = {"prompt_tokens": 8 + len(prompt_of(request)) // 4, "completion_tokens": 3}
        return ok("fine", usage=own)

    wire.side_effect = reply
    one = teacher(tmp_path)
    assert one.expected(["a"], max_tokens=9) is None
    assert not (tmp_path / "calls.sqlite").exists()
    one.complete(prompts[1:], max_tokens=9)
    assert teacher(tmp_path).expected(["a"], max_tokens=9) is None  # one too few
    one.complete(prompts[:1], max_tokens=9)
    new = [f"another {prompt}" for prompt in prompts]
    assert teacher(tmp_path).expected(new, max_tokens=900) is None  # nothing is known of replies so long
    again = teacher(tmp_path)
    expected, bound = again.expected([*new, *prompts], max_tokens=9), again.cost([*new, *prompts], max_tokens=9)
    assert expected is not None
    before = again.spent()
    again.complete(new, max_tokens=9)
    spent = again.spent()
    assert (expected.calls, expected.tokens_out) == (len(new), 3 * len(new))
    assert expected.tokens_in == pytest.approx(spent.tokens_in - before.tokens_in, rel=0.25)
    assert expected.usd == pytest.approx(spent.usd - before.usd, rel=0.25)
    assert expected.usd < bound.usd / 2
    assert again.expected(new, max_tokens=9) == Cost(calls=0, tokens_in=0, tokens_out=0, usd=0.0)


def test_how_far_it_is_is_said_now_and_then_and_not_with_every_request(tmp_path, wire, caplog):
    wire.side_effect = lambda request: ok("fine")
    one = teacher(tmp_path)
    with caplog.at_level(logging.INFO, "edt"):
        for number in range(5):
            one.complete([f"{number}"], max_tokens=9)
    (line,) = [record.getMessage() for record in caplog.records if "so far" in record.getMessage()]
    assert "1 answered, 0 found here, 0 failed attempts; 100 + 10 tokens" in line
