import pytest

from edt.errors import EdtError
from edt.loop import share
from edt.store.folders import MANIFEST
from edt.types import Outcome, Report, from_json, to_json
from tests.harness import run_here


@pytest.mark.parametrize(("total", "rounds"), [(96, 2), (97, 2), (7, 3), (2, 3), (0, 1)])
def test_shares_are_even_and_meet_the_total(total, rounds):
    shares = [share(total, rounds, index) for index in range(1, rounds + 1)]
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1


def test_the_loop_mends_the_gaps_it_finds(tmp_path):
    report = run_here(tmp_path, "scale=96").report
    first, second = report.rounds
    assert first.errors == 18
    assert first.abstained == 3
    assert {gap.skill for gap in first.gaps if gap.skill} <= {
        skill for p in first.picks if p.targeted for skill in [p.query]
    }
    assert second.validation.score > first.validation.score
    assert report.validation.n == 24
    assert report.test is not None
    assert report.test.score > 0.9


def test_an_unparsed_answer_is_counted_and_never_diagnosed(tmp_path):
    first = run_here(tmp_path).report.rounds[0]
    unparsed = [p.sample_id for p in first.predictions if p.outcome is Outcome.UNPARSED]
    assert first.validation.unparsed == len(unparsed) == 2
    assert not {mistake.sample_id for mistake in first.mistakes} & set(unparsed)


@pytest.mark.parametrize(
    ("method", "a_round"),
    [
        ("edt", [48, 48]),
        ("random", [96]),
        ("task_description", [96]),
        ("question", [48, 48]),
        ("balanced", [96]),
    ],
)
def test_methods_see_the_same_number_of_samples_and_none_twice(tmp_path, method, a_round):
    report = run_here(tmp_path, f"method={method}", "scale=96").report
    ids = [pick.sample_id for record in report.rounds for pick in record.picks]
    assert [len(record.picks) for record in report.rounds] == a_round
    assert len(set(ids)) == 96


def test_pretrained_is_no_round_and_full_is_one_of_all(tmp_path):
    pretrained = run_here(tmp_path, "method=pretrained").report
    assert pretrained.rounds == ()
    assert pretrained.adapter is None
    full = run_here(tmp_path, "method=full").report
    assert [len(record.picks) for record in full.rounds] == [320]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["scale=1k"], "scale.samples=1000 is more than the 320 samples of the supporting dataset 'fake'; choose"),
        (["scale.samples=3", "budget.rounds=4"], "budget.rounds=4 is more than the 3 samples to share out"),
    ],
)
def test_a_budget_that_cannot_be_met_is_refused_before_any_work(tmp_path, options, message):
    with pytest.raises(EdtError, match=message):
        run_here(tmp_path, *options)
    assert not list((tmp_path / "store").glob("*/*"))


def test_full_data_and_pretrained_take_no_notice_of_the_scale(tmp_path):
    full = run_here(tmp_path, "method=full", "scale=1k").report
    assert [len(record.picks) for record in full.rounds] == [320]
    assert run_here(tmp_path, "method=pretrained", "scale=1k").report.rounds == ()


def test_each_round_may_start_from_the_base(tmp_path):
    report = run_here(tmp_path, "budget.start=base").report
    first, second = (record.adapter for record in report.rounds)
    assert first is not None
    assert second is not None
    manifests = sorted((tmp_path / "store" / "tune").glob(f"*/{MANIFEST}"))
    assert all('"start": null' in manifest.read_text() for manifest in manifests)


def test_the_test_split_may_be_left_alone(tmp_path):
    report = run_here(tmp_path, "test_split=false").report
    assert report.test is None
    assert set(report.predictions) == {"validation"}
    assert not (tmp_path / "store" / "evaluate").exists()


def test_a_second_run_does_nothing_again_and_says_the_same(tmp_path):
    first, again = run_here(tmp_path), run_here(tmp_path, name="again")
    assert again.report == first.report
    assert all(note.reused for note in again.notes)


def test_a_report_survives_json(tmp_path):
    report = run_here(tmp_path).report
    assert from_json(Report, to_json(report)) == report
