"""A finished run is walked from an error to its samples and back, on the terminal and as data."""

import json
import sys

import pytest

from edt.errors import EdtError
from edt.selection.lineage import by_error, by_sample, by_skill, read_run
from tests.harness import run_apart, run_here


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_here(tmp_path_factory.mktemp("lineage"), "scale=192").folder


@pytest.fixture(scope="module")
def run(folder):
    return read_run(folder)


def explain(folder, *arguments):
    return run_apart([sys.executable, "-m", "edt.selection.explain", str(folder), *arguments])


def test_every_gap_is_walked_to_the_picks_of_its_skill_and_every_pick_back_to_it(run):
    walked = 0
    for record in run.report.rounds:
        for gap in record.gaps:
            chain = next(chain for chain in by_error(run, gap.sample_id) if chain.round == record.index)
            (error,) = chain.errors
            assert (error.id, error.blamed, error.skill, error.state) == (
                gap.sample_id, gap.step, gap.skill, gap.state,
            )  # fmt: skip
            expected = {p.sample_id for p in record.picks if p.targeted and p.query == gap.skill}
            assert {pick.id for pick in chain.picks} == (expected if gap.skill else set())
            for pick in chain.picks[:3]:
                (back,) = by_sample(run, pick.id)
                assert (back.round, back.query) == (record.index, gap.skill)
                assert gap.sample_id in {error.id for error in back.errors}
                assert [one.id for one in back.picks] == [pick.id]
                walked += 1
    assert walked > 20


def test_an_errors_own_picks_come_first_then_by_rank(run):
    skill = next(gap.skill for gap in run.report.rounds[0].gaps if gap.skill)
    own = [gap.sample_id for gap in run.report.rounds[0].gaps if gap.skill == skill]
    chain = by_error(run, own[-1])[0]
    order = [(pick.error_id != own[-1], pick.rank) for pick in chain.picks]
    assert order == sorted(order)
    assert chain.picks[0].shared_words


def test_a_skill_is_found_by_its_text_or_by_some_of_its_words(run):
    whole = by_skill(run, "read the colour of a seat")
    assert {chain.query for chain in whole} == {"read the colour of a seat"}
    assert by_skill(run, "SEAT colour") == whole
    assert {chain.query for chain in by_skill(run, "of")} > {"read the colour of a seat"}


def test_a_sample_that_filled_the_budget_says_so(tmp_path):
    filled = read_run(run_here(tmp_path, "method=random").folder)
    (chain,) = by_sample(filled, filled.report.rounds[0].picks[0].sample_id)
    assert (chain.query, chain.errors, chain.picks[0].targeted) == (None, (), False)


def test_what_is_not_there_is_said(run, tmp_path):
    unpicked = next(iter(run.library.keys() - {p.sample_id for r in run.report.rounds for p in r.picks}))
    target = next(iter(run.targets))
    for walk, name, message in (
        (by_error, "nope", "'nope' is no error of this run; known are fake-validation"),
        (by_skill, "juggling", "no missing skill of this run reads 'juggling'"),
        (by_skill, ";", "no missing skill"),
        (by_sample, unpicked, "is none of the 192 samples that this run picked; it is one of 320"),
        (by_sample, target, f"ask for --error {target}"),
    ):
        with pytest.raises(EdtError, match=message):
            walk(run, name)
    with pytest.raises(EdtError, match=r"report.json is not there; name the folder of a finished run"):
        read_run(tmp_path)
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(EdtError, match="cannot be read as a run's folder"):
        read_run(tmp_path)


def test_the_terminal_shows_the_chain_with_the_pictures_path(folder, run):
    gap = next(gap for gap in run.report.rounds[0].gaps if gap.skill)
    done = explain(folder, "--error", gap.sample_id, "--most", "1")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    at = [next(i for i, line in enumerate(lines) if word in line) for word in ("error", "→ step", "skill:", "sample")]
    assert at == sorted(at), "error, step, skill, sample"
    assert f"error {gap.sample_id}: picture.png" in lines[at[0]]
    assert gap.skill in lines[at[2]]
    back = explain(folder, "--sample", by_error(run, gap.sample_id)[0].picks[0].id)
    assert back.stdout.index("sample") < back.stdout.index(gap.skill) < back.stdout.index(gap.sample_id)


def test_json_holds_everything(folder, run):
    done = explain(folder, "--skill", "read the colour of a seat", "--json")
    data = json.loads(done.stdout)
    assert data["asked"] == {"skill": "read the colour of a seat"}
    chains = by_skill(run, "read the colour of a seat")
    assert [len(chain["picks"]) for chain in data["chains"]] == [len(chain.picks) for chain in chains]
    assert {"picture", "steps", "blamed", "skill"} <= set(data["chains"][0]["errors"][0])


def test_a_missing_error_is_one_sentence(folder):
    done = explain(folder, "--error", "nope")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: 'nope' is no error of this run")
    assert explain(folder, "--error", "x", "--sample", "y").returncode == 2


def test_a_folder_that_was_edited_is_one_sentence(folder, tmp_path):
    whole, config = json.loads((folder / "report.json").read_text()), (folder / "config.yaml").read_text()
    first = whole["rounds"][0]
    hit = next(at for at, pick in enumerate(first["picks"]) if pick["targeted"])

    def refused(report, config, message):
        (tmp_path / "report.json").write_text(report)
        (tmp_path / "config.yaml").write_text(config)
        with pytest.raises(EdtError, match=f"{message}.*; run it again, or name another"):
            read_run(tmp_path)

    for name in ("mistakes", "predictions"):
        edited = {**whole, "rounds": [{**first, name: []}, *whole["rounds"][1:]]}
        refused(json.dumps(edited), config, "round 1 of report.json does not say all of the error 'fake-validation-1'")
    picks = [{**pick, "score": None} if at == hit else pick for at, pick in enumerate(first["picks"])]
    edited = {**whole, "rounds": [{**first, "picks": picks}, *whole["rounds"][1:]]}
    refused(json.dumps(edited), config, "round 1 of report.json has no rank or score of ")
    for text in ("task: 1\nsupporting: 2", "task: null\nsupporting: null"):
        refused(json.dumps(whole), text, "names no task or no supporting dataset")
    refused(json.dumps(whole), "[" * 5000, "cannot be read")
    refused("[" * 100_000, config, "cannot be read")
