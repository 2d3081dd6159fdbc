"""Pocket counted: what its splits hold and share, and how far one gets without looking at a picture.

Knows samples, things and the pack as they lie on disk; nothing of how a count is told.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from edt.errors import EdtError
from edt.pocket.home import SEAL, SETUP_COMMAND, Home
from edt.pocket.kinds import kinds
from edt.pocket.makers import is_gap
from edt.pocket.pack import Pack, open_pack
from edt.pocket.samples import read_samples
from edt.pocket.targets import TASKS
from edt.pocket.things import Thing, load_things
from edt.types import Sample

SPLITS = ("validation", "test")

OptionScores = Callable[[Sample], Sequence[float]]
"""How much each option of a sample is favoured, in their order."""


@dataclass(frozen=True, kw_only=True)
class Census:
    """All of Pocket's samples and things."""

    tasks: Mapping[str, Mapping[str, Sequence[Sample]]]
    """By task, then by split."""
    supporting: Sequence[Sample]
    things: Sequence[Thing]
    pack: Pack

    def split(self, name: str) -> list[Sample]:
        """The samples of `validation` or `test` of every task, or of `supporting`."""
        if name == "supporting":
            return list(self.supporting)
        return [sample for task in TASKS for sample in self.tasks[task][name]]


def take(home: Home) -> Census:
    """Read everything; raises EdtError where something is missing or the data are of another pack."""
    pack, data = open_pack(home), home.data
    supporting = read_samples(data / "supporting.jsonl")
    tasks = {task: {split: read_samples(data / f"{task}.{split}.jsonl") for split in SPLITS} for task in TASKS}
    seal = data / SEAL
    if not seal.exists() or json.loads(seal.read_text("utf-8")).get("pack") != pack.fingerprint:
        raise EdtError(f"the samples in {data} were not made from the pack {home.pack}; run `{SETUP_COMMAND}`")
    return Census(tasks=tasks, supporting=supporting, things=load_things(home.pack), pack=pack)


def facts_of(sample: Sample) -> Mapping[str, str]:
    assert sample.truth is not None, "every sample of Pocket carries its truth"
    return sample.truth.facts


def objects_of(sample: Sample) -> list[str]:
    assert sample.truth is not None, "every sample of Pocket carries its truth"
    return sample.truth.object_id.split("+")


def objects(samples: Iterable[Sample]) -> Counter[str]:
    """How many samples show each object."""
    return Counter(one for sample in samples for one in objects_of(sample))


def pictures(samples: Iterable[Sample]) -> set[str]:
    return {sample.image for sample in samples}


def stem(question: str) -> str:
    """A question without its list of options."""
    return question.partition(" Options: ")[0]


def shared(census: Census) -> dict[tuple[str, str], tuple[int, int]]:
    """By pair of splits, all tasks together: how many objects, then pictures, are in both."""
    splits = {name: census.split(name) for name in ("supporting", *SPLITS)}
    return {
        (one, other): (
            len(objects(splits[one]).keys() & objects(splits[other]).keys()),
            len(pictures(splits[one]) & pictures(splits[other])),
        )
        for one, other in combinations(splits, 2)
    }


def gap_share(samples: Sequence[Sample]) -> float:
    return sum(is_gap(facts_of(sample)) for sample in samples) / len(samples)


def even_objects(samples: Sequence[Sample]) -> float:
    """How many objects, each shown equally often, would be as varied: the inverse of Simpson's index."""
    counts = objects(samples).values()
    return sum(counts) ** 2 / sum(count * count for count in counts)


def lone_kinds(things: Iterable[Thing], split: str) -> list[str]:
    """Kinds that one object alone shows in a split, in the table's order."""
    shown: dict[str, set[str]] = defaultdict(set)
    for thing in things:
        if thing.split == split:
            shown[thing.kind.name].add(thing.object_id)
    return [name for name in kinds() if len(shown[name]) == 1]


def expected(samples: Sequence[Sample], scores: OptionScores) -> float:
    """Expected accuracy of taking the most favoured option, by lot where several are."""
    total = 0.0
    for sample in samples:
        of = dict(zip(sample.options, scores(sample), strict=True))
        best = [option for option, score in of.items() if score == max(of.values())]
        total += (sample.answer in best) / len(best)
    return total / len(samples)


def chance(sample: Sample) -> Sequence[float]:
    return [0.0] * len(sample.options)


def favourite(earlier: Sequence[Sample]) -> OptionScores:
    """Favours the option that was most often the answer among `earlier` samples."""
    counts = Counter(sample.answer for sample in earlier)
    return lambda sample: [counts[option] for option in sample.options]


def best_place(samples: Sequence[Sample]) -> OptionScores:
    """Favours the place in the list where the answers of these same samples stand most often."""
    place = Counter(sample.options.index(sample.answer) for sample in samples).most_common(1)[0][0]
    return lambda sample: [float(index == place) for index in range(len(sample.options))]


def common_words(sample: Sample) -> Sequence[float]:
    """Favours the option that shares most words with the others."""
    words = [set(option.split()) - {"a", "an", "the", "and"} for option in sample.options]
    return [sum(len(own & other) for other in words if other is not own) for own in words]


def common_domain(sample: Sample) -> Sequence[float]:
    """Favours options of the domain that most options are of."""
    domains = [kinds()[option].domain if option in kinds() else "" for option in sample.options]
    return [domains.count(domain) for domain in domains]
