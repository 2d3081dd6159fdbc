"""A finished run is walked from an error to its samples and back, on the terminal and as data."""

import json
import sys
from dataclasses import replace

import pytest

from edt.errors import EdtError
from edt.fakes import FakeTask
from edt.selection.lineage import Run, by_error, by_sample, by_skill, read_run
from edt.selection.question import QuestionSelector
from tests.harness import run_apart, run_here
from tests.supporting import flan

QUESTION = ("method=question", "identifier=none", "analyst=none")


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


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The folder of a run that names no skill and searches by the errors' own questions."""
    return run_here(tmp_path_factory.mktemp("question"), *QUESTION).folder


def test_an_error_that_names_no_skill_is_walked_to_the_picks_of_its_question_and_back(asked):
    run, walked = read_run(asked), 0
    for record in run.report.rounds:
        for gap in record.gaps:
            own = {pick.sample_id for pick in record.picks if pick.error_id == gap.sample_id}
            chain = next(chain for chain in by_error(run, gap.sample_id) if chain.round == record.index)
            assert {pick.id for pick in chain.picks} == own
            assert chain.query == (run.targets[gap.sample_id].question if own else None)
            for pick in chain.picks:
                assert {"case", "colour"} <= set(pick.shared_words), "words of both questions"
                (back,) = by_sample(run, pick.id)
                assert [error.id for error in back.errors] == [gap.sample_id]
                assert by_skill(run, back.query or "")[0].errors == back.errors
                walked += 1
    assert walked > 20


def test_an_error_is_walked_to_the_picks_of_another_one_that_asked_the_same(asked):
    class SameQuestion(FakeTask):
        @property
        def validation(self):
            return [replace(sample, question="Case 7: which colour?") for sample in super().validation]

    run = read_run(asked)
    task, first = SameQuestion(), run.report.rounds[0]
    fixed = {"budget": 4, "exclude": frozenset[str](), "round": 1, "seed": 0}
    picks = QuestionSelector().select(first.gaps, run.supporting, task, **fixed)
    assert {pick.error_id for pick in picks} == {first.gaps[0].sample_id}
    report = replace(run.report, rounds=(replace(first, picks=tuple(picks)), *run.report.rounds[1:]))
    same = Run(report=report, task=task, supporting=run.supporting)
    for gap in first.gaps:
        chain = by_error(same, gap.sample_id)[0]
        assert [pick.id for pick in chain.picks] == [pick.sample_id for pick in picks]
    (back,) = by_sample(same, picks[0].sample_id)
    assert [error.id for error in back.errors] == [gap.sample_id for gap in first.gaps]


def test_the_terminal_shows_a_question_that_was_searched_by_as_what_its_error_asked(asked):
    pick = read_run(asked).report.rounds[0].picks[0]
    for option, name in (("--error", pick.error_id), ("--sample", pick.sample_id)):
        text = explain(asked, option, str(name)).stdout
        assert f"query: {pick.query}" in text
        assert f"error {pick.error_id}" in text
        assert f"sample {pick.sample_id}" in text
        assert f"in the turn of {pick.error_id}" in text
        assert "which no error asked" not in text


def test_a_pick_without_a_word_of_its_query_is_shown_without_words(asked, tmp_path):
    data = json.loads((asked / "report.json").read_text())
    first = data["rounds"][0]["picks"][0]
    first |= {"query": "which one has it", "error_id": None}  # as vectors find it
    (tmp_path / "report.json").write_text(json.dumps(data))
    (tmp_path / "config.yaml").write_text((asked / "config.yaml").read_text())
    text = explain(tmp_path, "--sample", first["sample_id"]).stdout
    assert f"rank {first['rank']}, score {first['score']:.3f}\n" in text
    assert "query, which no error asked: which one has it" in text


def test_a_dataset_is_guarded_from_the_task_as_it_was_in_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("EDT_CACHE", str(tmp_path / "cache"))
    leaked = FakeTask().validation[1]
    turns = [{"from": "human", "value": f"<image>\n{leaked.question}"}, {"from": "gpt", "value": leaked.answer}]
    records = [flan.record(number, **({"conversations": turns} if number < 3 else {})) for number in range(10)]
    images = flan.pictures(tmp_path / "images")
    places = (f"supporting.file={flan.write(tmp_path / 'data.json', records)}", f"supporting.images={images}")
    few = ("supporting=llava_json", "supporting.guard_images=none", "supporting.num_samples=6", "scale.samples=6")
    run = read_run(run_here(tmp_path, "method=random", *few, *places).folder)
    assert sorted(run.library) == ["r3", "r4", "r5", "r6", "r7", "r8"]
    for name in run.library:
        assert by_sample(run, name)[0].picks[0].id == name
    with pytest.raises(EdtError, match=r"'r1' is none of the 6 samples that this run picked; known are"):
        by_sample(run, "r1")


def test_what_is_not_there_is_said(run, tmp_path):
    picked = {p.sample_id for r in run.report.rounds for p in r.picks}
    assert run.library.keys() == picked
    unpicked = next(sample.id for sample in run.supporting.samples if sample.id not in picked)
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
