"""MMBench out of small files of its forms."""

import base64
import csv

import pytest

from edt.errors import EdtError
from edt.images.inside import ImageFolder
from edt.protocols import fingerprint_of
from edt.tables.scores import score_of
from edt.tasks.mmbench import mmbench
from edt.types import Outcome
from tests.pictures import drawn

COLUMNS = ("index", "question", "hint", "A", "B", "C", "D", "answer", "category", "image", "source", "split")


def rows(number=6):
    """Questions with two rotations each; the second has its picture by the first one's index."""
    for index in range(number):
        base = {"question": f"What is in {index}?", "hint": "nan" if index % 2 else f"Hint {index}", "category": "c"}
        more = {"source": "s", "split": "dev", "D": ""}
        image = base64.b64encode(drawn(index)).decode()
        yield {"index": index, "A": "cat", "B": "dog", "C": "cow", "answer": "B", "image": image, **base, **more}
        yield {
            "index": index + 1_000_000,
            "A": "cow",
            "B": "cat",
            "C": "dog",
            "answer": "C",
            "image": str(index),
            **base,
            **more,
        }


def tsv(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS, delimiter="\t")
        table.writeheader()
        table.writerows(lines)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data" / "mmbench" / "MMBench_DEV_EN.tsv"
    tsv(path, rows())
    return path


def test_rotations_are_asked_on_test_with_the_picture_of_their_question(file):
    task = mmbench(num_validation=2)
    assert (len(task.validation), len(task.test)) == (2, 8)
    assert all(sample.id == sample.group for sample in task.validation)
    for group in {sample.group for sample in task.test}:
        first, second = (sample for sample in task.test if sample.group == group)
        assert first.image == second.image
        assert {first.answer, second.answer} == {"dog"}
        assert {first.options, second.options} == {("cat", "dog", "cow"), ("cow", "cat", "dog")}
    for sample in (*task.validation, *task.test):
        ImageFolder(task.root).check(sample.image, "decode")


def test_vanilla_asks_every_question_once(file):
    task = mmbench(num_validation=2, circular=False)
    assert [len(task.validation), len(task.test)] == [2, 4]
    assert {sample.options for sample in task.test} == {("cat", "dog", "cow")}


def test_a_question_counts_where_all_its_rotations_are_right(file):
    task = mmbench(num_validation=2)
    by_letter = [task.read(sample, "Answer: B") for sample in task.test]  # right before, wrong after the rotation
    assert score_of(by_letter).right == 0
    by_words = [task.read(sample, "Step 1: It barks.\nAnswer: dog") for sample in task.test]
    score = score_of(by_words)
    assert (score.right, score.n) == (4, 4)
    half = score_of([*by_words[:-1], task.read(task.test[-1], "I do not know.\nReally.")])
    assert (half.right, half.unparsed, half.n) == (3, 1, 4)


def test_parquet_comes_to_the_same_questions(file, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = [dict(row) for row in rows()]
    for row in lines:
        row["image"] = {"bytes": drawn(row["index"] % 1_000_000), "path": None}
        row["hint"] = None if row["hint"] == "nan" else row["hint"]
    path = tmp_path / "dev.parquet"
    pq.write_table(pa.Table.from_pylist(lines), path)
    ours, theirs = mmbench(file=str(path), num_validation=2), mmbench(num_validation=2)
    assert ours.test == theirs.test
    assert ours.validation == theirs.validation


def test_hints_stand_before_the_question_where_there_are_any(file):
    task = mmbench(num_validation=1)
    by_id = {sample.id: sample.question for sample in (*task.validation, *task.test)}
    assert by_id["1"] == "What is in 1?\nA. cat\nB. dog\nC. cow"
    assert by_id["2"].startswith("Hint 2\nWhat is in 2?\n")


def test_another_style_is_for_test_alone(file):
    task = mmbench(num_validation=2, eval_style="vlmevalkit")
    assert task.test[0].question.endswith("Please select the correct answer from the options above. \n")
    assert all(sample.direct for sample in task.test)
    assert not any(sample.direct for sample in task.validation)
    sample = task.test[0]
    letter = "ABC"[sample.options.index("dog")]
    assert task.read(sample, f"The answer is {letter}").outcome is Outcome.RIGHT
    assert task.read(sample, "It could be any").outcome is Outcome.UNPARSED
    assert task.read(task.validation[0], "The answer is B").outcome is Outcome.UNPARSED  # ours wants `Answer:`
    prints = [fingerprint_of(mmbench(num_validation=2, eval_style=style)) for style in ("ours", "vlmevalkit")]
    assert prints[0] != prints[1]


def test_the_file_is_taken_apart_once(file, monkeypatch):
    first = mmbench(num_validation=2).test
    monkeypatch.setattr(csv, "DictReader", None)
    assert mmbench(num_validation=2).test == first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": ""}, "question 0 of MMBench has the answer 'none' and 3 options"),
        ({"answer": "D"}, "question 0 of MMBench has the answer 'D' and 3 options"),
        ({"image": "77"}, "question 0 of MMBench takes its picture from 77, which has none"),
        ({"image": ""}, "question 0 of MMBench has no picture; get the file that holds them"),
        ({"image": "aGVsbG8="}, "the picture of question 0 cannot be read as a picture"),
        ({"index": "x"}, "has the index 'x'; it must be a whole number"),
    ],
)
def test_an_unsound_row_is_named(file, change, message):
    first, *rest = rows()
    tsv(file, [{**first, **change}, *(row for row in rest if row["image"] != "0")])
    with pytest.raises(EdtError, match=message):
        _ = mmbench(num_validation=2).validation


def test_a_missing_file_says_what_to_get():
    task = mmbench()
    with pytest.raises(
        EdtError, match=r"MMBench is not here: there is no .*MMBench_DEV_EN.tsv; get MMBench_DEV_EN.tsv"
    ):
        _ = task.validation
    with pytest.raises(EdtError, match="MMBench is not here"):
        task.fingerprint()
