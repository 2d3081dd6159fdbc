"""Plots of rounds: the same bytes for the same lines, of whole seeds only, and none where there is nothing."""

from dataclasses import replace

import pytest

from edt.tables.evolution import plot_gaps_over_rounds, plot_rounds, plot_time
from edt.tables.rounds import RoundLine

TASKS = ("a", "b")


def run(task, method, seed, *, scale="96", rounds=2, looks=True):
    place = {"table": "t", "task": task, "method": method, "scale": scale, "seed": seed}
    place |= {"run": f"{task}-{scale}-{method}-s{seed}", "digest": f"{task}{method}{seed}"}
    gaps = {"gaps": 5, "closed": 2 + seed, "persists": 3 - seed, "new": 1} if looks else {}
    lines = [
        RoundLine(**place, round=index, score=0.3 + 0.1 * index, n=64, errors=9, picks=8, filled=0, **gaps,
                  seconds_predict=10.0, seconds_tune=40.0)
        for index in range(1, rounds + 1)
    ]  # fmt: skip
    return [*lines, RoundLine(**place, round=rounds + 1, score=0.7, n=64, seconds_evaluate=20.0)]


@pytest.fixture
def lines():
    return [
        line
        for seed in (0, 1)
        for task in TASKS
        for found in (
            run(task, "pretrained", seed, scale="", rounds=0),
            run(task, "random", seed, looks=False),
            run(task, "edt", seed),
            run(task, "full", seed, scale="full", rounds=1, looks=False),
        )
        for line in found
    ]


def drawn(lines, folder):
    folder.mkdir(exist_ok=True)
    order = ["random", "edt", "pretrained", "full"]
    return [
        *plot_gaps_over_rounds(lines, TASKS, folder),
        *plot_rounds(lines, TASKS, order, folder),
        *plot_time(lines, folder),
    ]


def test_the_same_lines_are_the_same_bytes(lines, tmp_path):
    first, second = drawn(lines, tmp_path / "first"), drawn(lines, tmp_path / "second")
    assert [path.name for path in first] == [f"{s}.{k}" for s in ("gaps", "rounds", "time") for k in ("svg", "png")]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_each_plot_shows_the_methods_it_is_about(lines, tmp_path):
    texts = {path.stem: path.read_text() for path in drawn(lines, tmp_path) if path.suffix == ".svg"}
    assert "error-driven 96, 2 seeds" in texts["gaps"]
    assert "Random" not in texts["gaps"]
    assert all(name in texts["rounds"] for name in ("Random", "error-driven", "96 samples"))
    assert "Full Data" not in texts["rounds"]  # of one round there is no course
    assert all(f">{name} (4)<" in texts["time"] for name in ("pre-trained", "Random 96", "Full Data full"))
    assert ">120.0<" in texts["time"]


def test_scores_on_the_test_split_are_dashed_where_they_are_known(lines, tmp_path):
    for name, found in (("plain", lines), ("tested", [replace(line, test=0.5) for line in lines])):
        drawn(found, tmp_path / name)
    plain, tested = ((tmp_path / name / "rounds.svg").read_text() for name in ("plain", "tested"))
    assert "dashed: test" in tested
    assert "dashed: test" not in plain
    assert tested.count("stroke-dasharray") > plain.count("stroke-dasharray")


def test_gaps_are_summed_over_tasks_and_averaged_over_seeds(lines, tmp_path, monkeypatch):
    bars = heights(monkeypatch)
    plot_gaps_over_rounds(lines, TASKS, tmp_path)
    assert bars == [[5.0, 5.0], [5.0, 5.0]]  # 2 tasks of 2 and 3 closed, 3 and 2 persisting


def test_a_seed_without_every_task_is_left_out(lines, tmp_path, monkeypatch):
    some = [line for line in lines if (line.task, line.seed) != ("b", 1)]
    bars = heights(monkeypatch)
    plot_gaps_over_rounds(some, TASKS, tmp_path)
    assert bars == [[4.0, 4.0], [6.0, 6.0]]
    one = [line for line in lines if line.task == "a"]
    assert plot_gaps_over_rounds(one, TASKS, tmp_path) == plot_rounds(one, TASKS, ["random", "edt"], tmp_path) == []
    assert plot_time(one, tmp_path)


def test_dollar_signs_in_names_are_themselves(tmp_path):
    odd = "a$x_1$b$\\frac$"  # as maths it could not be drawn
    svg, _ = plot_gaps_over_rounds(run("a", odd, 0), ["a"], tmp_path)
    assert odd in svg.read_text("utf-8")


def test_without_lines_there_is_no_plot(tmp_path):
    assert drawn([], tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    assert [path.stem for path in drawn(run("a", "full", 0, rounds=1, looks=False), tmp_path)] == ["time", "time"]


def heights(monkeypatch):
    """Heights of the bars that are drawn from now on."""
    from matplotlib.axes import Axes

    found, bar = [], Axes.bar

    def seen(panel, *given, **named):
        if given:  # horizontal bars come here too, without
            found.append(list(given[1]))
        return bar(panel, *given, **named)

    monkeypatch.setattr(Axes, "bar", seen)
    return found
