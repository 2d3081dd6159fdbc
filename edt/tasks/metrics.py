"""Metrics by name: how good an answer is, and from which grade on it counts as right.

A metric of right and wrong has grades 0 and 1. One that grades (VQA accuracy,
CIDEr, BLEU) gives any share; the loop, which needs to know what an error is,
takes an answer below the metric's *bar* for one. The bars are ours, and options.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edt.errors import EdtError
from edt.tasks.cider import Cider
from edt.tasks.options import choose
from edt.tasks.reply import normalise
from edt.tasks.vqa import vqa_accuracy
from edt.types import Sample

Grade = Callable[[Sample, str], float]
"""Of an answer to a sample, in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """`make` is given all samples of a split, whose references CIDEr counts words in."""

    make: Callable[[Sequence[Sample]], Grade]
    graded: bool
    bar: float
    """The least grade of an answer that counts as right."""


def references_of(sample: Sample) -> tuple[str, ...]:
    """All answers that are accepted."""
    return sample.answers or (sample.answer,)


def _option(samples: Sequence[Sample]) -> Grade:
    def grade(sample: Sample, answer: str) -> float:
        chosen = choose(answer, sample.options)
        return float(chosen is not None and sample.options[chosen] == sample.answer)

    return grade


def _exact(samples: Sequence[Sample]) -> Grade:
    return lambda sample, answer: float(normalise(answer) in map(normalise, references_of(sample)))


def _vqa(samples: Sequence[Sample]) -> Grade:
    return lambda sample, answer: vqa_accuracy(answer, references_of(sample))


def _cider(samples: Sequence[Sample]) -> Grade:
    if len(samples) == 1:
        raise EdtError(
            "task.metric=cider weighs words by how few of a split's pictures they are said of, and with one picture "
            "every weight is 0; give the split two samples or more, or choose another metric"
        )
    cider = Cider(references_of(sample) for sample in samples)
    return lambda sample, answer: cider.grade(answer, references_of(sample))


def _bleu(samples: Sequence[Sample]) -> Grade:
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU(lowercase=True, effective_order=True)
    return lambda sample, answer: bleu.sentence_score(answer, list(references_of(sample))).score / 100


METRICS: Mapping[str, Metric] = {
    "option": Metric(make=_option, graded=False, bar=1.0),
    "exact_match": Metric(make=_exact, graded=False, bar=1.0),
    "vqa_accuracy": Metric(make=_vqa, graded=True, bar=0.5),
    "cider": Metric(make=_cider, graded=True, bar=0.1),
    "bleu": Metric(make=_bleu, graded=True, bar=0.3),
}


def metric_named(name: str) -> Metric:
    if name not in METRICS:
        raise EdtError(f"task.metric must be one of {', '.join(METRICS)}, not {name!r}")
    return METRICS[name]
