"""Every table that is described can be planned, and says what it is. Its ablations leave out what they say."""

import re
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import pytest

from edt.experiment import CONF, compose_all
from edt.store.keys import canonical
from edt.sweep.plan import Plan, make_plan
from edt.sweep.rendering import wide_of
from edt.sweep.spec import EXPERIMENTS, TableSpec, cells_of, read_table, table_names
from tests.harness import run_here
from tests.tables.test_wide import cell as measured

TABLES = table_names()
BENCHMARKS = EXPERIMENTS / "benchmarks"


@cache
def plan_of(name: str, folder: Path = EXPERIMENTS) -> Plan:
    nowhere = Path("/nonexistent")
    cells = cells_of(name, read_table(name, folder=folder))
    return make_plan(cells, [f"store.root={nowhere}"], nowhere, config_dir=None)


def trainings(plan: Plan) -> int:
    return sum(stage.kind == "tune" for stage in plan.stages())


def test_every_table_is_tested():
    assert TABLES == ["ablations", "ladder", "main", "methods", "paper", "rounds", "students", "supporting"]


@pytest.mark.parametrize("name", TABLES)
def test_the_header_gives_the_command_and_the_counts_of_the_plan(name):
    header = (EXPERIMENTS / f"{name}.yaml").read_text("utf-8").partition("title:")[0]
    cost = r"cost: see action=plan|measured: (.+?) of work"
    found = re.search(rf"python sweep.py table={name} action=plan +# (\d+) cells, (\d+) trainings; (?:{cost})", header)
    assert found, header
    if found[3]:  # as the table itself says
        assert f"took about {found[3]}." in (EXPERIMENTS / "results" / name / "table.md").read_text("utf-8")
    plan = plan_of(name)
    assert (int(found[1]), int(found[2])) == (len(plan.cells), trainings(plan))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_names_what_exists_and_no_two_cells_are_one(name):
    spec = read_table(name)
    assert spec.title
    assert spec.baseline in spec.methods
    assert spec.ours in spec.methods
    assert spec.headline_scale in spec.scales
    for task in spec.tasks:
        assert (CONF / "task" / f"{task}.yaml").is_file()
    identities = [cell.digest or canonical(asdict(cell.config)) for cell in plan_of(name).cells]
    assert len(set(identities)) == len(identities) > 0


@pytest.mark.parametrize("name", ["main", "methods", "ladder"])
def test_what_is_claimed_of_ours_is_compared(name):
    spec = read_table(name)
    assert "task_description" in spec.rivals
    assert (spec.goal, len(spec.tasks)) == (6, 7)


def shares(spec: TableSpec) -> dict[str, int]:
    """Of 100 questions how many each method has right, so that all differences in a table are far from zero."""
    return {**dict.fromkeys(spec.methods, 30), spec.baseline: 0, spec.ceiling: 100, spec.ours: 60}


@pytest.mark.parametrize("name", TABLES)
def test_a_clear_difference_is_significant_however_many_there_are(name):
    spec = read_table(name)
    right = shares(spec)
    cells = [
        measured(one.task, one.method, one.scale, one.seed, "1" * right[one.method] + "0" * (100 - right[one.method]))
        for one in cells_of(name, spec)
    ]
    found = wide_of([replace(one, split=spec.split) for one in cells], spec)
    made = [
        difference
        for row in found.rows
        for entry in row.entries.values()
        for difference in (entry.to_baseline, entry.to_ceiling, *entry.to_rivals.values())
        if difference is not None
    ]
    assert len(made) > len(spec.tasks)
    assert all(difference.p is None or difference.p < 0.01 for difference in made)
    assert any(difference.p is not None for difference in made) == (len(spec.seeds) > 1)


def test_the_shape_of_the_papers_main_table_has_its_counts():
    plan = plan_of("planning", BENCHMARKS)
    assert (len(plan.cells), trainings(plan)) == (154, 75)


def test_the_papers_own_table_shows_the_teacher_examples_and_takes_its_skills_from_the_file_that_is_made_first():
    header = (EXPERIMENTS / "paper.yaml").read_text("utf-8").partition("title:")[0].replace("\\\n#", "")
    (made,) = re.findall(r"edt\.supporting\.annotate .* output=(\S+)", header)
    for cell in plan_of("paper").cells:
        ours = cell.spec.method == "edt"
        assert cell.config.supporting["annotations"] == (made if ours else None)
        assert cell.config.analyst.get("examples") == ("skill_examples.txt" if ours else None)


@pytest.mark.parametrize(
    ("row", "links"),
    [
        ("random_step", {"identifier"}),
        ("raw_step", {"analyst"}),
        ("random_samples", {"identifier", "analyst", "selector"}),  # what picks at random has no use for the others
    ],
)
def test_an_ablation_leaves_out_its_own_link_and_no_other(row, links):
    cells = {(cell.spec.method, cell.spec.task, cell.spec.seed): cell.config for cell in plan_of("ablations").cells}
    for (method, task, seed), config in cells.items():
        if method == row:
            whole, less = asdict(cells["edt", task, seed]), asdict(config)
            assert {name for name in whole if whole[name] != less[name]} == links | {"method"}


def test_a_random_step_changes_the_mistakes_and_nothing_before_them(tmp_path):
    whole, less, other = (
        run_here(tmp_path, *options, name=name).report.rounds[0]
        for name, options in {
            "whole": [],
            "less": ["identifier=random_step"],
            "other": ["identifier=random_step", "seed=1"],
        }.items()
    )
    assert whole.predictions == less.predictions == other.predictions
    assert {mistake.step for mistake in less.mistakes} == {1, 2}
    assert all("at random" in mistake.reason for mistake in less.mistakes)
    assert [m.step for m in less.mistakes] != [m.step for m in other.mistakes]


def test_a_raw_step_changes_the_queries_and_nothing_before_them(tmp_path):
    whole, less = (
        run_here(tmp_path, *options, name=name).report.rounds[0]
        for name, options in {"whole": [], "less": ["analyst=raw_step"]}.items()
    )
    assert whole.mistakes == less.mistakes
    named = [gap for gap in less.gaps if gap.skill]
    assert named
    assert all(gap.skill == gap.step_text for gap in named)
    assert {pick.query for pick in less.picks if pick.targeted} <= {gap.step_text for gap in named}


def test_random_samples_come_in_as_many_rounds_and_none_is_targeted(tmp_path):
    whole = run_here(tmp_path, name="whole").report
    row = read_table("ablations").methods["random_samples"].overrides
    less = run_here(tmp_path, *row, "identifier=none", "analyst=none", name="less").report
    assert [len(record.picks) for record in less.rounds] == [len(record.picks) for record in whole.rounds]
    assert not any(pick.targeted for record in less.rounds for pick in record.picks)
    assert any(pick.targeted for record in whole.rounds for pick in record.picks)


def test_students_have_names_of_their_own():
    students = {cell.spec.method: cell.student for cell in plan_of("students").cells}
    assert students["edt"] == students["random"] == students["pretrained"] == "pocket"
    assert {students[name] for name in students if name.endswith("_unquantised")} == {"pocket_unquantised"}


def test_a_row_without_the_best_sources_leaves_out_those_of_its_task():
    overrides = [[f"task=pocket_{task}", "supporting=pocket_without_best"] for task in ("furniture", "vqa")]
    assert [config.supporting["task"] for config in compose_all(overrides)] == ["furniture", "vqa"]


def test_all_methods_tune_on_as_many_samples_but_the_two_ends():
    sizes: dict[str, set[int]] = {}
    for cell in plan_of("methods").cells:
        taken = sum(stage.amount for stage in cell.stages if stage.kind == "tune")
        sizes.setdefault(cell.spec.method, set()).add(taken)
    assert sizes.pop("pretrained") == {0}
    (full,) = sizes.pop("full")
    assert full > 1000
    assert len(sizes) == 11
    assert all(found == {88} for found in sizes.values())


def test_all_methods_of_a_scale_take_as_many_optimiser_steps():
    steps: dict[str, set[int]] = {}
    for cell in plan_of("main").cells:
        size = cell.config.tuner["batch_size"]
        taken = sum(-(-stage.amount // size) for stage in cell.stages if stage.kind == "tune")
        if cell.spec.method not in ("pretrained", "full"):
            steps.setdefault(cell.spec.scale, set()).add(taken)
    assert steps == {"88": {22}, "264": {66}, "704": {176}}


def test_tuning_on_the_validation_set_is_another_training_for_every_task():
    names = {
        stage.name
        for cell in plan_of("methods").cells
        for stage in cell.stages
        if cell.spec.method == "validation" and stage.kind == "tune"
    }
    assert len(names) == 7 * 3


def test_rounds_share_one_total():
    sizes: dict[str, list[int]] = {}
    for cell in plan_of("rounds").cells:
        sizes[cell.spec.method] = [stage.amount for stage in cell.stages if stage.kind == "tune"]
        assert cell.config.test_split
    assert [len(sizes[f"rounds_{number}"]) for number in (1, 2, 3, 4)] == [1, 2, 3, 4]
    assert {sum(amounts) for amounts in sizes.values()} == {264}
