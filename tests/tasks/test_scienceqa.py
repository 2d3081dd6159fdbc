"""ScienceQA out of small parquet files of its form."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edt.errors import EdtError
from edt.tasks.scienceqa import scienceqa
from edt.types import Outcome
from tests.pictures import drawn


def write(folder, split, numbers, *, answer=1):
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        {
            "image": {"bytes": drawn(number), "path": None} if number % 3 else None,
            "question": f"Which is {number}?",
            "choices": ["iron", "wood"],
            "answer": answer,
            "hint": "" if number % 2 else "Look.",
            "task": "closed choice",
            "skill": "s",
        }
        for number in numbers
    ]
    schema = pa.schema({"answer": pa.int8()}).field("answer")
    table = pa.Table.from_pylist(lines)
    place = table.schema.get_field_index("answer")
    pq.write_table(table.set_column(place, schema, table["answer"].cast(pa.int8())), folder / f"{split}-0-of-1.parquet")


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "data" / "scienceqa" / "data"
    write(place, "train", range(3))
    write(place, "validation", range(100, 112))
    write(place, "test", [*range(200, 208), 101])  # one picture of validation's
    return place


def test_questions_with_a_picture_of_its_own_splits(folder):
    task = scienceqa(num_validation=5)
    assert (len(task.validation), len(task.test)) == (5, 6)
    assert all(sample.answer == "wood" for sample in task.test)
    assert not {sample.image for sample in task.validation} & {sample.image for sample in task.test}
    assert len(scienceqa().validation) == 7  # of eight with a picture; one of them is in test too


def test_reading(folder):
    task = scienceqa(num_validation=5, eval_style="lmms_eval")
    assert task.test[0].question.endswith("Answer with the option's letter from the given choices directly.")
    outcomes = [task.read(task.test[0], reply).outcome for reply in ("b", "B. wood", "A.", "(B)")]
    assert outcomes == [Outcome.RIGHT, Outcome.RIGHT, Outcome.WRONG, Outcome.UNPARSED]
    ours = task.read(task.validation[0], "Step 1: It is of a tree.\nAnswer: (b)")
    assert (ours.answer, ours.outcome, ours.steps) == ("wood", Outcome.RIGHT, ("It is of a tree.",))


def test_what_is_missing_or_unsound_is_said(folder, tmp_path):
    with pytest.raises(
        EdtError, match=r"no validation-.*parquet under .*nowhere; get the dataset derek-thomas/ScienceQA"
    ):
        _ = scienceqa(folder=str(tmp_path / "nowhere")).validation
    write(folder, "test", [202], answer=2)
    with pytest.raises(EdtError, match="row test-00001 of ScienceQA has the answer 2 and 2 choices"):
        _ = scienceqa().test
    with pytest.raises(
        EdtError, match="eval_style='mmmu' does not know scienceqa; choose of ours, lmms_eval, vlmevalkit"
    ):
        scienceqa(eval_style="mmmu")
