"""Which cells a part of a table has, where its rows have scales and seeds of their own."""

import pytest

from edt.errors import EdtError
from edt.sweep.command import Request
from edt.sweep.spec import cells_of

EVERY = ["random", "edt", "task_description"]


def asked(*arguments):
    """Method, scale and seed of each cell of the main table that is asked for, of one task."""
    request = Request.read(["table=main", "tasks=pocket_vqa", *arguments])
    return {(cell.method, cell.scale, cell.seed) for cell in cells_of("main", request.spec())}


def test_a_part_by_scale_and_seed_is_one_of_every_row():
    untuned = {("pretrained", "", 0)}  # belongs to every part, and no seed changes it
    assert asked("scales=88", "seeds=1") == untuned | {(method, "88", 1) for method in EVERY}
    assert asked("scales=264", "seeds=0") == untuned | {(method, "264", 0) for method in [*EVERY, "planted"]}
    assert asked("scales=264", "seeds=1,2") == untuned | {(m, "264", seed) for m in EVERY for seed in (1, 2)}
    assert asked("scales=500", "seeds=5") == untuned | {(method, "500", 5) for method in EVERY}  # none of the table's
    assert ("planted", "264", 0) in asked()


def test_a_scale_that_one_row_alone_has_is_that_rows():
    assert asked("scales=full", "seeds=1") == {("pretrained", "", 0), ("full", "full", 1)}
    both = {("full", "full", 1), *((method, "88", 1) for method in EVERY)}
    assert asked("scales=88,full", "seeds=1") == {("pretrained", "", 0), *both}
    assert {scale for method, scale, _ in asked("seeds=1") if method == "full"} == {"full"}


@pytest.mark.parametrize("part", [("methods=planted", "scales=88"), ("methods=planted", "seeds=1")])
def test_a_part_without_a_cell_is_refused(part):
    with pytest.raises(
        EdtError, match="table 'main' has no cell at these scales and seeds for planted; ask for others"
    ):
        asked(*part)
