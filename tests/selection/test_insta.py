from collections import Counter

import numpy as np
import pytest

from edt.errors import EdtError
from edt.fakes import FakeSupporting, FakeTask
from edt.selection.insta import InstaSelector
from edt.selection.rank import cosines
from edt.selection.sentences import SentenceEncoder
from edt.tasks.pocket import PocketTask
from edt.types import by_id

SUPPORTING = FakeSupporting(size=60)


def select(selector, budget, exclude=frozenset(), seed=0):
    return selector.select([], SUPPORTING, FakeTask(), budget=budget, exclude=exclude, round=1, seed=seed)


@pytest.fixture
def selector(encoder, tmp_path):
    return InstaSelector(model=str(encoder), cache=str(tmp_path))


def test_whole_tasks_from_the_nearest_down(selector, encoder, tmp_path):
    samples = by_id(SUPPORTING.samples)
    picks = select(selector, 25)
    order = list(dict.fromkeys(samples[pick.sample_id].source_task for pick in picks))
    assert [Counter(samples[p.sample_id].source_task for p in picks)[name] for name in order] == [10, 10, 5]
    assert all(pick.targeted and pick.query for pick in picks)
    assert [pick.rank for pick in picks] == list(range(1, 26))
    scores = [pick.score for pick in picks]
    assert scores == sorted(scores, reverse=True)
    embed = SentenceEncoder(str(encoder), cache=str(tmp_path)).embed
    questions = sorted({sample.question.partition(" Options")[0] for sample in FakeTask().validation})[:8]
    of_best = sorted({s.question.partition(" Options")[0] for s in SUPPORTING.samples if s.source_task == order[0]})[:8]
    assert scores[0] == pytest.approx(float(np.max(cosines(embed(questions), embed(of_best)))))


def test_budgets_are_nested_seeds_draw_within_a_task_and_used_ones_are_left_out(selector):
    assert select(selector, 25)[:12] == select(selector, 12)
    assert {p.sample_id for p in select(selector, 10)} == {p.sample_id for p in select(selector, 10, seed=1)}
    assert select(selector, 10) != select(selector, 10, seed=1)
    used = frozenset(pick.sample_id for pick in select(selector, 25))
    assert not used & {pick.sample_id for pick in select(selector, 25, exclude=used)}
    assert len(select(selector, 100)) == 60


def test_a_bound_on_instructions_is_checked():
    with pytest.raises(EdtError, match=r"selector\.instructions is 0"):
        InstaSelector(instructions=0)


def test_instructions_of_pocket_are_its_questions_without_options(selector):
    assert selector._of(PocketTask("furniture").validation) == ["Which piece of furniture is this?"]
