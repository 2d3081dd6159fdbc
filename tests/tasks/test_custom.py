"""A user's own questions, in the forms that they may have."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edt.errors import EdtError
from edt.protocols import fingerprint_of
from edt.tables.scores import score_of
from edt.tasks.custom import custom
from edt.types import Outcome
from tests.pictures import drawn, put


@pytest.fixture
def images(tmp_path):
    for number in range(8):
        put(tmp_path / "images", f"a/{number}.png", drawn(number))
    return tmp_path / "images"


def records(**more):
    return [
        {"id": f"q{number}", "image": f"a/{number}.png", "question": f"What is {number}?", "answer": "dog", **more}
        for number in range(8)
    ]


def llava(number=8):
    for index in range(number):
        turns = [
            {"from": "human", "value": f"Which is {index}? (a) cat (b) dog\n<image>"},
            {"from": "gpt", "value": "(b) dog"},
        ]
        yield {"id": index, "image": f"a/{index}.png", "conversations": turns}


def task_of(tmp_path, images, lines, *, form="jsonl", **options):
    path = tmp_path / f"questions.{form}"
    if form == "jsonl":
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    elif form == "json":
        path.write_text(json.dumps(list(lines)), "utf-8")
    else:
        pq.write_table(pa.Table.from_pylist(list(lines)), path)
    return custom(file=str(path), images=str(images), **{"num_validation": 3, **options})


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
def test_every_form_comes_to_the_same_questions(tmp_path, images, form):
    task = task_of(tmp_path, images, records(options=["cat", "dog"]), form=form)
    assert (len(task.validation), len(task.test)) == (3, 5)
    assert task.test[0].question.endswith("?\nA. cat\nB. dog")
    assert task.read(task.test[0], "Answer: B").outcome is Outcome.RIGHT
    assert task.read(task.test[0], "b").outcome is Outcome.RIGHT  # a bare reply of one line
    assert task.read(task.test[0], "a bird").outcome is Outcome.UNPARSED


def test_llava_with_options_in_the_question(tmp_path, images):
    task = task_of(tmp_path, images, llava(), form="json")
    sample = task.test[0]
    assert (sample.options, sample.answer) == (("cat", "dog"), "dog")
    assert sample.question.count("(a)") == 1
    assert "<image>" not in sample.question


def test_splits_may_be_given(tmp_path, images):
    lines = [{**line, "split": "test" if number > 4 else "validation"} for number, line in enumerate(records())]
    task = task_of(tmp_path, images, lines, metric="exact_match", num_validation=None)
    assert [sample.id for sample in task.test] == ["q5", "q6", "q7"]
    assert [sample.id for sample in task.validation] == ["q0", "q1", "q2", "q3", "q4"]


def test_a_metric_that_grades_says_how_good_and_what_an_error_is(tmp_path, images):
    lines = records(answers=["dog"] * 2 + ["puppy"] * 8)
    task = task_of(tmp_path, images, lines, metric="vqa_accuracy")
    said = ("Answer: puppy", "Answer: a dog", "Answer: cat", "Hm.\nWell.")
    good, fair, none, unparsed = map(task.read, task.test, said)
    assert [good.grade, fair.grade, none.grade] == [1.0, pytest.approx(0.6), 0.0]
    assert [one.outcome for one in (good, fair, none)] == [Outcome.RIGHT, Outcome.RIGHT, Outcome.WRONG]
    strict = task_of(tmp_path, images, lines, metric="vqa_accuracy", bar=0.7)
    assert strict.read(strict.test[0], "Answer: dog").outcome is Outcome.WRONG
    score = score_of([good, fair, none, unparsed])
    assert score.grade == pytest.approx(1.6 / 4)
    assert (score.score, score.unparsed) == (0.5, 1)
    assert fingerprint_of(task) != fingerprint_of(strict)


def test_captions_are_graded_within_their_split(tmp_path, images):
    lines = [{**line, "answer": f"a dog number{number} on grass"} for number, line in enumerate(records())]
    task = task_of(tmp_path, images, lines, metric="cider")
    sample = task.test[0]
    same, near, far = (
        task.read(sample, f"Answer: {said}").grade or 0.0 for said in (sample.answer, "a dog", "blue sky")
    )
    assert same > near >= far == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": "a/none.png"}, "record 1: image is not there"),
        ({"image": "../secret.png"}, "record 1: image climbs out of a folder"),
        ({"image": "/etc/passwd"}, "record 1: image is absolute"),
        ({"question": ""}, "record 1: question must be text, not ''"),
        ({"answer": 3}, "record 1: answer must be text, not 3"),
        ({"options": ["a"]}, "record 1: answer is 'dog', which names none of the options"),
        ({"options": "cat"}, "record 1: options must be a list of texts"),
        ({"id": None}, "record 1: id must be text, not None"),
        ({"split": "train"}, "record 1: split must be validation or test, not 'train'"),
        ({"split": "test"}, "some records have a split and some have none"),
        ({"id": "q1"}, "question id 'q1' comes twice"),
    ],
)
def test_what_is_unsound_is_named(tmp_path, images, change, message):
    first, *rest = records()
    task = task_of(tmp_path, images, [{**first, **change}, *rest], metric="exact_match")
    with pytest.raises(EdtError, match=message):
        _ = task.validation


def test_broken_files_and_missing_places(tmp_path, images):
    task = task_of(tmp_path, images, records())
    with pytest.raises(EdtError, match=r"record 1: options are needed by task.metric=option"):
        _ = task.validation
    (tmp_path / "questions.jsonl").write_text('{"id": "q0", "image": ')
    with pytest.raises(EdtError, match="record 1: the file ends within the record"):
        _ = task_of_file(tmp_path, images).validation
    with pytest.raises(EdtError, match=r"task=custom needs task\.file="):
        custom()
    with pytest.raises(EdtError, match=r"task.file: there is no .*none.json"):
        _ = custom(file=str(tmp_path / "none.json"), images=str(images)).validation
    with pytest.raises(EdtError, match=r"task.bar must be above 0"):
        task_of(tmp_path, images, records(), bar=0.0)


def task_of_file(tmp_path, images):
    return custom(file=str(tmp_path / "questions.jsonl"), images=str(images), metric="exact_match")
