import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edt.errors import EdtError
from edt.store.keys import digest, stage_key

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@settings(max_examples=30)
@given(st.dictionaries(st.text(), PLAIN, max_size=5))
def test_the_order_of_keys_does_not_matter(data):
    assert digest(data) == digest(dict(reversed(data.items())))


def test_every_ingredient_changes_the_key():
    base = {"inputs": {"a": 1}, "parts": {"p": {"rate": 0.1}}, "seed": 0}
    keys = {
        stage_key("tune", 1, **base),
        stage_key("select", 1, **base),
        stage_key("tune", 2, **base),
        stage_key("tune", 1, **{**base, "inputs": {"a": 2}}),
        stage_key("tune", 1, **{**base, "parts": {"p": {"rate": 0.2}}}),
        stage_key("tune", 1, **{**base, "seed": 1}),
        stage_key("tune", 1, **{**base, "seed": None}),
    }
    assert len(keys) == 7


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object()])
def test_what_is_not_plain_is_refused(value):
    with pytest.raises(EdtError, match="plain JSON"):
        digest({"x": value})
