"""What a model in memory has said is kept: a stopped piece of work goes on, in the same batches, to the same values."""

import pytest

from edt.protocols import Rationale
from edt.teachers.callbook import CallBook
from edt.teachers.local import LocalTeacher
from edt.teachers.memory import PIECE, Memory, Said

RATIONALE = Rationale(head="x", steps=("Step 1: a.\n", "Step 2: b.\n"), probe="Answer:", options=(" bed", " chair"))


class Worker:
    """Doubles numbers, keeps the batches that it was given, and is killed before one that holds `fatal`."""

    def __init__(self, requests, *, fatal: int | None = None) -> None:
        self._requests, self._fatal = requests, fatal
        self.batches: list[list[int]] = []

    def __call__(self, places: list[int]) -> list[Said]:
        if self._fatal in places:
            raise KeyboardInterrupt
        self.batches.append(places)
        return [Said(value=[2 * self._requests[place]["n"]], prompt_tokens=1) for place in places]


def test_a_stopped_work_goes_on_in_the_batches_that_it_would_have_had(tmp_path):
    requests = [{"n": n} for n in range(3 * PIECE + 5)]
    undisturbed = Worker(requests)
    values = Memory(CallBook(tmp_path / "one.sqlite"), "m").through(requests, undisturbed)
    assert values == [[2 * n] for n in range(len(requests))]
    stopped, rest = Worker(requests, fatal=PIECE + 3), Worker(requests)
    with pytest.raises(KeyboardInterrupt):
        Memory(CallBook(tmp_path / "two.sqlite"), "m").through(requests, stopped)
    again = Memory(CallBook(tmp_path / "two.sqlite"), "m").through(requests, rest)
    assert again == values
    assert [*stopped.batches, *rest.batches] == undisturbed.batches
    assert set(CallBook(tmp_path / "two.sqlite").answered().values()) == {1}


def test_the_same_request_is_done_once_and_without_a_book_always(tmp_path):
    requests = [{"n": 1}, {"n": 2}, {"n": 1}]
    once, always = Worker(requests), Worker(requests)
    assert Memory(CallBook(tmp_path / "calls.sqlite"), "m").through(requests, once) == [[2], [4], [2]]
    assert sum(map(len, once.batches)) == 2
    assert Memory(None, "m").through(requests, always) == [[2], [4], [2]]
    assert always.batches == [[0, 1, 2]]


def test_a_local_teacher_works_nothing_out_twice(tiny, tmp_path):
    path = tmp_path / "calls.sqlite"
    first = LocalTeacher(tiny, calls=path)
    replies, weights = first.complete(["abc", "What is this?"], max_tokens=4), first.weigh([RATIONALE])
    plain = LocalTeacher(tiny)
    assert replies == plain.complete(["abc", "What is this?"], max_tokens=4)
    assert weights == plain.weigh([RATIONALE])
    again = LocalTeacher(tiny, calls=path)
    assert again.complete(["What is this?", "abc"], max_tokens=4) == replies[::-1]
    assert again.weigh([RATIONALE]) == weights
    assert "_engine" not in vars(again)  # it was not even loaded
    lines = {line.outcome: line for line in CallBook(path).lines()}
    assert (lines["answered"].calls, lines["hit"].calls) == (3, 3)
    assert lines["answered"].prompt_tokens > 0
    assert lines["answered"].usd == 0
    assert first.fingerprint() == plain.fingerprint()


def test_how_fast_a_local_teacher_is_is_tried_past_the_book(tiny, tmp_path):
    teacher = LocalTeacher(tiny, calls=tmp_path / "calls.sqlite")
    pace = teacher.pace(["abc", "What is this?"], max_tokens=4)
    assert pace is not None
    assert 0 < pace < 60
    assert teacher.pace([], max_tokens=4) is None
    assert CallBook(tmp_path / "calls.sqlite").lines() == []


def test_another_model_or_setting_shares_nothing(tiny, tmp_path):
    path = tmp_path / "calls.sqlite"
    LocalTeacher(tiny, calls=path).weigh([RATIONALE])
    LocalTeacher(tiny, calls=path, normalise_length=True).weigh([RATIONALE])
    LocalTeacher(tiny, calls=path, chat="plain").weigh([RATIONALE])
    assert len(CallBook(path).answered()) == 3
