"""Findings over small reports made by hand, and at the end of whole runs over fakes."""

import json
from collections.abc import Sequence

import pytest

from edt.tables.findings import TITLES, changes_of, with_findings
from edt.tables.scores import score_of, sign_test
from edt.tables.terminal import finding_sentences
from edt.types import Adapter, Gap, Outcome, Prediction, Report, RoundRecord, from_json, to_json
from tests.harness import command, run_apart, run_here


def answers(marks: str) -> tuple[Prediction, ...]:
    """A prediction a letter: r for right, else wrong."""
    outcome = {"r": Outcome.RIGHT, "w": Outcome.WRONG}
    return tuple(
        Prediction(sample_id=str(n), text="", steps=(), answer=mark, outcome=outcome[mark])
        for n, mark in enumerate(marks)
    )


def report(*validation: str, test: str | None = None, skills: Sequence[str] = (), key: str = "mine") -> Report:
    """A run whose student answered `validation` before each round and after the last."""
    rounds = tuple(
        RoundRecord(
            index=index,
            validation=score_of(answers(marks)),
            errors=marks.count("w"),
            abstained=0,
            failed=0,
            gaps=tuple(
                Gap(sample_id=str(n), step=1, step_text="", skill=skill, state="named")
                for n, skill in enumerate(skills[index - 1] if skills else "")
            ),
            mistakes=(),
            picks=(),
            adapter=None,
            predictions=answers(marks),
        )
        for index, marks in enumerate(validation[:-1], start=1)
    )
    final = {"validation": answers(validation[-1]), **({"test": answers(test)} if test else {})}
    return Report(
        method="edt", task="quiz", seed=0, rounds=rounds, validation=score_of(final["validation"]),
        test=score_of(final["test"]) if test else None, predictions=final,
        adapter=Adapter(path="", key=key) if rounds else None,
    )  # fmt: skip


def states(mine: Report, *, untuned: Report | None = None, random: Report | None = None) -> dict[str, str]:
    found = with_findings(mine, untuned=untuned, random=random, alike=0.9)
    return {finding.name: finding.state for finding in found.findings}


def evidence(mine: Report, name: str, **known) -> str:
    found = with_findings(mine, **{"untuned": None, "random": None, "alike": 0.9, **known})
    return next(finding.evidence for finding in found.findings if finding.name == name)


@pytest.mark.parametrize(("after", "state"), [("rrww", "shown"), ("rwww", "shown"), ("rrrw", "absent")])
def test_no_gain_after_tuning(after, state):
    assert states(report("wwrr", after))["no_gain"] == state


def test_the_evidence_counts_answers_and_says_how_sure_it_is():
    said = evidence(report("rrww", "wwrr"), "no_gain")
    assert said == ("validation 50.0% before tuning, 50.0% now (n = 4; 2 answers better, 2 worse, sign test p = 1.00)")


def test_no_better_than_random_is_looked_at_on_the_test_split():
    mine = report("www", "rrr", test="rrw")
    better, worse = (report("www", "www", test=marks, key="random") for marks in ("rww", "rrw"))
    assert states(mine)["no_better_than_random"] == "unknown"
    assert "method=random" in evidence(mine, "no_better_than_random")
    assert states(mine, random=better)["no_better_than_random"] == "absent"
    assert states(mine, random=worse)["no_better_than_random"] == "shown"
    assert "test 66.7% by Random, 66.7% now" in evidence(mine, "no_better_than_random", random=worse)


def test_random_is_not_held_against_itself_and_without_a_test_split_validation_is_read():
    mine = report("www", "rrr")
    assert "no_better_than_random" not in states(mine, random=report("www", "rrr"))
    assert states(mine, random=report("www", "rrr", key="random"))["no_better_than_random"] == "shown"


@pytest.mark.parametrize(
    ("course", "state"),
    [(("www", "rww", "rww"), "shown"), (("www", "rrw", "rww"), "shown"), (("www", "rww", "rrw"), "absent"),
     (("rww", "rww", "rww"), "absent"), (("www", "www", "rww", "rww"), "shown"),
     (("rww", "rrr", "rww", "rrw"), "shown"), (("www", "rrw", "rww", "rrr"), "absent")],
)  # fmt: skip
def test_a_plateau_is_a_gain_that_came_to_a_stand(course, state):
    assert states(report(*course))["plateau"] == state


def test_a_single_round_has_no_plateau_and_does_not_converge():
    assert not {"plateau", "convergence"} & states(report("www", "rrr", skills=["ab"])).keys()


@pytest.mark.parametrize(
    ("after", "test", "state"),
    [("rrw", "rww", "shown"), ("rrw", "www", "shown"), ("rrw", "rrw", "absent"), ("www", "www", "absent")],
)
def test_a_gain_on_validation_alone_is_overfitting(after, test, state):
    untuned = report("rww", test="rww")
    assert states(report("rww", after, test=test), untuned=untuned)["overfitting"] == state


def test_overfitting_is_unknown_where_a_split_is():
    assert states(report("rww", "rrw"), untuned=report("rww"))["overfitting"] == "unknown"
    assert "was left alone" in evidence(report("rww", "rrw"), "overfitting")
    assert "method=pretrained" in evidence(report("rww", "rrw", test="rrw"), "overfitting")


@pytest.mark.parametrize(
    ("skills", "state"), [(["aab", "baa"], "shown"), (["aab", "cde"], "absent"), (["aab", ""], "unknown")]
)
def test_convergence_is_of_the_last_two_rounds(skills, state):
    assert states(report("wwww", "rwww", "rrww", skills=skills))["convergence"] == state


def test_changes_count_distinct_skills():
    first, second = changes_of(report("wwww", "rrww", "rrwr", skills=["aabc", "abd"]))
    assert (first.closed, first.persists, first.new, first.likeness) == (1, 2, 3, None)
    assert (second.closed, second.persists, second.new) == (2, 1, 1)
    assert second.likeness == pytest.approx(0.6, abs=0.1)
    assert changes_of(report("ww", "rr")) == ()


@pytest.mark.parametrize(
    ("better", "worse", "p"), [(0, 0, 1), (5, 0, 1 / 16), (8, 2, 112 / 1024), (3, 3, 1), (1, 0, 1)]
)
def test_the_sign_test_by_hand(better, worse, p):
    assert sign_test(better, worse) == pytest.approx(p)
    assert sign_test(worse, better) == pytest.approx(p)


def test_a_sign_test_of_nothing_negative():
    with pytest.raises(ValueError, match="-1"):
        sign_test(-1, 2)


def test_a_run_keeps_its_findings_and_says_them(tmp_path):
    run_here(tmp_path, "method=random", "identifier=none", "analyst=none", "scale=96", name="random")
    run_here(tmp_path, "method=pretrained", name="pretrained")
    finished = run_here(tmp_path, "scale=96")
    kept = from_json(Report, json.loads((finished.folder / "report.json").read_text()))
    assert kept == finished.report == from_json(Report, to_json(finished.report))
    assert {finding.name: finding.state for finding in kept.findings} == {
        "no_gain": "absent", "no_better_than_random": "shown", "plateau": "shown", "overfitting": "absent",
        "convergence": "unknown",
    }  # fmt: skip
    said = "\n".join(finding_sentences(kept))
    assert "round 1: 5 gaps: 5 closed, 0 persist, 5 new" in said
    assert "shown: plateau: validation from round to round: 16.7, 91.7, 91.7% (n = 24)" in said
    assert "looked for and not found: no gain after tuning, validation gain without test gain" in said
    assert set(TITLES) == {finding.name for finding in kept.findings}


@pytest.mark.parametrize("method", [("method=validation", "supporting=validation"), ("method=full", "scale=full")])
def test_a_run_that_takes_all_there_is_is_not_sent_to_a_random_one(tmp_path, method):
    finished = run_here(tmp_path, *method)
    assert len(finished.report.rounds[0].picks) == len(finished.parts.supporting.samples)
    found = {finding.name: finding for finding in finished.report.findings}
    assert "no_better_than_random" not in found
    assert {"no_gain", "overfitting"} <= set(found)
    assert "method=random" not in "\n".join(finding_sentences(finished.report))


def test_a_run_without_a_round_shows_nothing(tmp_path):
    assert finding_sentences(run_here(tmp_path, "method=pretrained").report) == []


def test_run_py_prints_what_is_shown(tmp_path):
    done = run_apart(command(tmp_path, "scale.samples=4", "budget.stop=no_gain"))
    assert done.returncode == 0, done.stderr
    assert "stopped early, no_gain: round 1 took the validation score from 16.7% to 16.7%" in done.stdout
    assert "shown: no gain after tuning: validation 16.7% before tuning, 16.7% now" in done.stdout
