"""Rounds go to a file and come back; a run's report comes to a line a round and one for the finished student."""

import math

import pytest

from edt.errors import EdtError
from edt.tables.cost import cost_of
from edt.tables.gaps import gap_lines
from edt.tables.rounds import STAGES, RoundLine, read_rounds, rounds_of, write_rounds
from edt.tables.shape import Cost
from tests.harness import run_here

PLACE = {"table": "t", "task": "fake", "method": "edt", "scale": "96", "seed": 0, "run": "r", "digest": "d"}


def test_a_runs_lines_say_what_its_report_says(tmp_path):
    report = run_here(tmp_path).report
    lines = rounds_of(report, PLACE, looks=True, targeted=True)
    assert [line.round for line in lines] == [1, 2, 3]
    assert [line.score for line in lines] == [*(r.validation.score for r in report.rounds), report.validation.score]
    assert [line.errors for line in lines] == [*(r.errors for r in report.rounds), None]
    assert [line.picks for line in lines] == [*(len(r.picks) for r in report.rounds), None]
    found = [gap for gap in gap_lines(report) if gap.round == 1]
    first = lines[0]
    assert (first.gaps, first.closed, first.new) == (len(found), sum(gap.closed for gap in found), len(found))
    assert lines[-1].gaps is None
    for stage in STAGES:
        assert sum(line.seconds(stage) for line in lines) == pytest.approx(report.seconds[stage], abs=0.02)


def test_the_test_split_may_be_scored_on_the_way_and_changes_nothing(tmp_path):
    plain, tested = run_here(tmp_path).report, run_here(tmp_path, "test_rounds=true").report
    assert [record.picks for record in tested.rounds] == [record.picks for record in plain.rounds]
    assert [line.test for line in rounds_of(plain, PLACE, looks=True, targeted=True)] == [None] * 3
    first, *_, last = (line.test for line in rounds_of(tested, PLACE, looks=True, targeted=True))
    assert plain.test is not None
    assert tested.test is not None
    assert last == plain.test.score == tested.test.score
    assert first is not None
    assert first < plain.test.score


def test_a_method_that_looks_at_no_gap_has_none_rather_than_zero(tmp_path):
    report = run_here(tmp_path, "method=random").report
    lines = rounds_of(report, PLACE, looks=False, targeted=False)
    assert {(line.gaps, line.abstained, line.new) for line in lines} == {(None, None, None)}
    assert {line.filled for line in lines[:-1]} == {0}


def test_rounds_come_back_as_they_were(tmp_path):
    lines = rounds_of(run_here(tmp_path).report, PLACE, looks=True, targeted=True)
    write_rounds(lines, tmp_path / "rounds.csv")
    back = read_rounds(tmp_path / "rounds.csv")
    assert [line.score for line in back] == pytest.approx([line.score for line in lines], abs=1e-6)
    write_rounds(back, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "rounds.csv").read_bytes()


def test_what_is_no_round_is_named(tmp_path):
    path = tmp_path / "rounds.csv"
    with pytest.raises(EdtError, match="there is no"):
        read_rounds(path)
    line = RoundLine(**PLACE, round=1, score=0.5, n=2, gaps=2, closed=1, persists=1, new=0)
    write_rounds([line], path)
    whole = path.read_text()
    for old, new, message in [
        (",0.5,", ",half,", "line 2, is no round: could not convert"),
        (",0.5,", ",1.5,", "line 2, is no round: round 1 of r: rounds go from 1, and scores from 0 to 1"),
        (",2,1,1,", ",2,2,1,", "2 gaps must be those closed and persisting"),
        (",0.0,0.0\n", "\n", "line 2, is no round: it has 2[0-9] fields, and there are 27 columns"),
        ("\nt,", "\nt,t,", "line 2, is no round: it has 28 fields, and there are 27 columns"),
        ("digest,", "", "does not have the columns of a table's rounds"),
    ]:
        path.write_text(whole.replace(old, new))
        with pytest.raises(EdtError, match=message):
            read_rounds(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test": math.nan}, "test is nan; it is a share"),
        ({"test": 7.0}, r"test is 7\.0; it is a share"),
        ({"n": -2}, "n is -2; it must be a count"),
        ({"errors": -1}, "errors is -1; it must be a count"),
        ({"gaps": 0, "closed": -1, "persists": 1}, "closed is -1; it must be a count"),
        ({"picks": 4, "filled": 5}, "filled is 5, more than the 4 of picks"),
        ({"seconds_tune": math.inf}, "seconds_tune is inf; it must be seconds"),
        ({"seconds_select": math.nan}, "seconds_select is nan; it must be seconds"),
        ({"seconds_predict": -3.0}, r"seconds_predict is -3\.0; it must be seconds"),
    ],
)
def test_figures_that_cannot_be_are_refused(changes, message):
    with pytest.raises(EdtError, match=f"round 1 of r: {message}"):
        RoundLine(**{**PLACE, "round": 1, "score": 0.5, "n": 2, **changes})


def test_a_file_of_before_a_column_was_there_is_read_with_its_default(tmp_path):
    path = tmp_path / "rounds.csv"
    write_rounds([RoundLine(**PLACE, round=1, score=0.5, n=2, tuned="ab")], path)
    header, line = path.read_text().splitlines()
    place = header.split(",").index("tuned")
    path.write_text(
        "".join(
            ",".join(word for at, word in enumerate(row.split(",")) if at != place) + "\n" for row in (header, line)
        )
    )
    assert [one.tuned for one in read_rounds(path)] == [""]


def test_what_runs_share_costs_once():
    def run(name: str, task: str, tuned: str, seconds: float) -> list[RoundLine]:
        place = {**PLACE, "run": name, "task": task}
        first = RoundLine(
            **place, round=1, score=0.5, n=2, picks=8, tuned=tuned, seconds_predict=3.25, seconds_tune=60.0
        )
        return [first, RoundLine(**place, round=2, score=0.6, n=2, seconds_evaluate=seconds)]

    lines = [*run("a", "one", "x", 7.0), *run("b", "one", "y", 8.0), *run("c", "two", "x", 9.0)]
    assert cost_of(lines) == Cost(runs=3, trainings=2, seconds=2 * 60.0 + 2 * 3.25 + 7.0 + 8.0 + 9.0)
    assert cost_of([]) is None
    assert cost_of([*lines, *run("d", "two", "", 1.0)]) is None, "weights without a name cannot be counted"


def test_weights_are_named_where_there_are_any(tmp_path):
    lines = rounds_of(run_here(tmp_path).report, PLACE, looks=True, targeted=True)
    assert all(line.tuned for line in lines[:-1])
    assert not lines[-1].tuned
