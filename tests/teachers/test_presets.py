"""Teachers as a configuration names them: built without a key or a network, and wrong values refused by name."""

import pytest

from edt.build import Builder, check
from edt.errors import EdtError
from edt.experiment import CONF, compose
from edt.protocols import Teacher

PRESETS = sorted(path.stem for path in (CONF / "teacher").glob("*.yaml"))
SECRET = "sk-12345678901234567890"


def build(*overrides: str) -> Teacher:
    config = compose([*overrides])
    check(config)
    return Builder().part("teacher", config.teacher)


def test_there_are_as_many_presets_as_are_documented():
    assert PRESETS == [
        "gpt_4o_mini", "llama_cpp", "llava_onevision_72b", "local", "openai", "oracle", "pocket", "pocket_untaught",
        "replay", "vllm",
    ]  # fmt: skip


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_built_without_key_network_or_weights(preset, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    named = (
        ["teacher.model=mine", "teacher.base_url=http://localhost:1/v1", "teacher.usd_per_million=[0,0]"]
        if preset == "openai"
        else []
    )
    teacher = build(f"teacher={preset}", *named)
    assert teacher.name
    assert set(teacher.can.sources) <= {"logprobs", "local", "sampling", "verbalised"}
    assert teacher.can.weighs == (preset != "oracle")


@pytest.mark.parametrize("preset", ["gpt_4o_mini", "vllm", "llama_cpp", "replay"])
def test_the_name_of_an_api_teacher_says_where_its_probabilities_come_from(preset):
    assert build(f"teacher={preset}", "teacher.source=sampling").name.endswith("(sampling)")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (f"teacher.base_url=https://me:{SECRET}@host/v1", "teacher.base_url holds a name, a password or a query"),
        (f"teacher.base_url='https://host/v1?k={SECRET}'", "teacher.base_url holds a name, a password or a query"),
        (f"teacher.key_from={SECRET}", "teacher.key_from is not the name of an environment variable"),
        (f"+teacher.body.api_key={SECRET}", "looks like a secret"),
        ("teacher.base_url=localhost:8000", "teacher.base_url is 'localhost:8000'; give an address such as http"),
        ("teacher.timeout=0", "teacher.timeout is 0; it must be a number of seconds above 0"),
        ("teacher.concurrency=0", "teacher.concurrency is 0; it must be 1 or more"),
        ("teacher.retries=-1", "teacher.retries is -1; it must be 0 or more"),
        ("teacher.max_usd=-1", "teacher.max_usd is -1; it must be 0 or more, or null for no limit"),
        ("teacher.schema=xml", "teacher.schema is 'xml'; choose one of none, openai, llama_cpp"),
        ("teacher.unread=guess", "teacher.unread is 'guess'; choose one of stop, even"),
        ("teacher.source=local", "cannot deliver source=local; it can deliver logprobs, sampling, verbalised"),
        ("teacher.model=''", "teacher.model is empty; name the model"),
        ("teacher.model=mine", "no price is known for the model 'mine'"),
    ],
)
def test_a_wrong_value_is_named_and_no_secret_repeated(override, message):
    with pytest.raises(EdtError, match=message) as caught:
        build("teacher=gpt_4o_mini", override)
    assert SECRET not in str(caught.value)


def test_an_endpoint_of_ones_own_must_name_its_model_and_address_and_gets_no_key_of_another():
    with pytest.raises(EdtError, match=r"teacher.model is empty; name the model"):
        build("teacher=openai")
    with pytest.raises(EdtError, match=r"teacher.base_url is ''; give an address"):
        build("teacher=openai", "teacher.model=mine", "teacher.usd_per_million=[0,0]")
    assert compose(["teacher=openai"]).teacher["key_from"] is None


def test_a_model_of_ones_own_has_ones_own_price():
    assert build("teacher=gpt_4o_mini", "teacher.model=mine", "teacher.usd_per_million=[0,0]").name == "mine (logprobs)"
