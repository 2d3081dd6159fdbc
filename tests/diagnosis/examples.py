"""Error samples to diagnose."""

from edt.types import ErrorSample, Outcome, Prediction, Sample


def error_of(
    *steps: str,
    answer: str | None = "chair",
    gold: str = "bed",
    options: tuple[str, ...] = ("bed", "chair", "lamp"),
    sample_id: str = "v1",
) -> ErrorSample:
    question = "What is this? Options: bed, chair, lamp."
    sample = Sample(id=sample_id, image="", question=question, options=options, answer=gold)
    prediction = Prediction(sample_id=sample_id, text="", steps=steps, answer=answer, outcome=Outcome.WRONG)
    return ErrorSample(sample=sample, prediction=prediction)
