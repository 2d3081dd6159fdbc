"""What a run shows about itself at its end: how its gaps went, and the paper's signs of failure, with the evidence.

Knows reports, of the run and of others of the same cell; runs nothing. A sign
is shown by the scores themselves, with the exact sign test beside it: over a
hundred questions most differences are within chance, and a reader should see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edt.stopping import likeness
from edt.tables.gaps import gap_lines
from edt.tables.scores import outcomes_by_question, score_of, sign_test
from edt.types import Finding, GapChange, Outcome, Prediction, Report

TITLES = {
    "no_gain": "no gain after tuning",
    "no_better_than_random": "no better than Random",
    "plateau": "plateau",
    "overfitting": "validation gain without test gain",
    "convergence": "gaps have converged",
}
"""What findings are called in words."""


def with_findings(
    report: Report, *, untuned: Report | None, random: Report | None, alike: float, there: int | None = None
) -> Report:
    """The report of a run that has a round, with its `changes` and `findings`.

    `untuned` and `random` are of the same cell, None where they are not known;
    from `alike` on the missing skills of two rounds count as the same. `there`
    is how many samples the run had to choose from, None where that is not known.
    """
    assert report.rounds, "a run without a round has nothing to show"
    report = replace(report, changes=changes_of(report))
    chose = sum(len(record.picks) for record in report.rounds) != there
    by_chance = _no_better_than_random(report, random, chose=chose)
    found = [_no_gain(report), by_chance, _plateau(report), _overfitting(report, untuned), _convergence(report, alike)]
    return replace(report, findings=tuple(finding for finding in found if finding))


def changes_of(report: Report) -> tuple[GapChange, ...]:
    """How the gaps of every round fared; nothing where no round has any."""
    lines, changes = gap_lines(report), []
    for number, record in enumerate(report.rounds):
        gaps = [line for line in lines if line.round == record.index]
        closed = sum(line.closed for line in gaps)
        changes.append(
            GapChange(
                round=record.index,
                closed=closed,
                persists=len(gaps) - closed,
                new=sum(line.new for line in gaps),
                likeness=likeness(report.rounds[number - 1].gaps, record.gaps) if number else None,
            )
        )
    return tuple(changes) if lines else ()


def _no_gain(report: Report) -> Finding:
    before, after = report.rounds[0].predictions, report.predictions["validation"]
    gained = _right(after) > _right(before)
    return _finding("no_gain", not gained, f"validation {_against('before tuning', before, after)}")


def _no_better_than_random(report: Report, random: Report | None, *, chose: bool) -> Finding | None:
    if random is None and not chose:
        return None  # Random could take nothing but the same: a validation set, or Full
    if random is None:
        why = "no Random run of the same dataset, scale, seed and rates is in the store; method=random makes one"
        return Finding(name="no_better_than_random", state="unknown", evidence=why)
    if _key(random) == _key(report):
        return None  # it is Random itself
    split = "test" if report.test else "validation"
    theirs, ours = random.predictions[split], report.predictions[split]
    evidence = f"{split} {_against('by Random', theirs, ours)}"
    if (mine := _trained(report)) != (his := _trained(random)):
        evidence += f"; on {mine} training samples, where Random had {his}"
    return _finding("no_better_than_random", _right(ours) <= _right(theirs), evidence)


def _plateau(report: Report) -> Finding | None:
    if len(report.rounds) < 2:
        return None
    scores = [*(record.validation.score for record in report.rounds), report.validation.score]
    shown = scores[-1] <= max(scores[1:-1]) and max(scores[1:]) > scores[0]
    course = ", ".join(f"{100 * score:.1f}" for score in scores)
    return _finding("plateau", shown, f"validation from round to round: {course}% (n = {report.validation.n})")


def _overfitting(report: Report, untuned: Report | None) -> Finding:
    if report.test is None:
        return Finding(name="overfitting", state="unknown", evidence="the test split was left alone")
    if untuned is None or untuned.test is None:
        why = "how the untuned student does on the test split is not in the store; method=pretrained finds out"
        return Finding(name="overfitting", state="unknown", evidence=why)
    validation = report.rounds[0].predictions, report.predictions["validation"]
    test = untuned.predictions["test"], report.predictions["test"]
    shown = _right(validation[1]) > _right(validation[0]) and _right(test[1]) <= _right(test[0])
    both = [
        f"{split} {_against('before tuning', *pair)}" for split, pair in (("validation", validation), ("test", test))
    ]
    return _finding("overfitting", shown, "; ".join(both))


def _convergence(report: Report, alike: float) -> Finding | None:
    if not report.changes:
        return None
    if report.stopped.startswith("converged"):
        return _finding("convergence", True, report.stopped.partition(": ")[2])
    if len(report.rounds) < 2:
        return None
    last = report.changes[-1]
    if last.likeness is None:
        why = f"round {last.round}, or the one before, found no missing skill"
        return Finding(name="convergence", state="unknown", evidence=why)
    evidence = f"the missing skills of round {last.round} are like those before to {last.likeness:.2f} of 1"
    return _finding("convergence", last.likeness >= alike, f"{evidence}, and {alike:.2f} counts as converged")


def _finding(name: str, shown: bool, evidence: str) -> Finding:
    return Finding(name=name, state="shown" if shown else "absent", evidence=evidence)


def _against(what: str, before: Sequence[Prediction], after: Sequence[Prediction]) -> str:
    """Two sets of answers to the same questions, in words."""
    earlier = {name: outcome is Outcome.RIGHT for name, outcome in outcomes_by_question(before).items()}
    later = {name: outcome is Outcome.RIGHT for name, outcome in outcomes_by_question(after).items()}
    better = sum(later[one] and not earlier[one] for one in later)
    worse = sum(earlier[one] and not later[one] for one in later)
    n, p = len(later), sign_test(better, worse)
    shares = f"{_percent(before)} {what}, {_percent(after)} now"
    return f"{shares} (n = {n}; {better} answers better, {worse} worse, sign test p = {p:.2f})"


def _trained(report: Report) -> int:
    """How many samples a run was tuned on."""
    return len(report.picks)


def _right(predictions: Sequence[Prediction]) -> int:
    """How many questions were answered right."""
    return score_of(predictions).right


def _percent(predictions: Sequence[Prediction]) -> str:
    return f"{100 * score_of(predictions).score:.1f}%"


def _key(report: Report) -> str | None:
    return report.adapter.key if report.adapter else None
