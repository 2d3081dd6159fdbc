import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.errors import EdtError
from edt.fakes import FakeSupporting, FakeTask
from edt.selection.pools import BalancedSelector, ImportedSelector
from edt.types import by_id

SUPPORTING = FakeSupporting(size=40)
SAMPLES = by_id(SUPPORTING.samples)


def select(selector, budget, exclude=frozenset(), seed=0):
    return selector.select([], SUPPORTING, FakeTask(), budget=budget, exclude=exclude, round=1, seed=seed)


@given(st.integers(0, 45), st.integers(0, 45), st.frozensets(st.sampled_from(sorted(SAMPLES))), st.integers(0, 3))
def test_sources_take_even_shares_as_far_as_they_go(first, second, exclude, seed):
    small, large = (select(BalancedSelector(), n, exclude, seed) for n in sorted((first, second)))
    assert large[: len(small)] == small
    ids = {pick.sample_id for pick in large}
    assert len(ids) == len(large) == min(max(first, second), len(SAMPLES) - len(exclude))
    assert not ids & exclude
    assert not any(pick.targeted for pick in large)
    taken = Counter(SAMPLES[name].source_task for name in ids)
    left = Counter(SAMPLES[name].source_task for name in SAMPLES.keys() - ids - exclude)
    most = max(taken.values(), default=0)
    assert all(taken[source] >= most - 1 for source in left), "a source with samples left has its share"


IDS = ["supporting-5", "supporting-3", "supporting-9"]
FORMS = {
    "lines": "\n".join([*IDS, ""]),
    "list": json.dumps(IDS),
    "byte order mark": "\ufeff" + "\r\n".join(IDS),
    "json with other line breaks": "\n".join(
        json.dumps({"id": name, "q": "a\u2028b\x85"}, ensure_ascii=False) for name in IDS
    ),
    "json lines": "\n".join(json.dumps({"id": name, "score": 1}) for name in IDS),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_list_is_taken_in_its_order_and_the_rest_is_filled(tmp_path, form):
    (file := tmp_path / "list").write_text(FORMS[form], "utf-8", newline="")
    selector = ImportedSelector(path=str(file))
    picks = select(selector, 5)
    assert [pick.sample_id for pick in picks[:3]] == IDS
    assert [(pick.targeted, pick.rank) for pick in picks] == [(True, 1), (True, 2), (True, 3), *[(False, None)] * 2]
    assert [p.sample_id for p in select(selector, 1, exclude=frozenset(IDS[:1]))] == IDS[1:2]


def test_the_fingerprint_is_of_what_is_listed(tmp_path):
    prints = []
    for name, text in (("a", FORMS["lines"]), ("b", FORMS["list"]), ("c", json.dumps(IDS[::-1]))):
        (tmp_path / name).write_text(text)
        prints.append(ImportedSelector(path=str(tmp_path / name)).fingerprint())
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("supporting-1\nnowhere-1\nnowhere-2", r"lists 2 samples, the first 'nowhere-1', that .*'fake' does not have"),
        ("[1, 2]", "is no list of ids"),
        ("[", "is no list of ids"),
        ('{"name": "x"}', "is no list of ids"),
        ("[" * 100_000, "is no list of ids"),
        ("x" * 1000, r"the first 'x{80}', that the"),
        ("\n \n", "lists no sample; name one at least, or take method=random"),
        ("[]", "lists no sample"),
    ],
)
def test_a_file_that_will_not_do_is_named(tmp_path, text, message):
    (file := tmp_path / "list").write_text(text)
    with pytest.raises(EdtError, match=message):
        select(ImportedSelector(path=str(file)), 2)


def test_a_missing_file_and_no_file_are_named(tmp_path):
    with pytest.raises(EdtError, match=r"selector\.path='.*gone' cannot be read \(No such file"):
        ImportedSelector(path=str(tmp_path / "gone")).fingerprint()
    with pytest.raises(EdtError, match=r"name one by selector\.path=FILE"):
        ImportedSelector().fingerprint()
