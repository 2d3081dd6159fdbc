"""What a report says of each run is what the table says, and tells no place of a machine."""

from dataclasses import replace
from pathlib import Path

import pytest

from edt.sweep.record import write_outcome
from edt.sweep.runs import run_lines, without_places
from edt.tables.page import page_of
from tests.tables.test_wide import cell, wide


def test_a_run_has_the_figures_of_its_cell_in_the_table():
    measured = cell("a", "edt", "96", 0, "1" * 9 + "0" * 7)  # 56.25%, which a browser would round to 56.3
    (line,) = run_lines([measured], [], {}, Path("nowhere"))
    assert f"{line['scores']['test']['percent']} (1)" == page_of(wide([measured])).rows[0][2][0].text == "56.2 (1)"
    assert (line["state"], line["trained"], line["folder"], line["findings"]) == ("measured", 10, "", None)


def test_a_run_has_a_folder_only_where_that_very_run_is_in_it(tmp_path):
    ours = replace(cell("a", "edt", "96", 0, "10"), digest="of the table")
    waiting = cell("a", "random", "96", 0, "", state="missing", reason="not run yet")

    def folders():
        return [line["folder"] for line in run_lines([ours, waiting], [], {}, tmp_path)]

    assert folders() == ["", ""]
    write_outcome(tmp_path / ours.run, state="failed", digest="of other options")
    write_outcome(tmp_path / waiting.run, state="failed", digest="of other options")
    assert folders() == ["", ""]
    write_outcome(tmp_path / ours.run, state="failed", digest=ours.digest)
    (tmp_path / waiting.run / "outcome.json").unlink()  # as of a run that was stopped: its log is there
    assert folders() == [f"{tmp_path.name}/{ours.run}", f"{tmp_path.name}/{waiting.run}"]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("there is no '/var/cache/edt/pack'; run it", "there is no '…/pack'; run it"),
        ("store.root=/data cannot be written", "store.root=…/data cannot be written"),
        ("see file:///srv/a b and https://host/path/to", "see file://…/a b and https://host/path/to"),
        ("exit code 1: OSError: [Errno 2] /home/ä/x.json", "exit code 1: OSError: [Errno 2] …/x.json"),
        (
            "1 of 2 seeds, and/or n/a, outputs/tables/x, ~/x, a </b>",
            "1 of 2 seeds, and/or n/a, outputs/tables/x, ~/x, a </b>",
        ),
    ],
)
def test_sentences_lose_absolute_paths_and_nothing_else(said, shown):
    assert without_places(said) == shown
