"""Records of a file in bounded memory: what json.loads would give, and a word on what is no JSON."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.supporting import stream
from edt.supporting.records import Bad
from edt.supporting.stream import JsonStream

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=3), max_size=6)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("stream") / "records.json"


def read(file, data: bytes):
    file.write_bytes(data)
    reader = JsonStream(file)
    found = list(reader)
    assert reader.sha256 == hashlib.sha256(data).hexdigest()
    assert reader.size == len(data)
    return found


@given(OBJECTS, st.booleans(), st.sampled_from([None, 1]), st.integers(1, 40), st.booleans())
def test_any_records_come_as_they_were_written(file, records, array, indent, chunk, ascii_only):
    stream.CHUNK, before = chunk, stream.CHUNK
    try:
        texts = [json.dumps(one, indent=indent if array else None, ensure_ascii=ascii_only) for one in records]
        text = f"[{', '.join(texts)}]" if array else "\n".join(texts)
        assert read(file, text.encode()) == records
    finally:
        stream.CHUNK = before


def kinds(found):
    return [one.kind if isinstance(one, Bad) else one["id"] for one in found]


ONE, TWO, THREE = ('{"id": 1, "c": [{"from": "a"}, {"from": "b"}]}', '{"id": 2, "t": "x"}', '{"id": 3}')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"[{ONE}, {TWO}, {THREE}]", [1, 2, 3]),
        (f"\ufeff [{ONE}]\n\n", [1]),
        (f"{ONE}\n\n{TWO}\n", [1, 2]),
        ("", []),
        ("[]", []),
        (f"[{ONE}, {TWO}", [1, 2, "truncated JSON"]),
        (f"[{ONE}, " + '{"id": 2, "t": "', [1, "truncated JSON"]),
        (f"{ONE}\n" + '{"id": 2, "t"', [1, "truncated JSON"]),
        (f"[{ONE}, " + '{"id": 2, "t": nonsense}, ' + f"{THREE}]", [1, "not JSON", 3]),
        (f"[{ONE}, " + '{"id" 2, "c": [{"from": "a"}, {"from": "b"}]}, ' + f"{THREE}]", [1, "not JSON", 3]),
        (f"{ONE}\n" + '{"id": 2,\n' + f"{THREE}", [1, "not JSON", 3]),
        (f"[{ONE}] {TWO}", [1, "not JSON", 2]),
        ('[{"id": NaN}, ' + f"{THREE}]", ["wrong type", 3]),
        ('[{"id": 1, "id": 2}, ' + f"{THREE}]", ["wrong type", 3]),
    ],
)
@pytest.mark.parametrize("chunk", [7, 1 << 22])
def test_what_is_no_json_is_told_and_passed(file, text, expected, chunk, monkeypatch):
    monkeypatch.setattr(stream, "CHUNK", chunk)
    assert kinds(read(file, text.encode())) == expected


def test_what_is_nested_too_deep_is_told(file):
    assert kinds(read(file, ("[" + "[" * 100_000 + "]" * 100_000 + f", {THREE}]").encode())) == ["not JSON"]


@given(st.binary(max_size=200))
def test_any_bytes_come_to_an_end(file, data):
    assert len(read(file, data)) <= len(data) + 1  # a value or a fault takes a byte at least, and the end may be one
