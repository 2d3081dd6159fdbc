import dataclasses

from edt.tables.gaps import gap_lines, right_after
from edt.tables.plot import plot_gaps
from edt.tables.stories import stories
from edt.types import Gap
from tests.harness import run_here


def with_second_gaps(report):
    """The same report, as if round 2 had found an old gap again and a new one."""
    first, second = report.rounds
    old, other = first.gaps[0], report.rounds[0].gaps[1]
    again = Gap(sample_id=old.sample_id, step=2, step_text="", skill=old.skill, state="named")
    new = Gap(sample_id=other.sample_id, step=2, step_text="", skill="a skill of its own", state="named")
    return dataclasses.replace(report, rounds=(first, dataclasses.replace(second, gaps=(again, new))))


def test_a_gap_is_closed_when_all_its_errors_are_answered(tmp_path):
    report = run_here(tmp_path, "scale=96").report
    lines = gap_lines(report)
    after = right_after(report, 0)
    for line in lines:
        errors = [gap.sample_id for gap in report.rounds[0].gaps if gap.skill == line.skill]
        assert (line.errors, line.mended) == (len(errors), sum(after[error] for error in errors))
        assert line.closed == all(after[error] for error in errors)
    assert [line.errors for line in lines] == sorted((line.errors for line in lines), reverse=True)


def test_gaps_that_nothing_was_done_about_persist(tmp_path):
    report = run_here(tmp_path, "scale.samples=2").report
    assert {line.state for line in gap_lines(report)} >= {"persists"}


def test_new_and_old_gaps_are_told_apart(tmp_path):
    lines = [line for line in gap_lines(with_second_gaps(run_here(tmp_path).report)) if line.round == 2]
    assert {line.skill: line.new for line in lines} == {lines[0].skill: lines[0].new, lines[1].skill: lines[1].new}
    assert sorted(line.state for line in lines) == ["closed", "closed, new"]


def test_an_abstained_error_is_no_gap(tmp_path):
    report = run_here(tmp_path).report
    named = sum(gap.skill is not None for gap in report.rounds[0].gaps)
    assert sum(line.errors for line in gap_lines(report) if line.round == 1) == named < report.rounds[0].errors


def test_stories_are_of_different_skills_and_complete(tmp_path):
    finished = run_here(tmp_path)
    told = stories(finished.report, finished.parts.task, finished.parts.supporting)
    assert len(told) == 3
    assert len({story.skill for story in told}) == 3
    for story in told:
        assert len(story.picked) == 2
        assert all(story.skill in sample.required_skills for sample in story.picked)
        assert story.before.is_error
        assert story.mended


def test_a_run_without_rounds_has_no_stories_and_no_plot(tmp_path):
    finished = run_here(tmp_path, "method=pretrained")
    assert stories(finished.report, finished.parts.task, finished.parts.supporting) == []
    assert plot_gaps(gap_lines(finished.report), tmp_path / "gaps.png", title="t") is None


def test_the_plot_is_a_picture(tmp_path):
    from PIL import Image

    lines = gap_lines(with_second_gaps(run_here(tmp_path).report))
    lines = [dataclasses.replace(line, skill=f"{line.skill} for $5^$ or $\\frac$") for line in lines]
    path = plot_gaps(lines, tmp_path / "plots/gaps.png", title="t")
    assert path is not None
    with Image.open(path) as picture:
        assert picture.width > 600
