"""One run over a user's own task and dataset: from files on disk to a report, errors and picks among them."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from edt.build import Builder
from edt.config import Config
from edt.experiment import compose
from edt.loop import adapt
from edt.protocols import Student
from edt.store.folders import Store
from edt.store.stages import Parts, Stages
from edt.tracking.local import LocalTracker
from edt.types import Adapter, Outcome, Sample
from tests.harness import FAKE_CONF, FAKES
from tests.pictures import drawn, put
from tests.supporting.flan import pictures, record, write


class Parrot:
    """Answers "B" until it was tuned, and then "A"; looks for every picture that it is shown."""

    name = "parrot"

    def __init__(self, adapter: Adapter | None = None) -> None:
        self._adapter = adapter

    def fingerprint(self):
        return {}

    def answer(self, samples: Sequence[Sample], root: Path) -> list[str]:
        assert all((root / sample.image).is_file() for sample in samples)
        letter = "B" if self._adapter is None else "A"
        return [letter if sample.direct else f"Step 1: I look.\nAnswer: {letter}" for sample in samples]

    def wearing(self, adapter: Adapter | None) -> Student:
        return Parrot(adapter)


class Noting:
    """A tuner that keeps what it was given."""

    def fingerprint(self):
        return {}

    def tune(self, student: Student, samples: Sequence[Sample], root: Path, *, folder: Path, seed: int) -> Adapter:
        assert all((root / sample.image).is_file() for sample in samples)
        folder.mkdir(parents=True)
        (folder / "seen.json").write_text(json.dumps([sample.id for sample in samples]))
        return Adapter(path=str(folder), key="tuned")


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.setenv("EDT_CACHE", str(tmp_path / "cache"))
    lines = []
    for number in range(10):
        image = put(tmp_path / "target", f"{number}.png", drawn(100 + number))
        options, answer = ["cat", "dog"], "cat" if number % 5 else "dog"
        lines.append({"id": f"t{number}", "image": image, "question": "Which?", "options": options, "answer": answer})
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    images = pictures(tmp_path / "images")
    put(images, "leak.png", drawn(104))
    write(tmp_path / "data.json", [record(n, **({"image": "leak.png"} if n < 4 else {})) for n in range(12)])
    kept = [fake for fake in FAKES if fake.partition("=")[0] not in ("task", "supporting", "identifier", "analyst")]
    places = [f"task.file={tmp_path}/t.jsonl", f"task.images={tmp_path}/target", "task.num_validation=5"]
    more = [f"supporting.file={tmp_path}/data.json", f"supporting.images={images}"]
    return [*kept, "task=custom", *places, "supporting=llava_json", *more, "scale.samples=6", "method=random"]


def parts_of(config: Config) -> Parts:
    """Those of the configuration, with a student and a tuner that need no skills."""
    return Parts(**{**vars(Builder().parts(config)), "student": Parrot(), "tuner": Noting()})


def test_the_loop_over_files_of_ones_own(options, tmp_path):
    config = compose(options, config_dir=FAKE_CONF)
    parts = parts_of(config)
    tracker = LocalTracker()
    tracker.start({}, tmp_path / "run")
    stages = Stages(parts=parts, store=Store(tmp_path / "store"), seed=0)
    report = adapt(stages, budget=config.budget, scale=config.scale, tracker=tracker, method="random")

    (first,) = report.rounds
    golds = {sample.id: sample.answer for sample in parts.task.validation}
    assert first.errors == sum(answer == "cat" for answer in golds.values())  # it said B, which is dog
    assert all(pick.sample_id not in {"r0", "r1", "r2", "r3"} for pick in first.picks)  # these show a target's picture
    assert len(first.picks) == 6
    assert report.validation.right == sum(answer == "cat" for answer in golds.values())
    assert all(p.outcome is not Outcome.UNPARSED for split in report.predictions.values() for p in split)
    later = Stages(parts=parts_of(config), store=Store(tmp_path / "store"), seed=0)
    again = adapt(later, budget=config.budget, scale=config.scale, tracker=tracker, method="random")
    assert again.predictions == report.predictions
    assert all(note.reused for note in later.notes)
