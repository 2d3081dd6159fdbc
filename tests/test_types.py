"""What is written of a value, and what is read of one that was written before its type had all fields."""

from edt.store.keys import digest
from edt.types import Outcome, Prediction, Sample, Score, from_json, to_json

SAMPLE = Sample(id="1", image="a.png", question="?", options=("a", "b"), answer="a")
PREDICTION = Prediction(sample_id="1", text="Answer: a", steps=(), answer="a", outcome=Outcome.RIGHT)
SCORE = Score(score=1.0, n=1, right=1, unparsed=0, low=0.2, high=1.0)


def test_fields_that_came_later_leave_what_is_written_alone_where_they_are_not_set():
    """Keys of stored results are hashes of this."""
    assert set(to_json(SAMPLE)) == {
        "id", "image", "question", "options", "answer", "rationale", "required_skills", "source_task", "truth",
    }  # fmt: skip
    assert set(to_json(PREDICTION)) == {"sample_id", "text", "steps", "answer", "outcome"}
    assert set(to_json(SCORE)) == {"score", "n", "right", "unparsed", "low", "high"}
    assert digest(to_json([PREDICTION])) == "fdef3aa2558180b79dbe792e68749a65"


def test_they_are_written_and_read_where_they_are_set():
    sample = Sample(id="1", image="", question="?", answer="a", answers=("a", "b"), group="g", direct=True)
    graded = Prediction(sample_id="1", text="", steps=(), answer="a", outcome=Outcome.RIGHT, grade=0.0, group="g")
    for value in (sample, graded, SAMPLE, PREDICTION, SCORE):
        assert from_json(type(value), to_json(value)) == value
    assert to_json(graded)["grade"] == 0.0
