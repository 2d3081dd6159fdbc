"""Trains the adapter that makes SmolLM2 the pocket teacher.

    python -m edt.pocket.train_teacher --data supporting.jsonl --minutes 60 --out edt/pocket/weights/teacher

It learns from the text of supporting samples, in exactly the words in which it
will be asked: which answer a partial rationale, right or corrupted, implies,
whatever the hint says; which skill a wrong step needs; whether a step is right
or wrong; and which steps lead to an answer.  Corruptions are drawn as they are needed, so lessons never end.  Started
again after a stop, it goes on from its last checkpoint with the minutes that
are left.  No picture is ever read.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edt.diagnosis import answer_switch, in_context
from edt.errors import EdtError
from edt.paths import pocket_root
from edt.pocket.lessons import Corrupt, Lesson, School, loss_of
from edt.pocket.samples import read_samples
from edt.pocket.skills import nearest
from edt.protocols import Capabilities, Rationale
from edt.types import ErrorSample, Mistake, Outcome, Prediction, Sample

if TYPE_CHECKING:
    from edt.teachers.engine import Engine

WARM_UP, FLOOR = 0.03, 0.02


class Resident:
    """The model in training as a teacher, so that it is examined by the parts that will use it."""

    name = "in training"
    can = Capabilities(logprobs=True, completion=True)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def fingerprint(self) -> dict[str, Any]:
        return {}

    def prepare(self) -> None: ...

    def complete(self, prompts: Sequence[str], *, max_tokens: int, lines: bool = False) -> list[str]:
        replies = self._engine.complete(prompts, max_tokens=max_tokens, batch_size=16)  # its lessons are one line
        return [text for _, text in sorted(replies)]

    def weigh(self, rationales: Sequence[Rationale]) -> list[list[list[float]]]:
        return [self._engine.weigh(rationale, normalise_length=False) for rationale in rationales]


def examine(teacher: Resident, errors: Sequence[tuple[ErrorSample, int]], skills: dict[str, str]) -> dict[str, float]:
    """Shares in [0, 1] on errors with a known first wrong step (1-based).

    `implied`: prefixes whose heaviest option is the implied one; `placed`,
    `abstained`: of answer switch; `skill`: replies whose nearest wording in
    `skills` (wording to id) is of the skill that mends the step.
    """
    found = answer_switch.AnswerSwitch(teacher).identify([error for error, _ in errors])
    true = [Mistake(sample_id=error.sample.id, step=step, reason="") for error, step in errors]
    gaps = in_context.InContext(teacher).analyse([error for error, _ in errors], true)
    right = prefixes = named = 0
    for (error, step), mistake, gap in zip(errors, found, gaps, strict=True):
        for weights in mistake.evidence:
            implied = error.sample.answer if weights.steps < step else error.prediction.answer
            right += max(weights.probabilities, key=weights.probabilities.__getitem__) == implied
            prefixes += 1
        named += nearest(gap.skill or "", skills) == skills[error.sample.required_skills[step - 1]]
    return {
        "implied": right / max(prefixes, 1),
        "placed": sum(m.step == step for m, (_, step) in zip(found, errors, strict=True)) / len(errors),
        "abstained": sum(mistake.abstained for mistake in found) / len(errors),
        "skill": named / len(errors),
    }


def errors_of(samples: Sequence[Sample], corrupt: Corrupt, number: int) -> list[tuple[ErrorSample, int]]:
    """Up to `number` made-up errors, each with its first wrong step."""
    errors = []
    for sample in samples:
        wrong = corrupt(sample, random.Random(f"exam/{sample.id}"))
        if wrong is not None and len(errors) < number:
            steps, answer, step = wrong
            prediction = Prediction(
                sample_id=sample.id, text="", steps=tuple(steps), answer=answer, outcome=Outcome.WRONG
            )
            errors.append((ErrorSample(sample=sample, prediction=prediction), step))
    return errors


@dataclass
class Progress:
    """Where training is; kept in a checkpoint."""

    seconds: float = 0.0
    steps: int = 0
    pool: int = 0


class Trainer:
    """LoRA in fp32 for a given time: linear warm-up, then a cosine over the minutes.

    `rough` takes products with frozen weights in bf16; examinations stay in fp32.
    """

    def __init__(
        self, folder: Path, work: Path, *, init: Path | None, rate: float, seconds: float, rough: bool = False
    ) -> None:
        import torch

        from edt.products import FrozenLinear
        from edt.teachers import lora
        from edt.teachers.engine import Engine, load_model

        self._work, self._rate, self._seconds = work, rate, seconds
        model, tokenizer = load_model(folder)
        resumed = (work / "progress.json").is_file()
        source = work if resumed else init
        self.wrapped = lora.load(model, source) if source else lora.attach(model)
        self.model = self.wrapped.get_base_model()
        for part in self.model.modules():
            if rough and isinstance(part, FrozenLinear):
                part.roughen()
        self.engine = Engine(self.model, tokenizer, chat="chatml")
        self._named = lora.weights_of(self.wrapped)
        self._optimiser = torch.optim.AdamW(self._named.values(), lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
        self.progress = self._restore() if resumed else Progress()

    def step(self, pool: int, batch: Sequence[Lesson]) -> float:
        """One update; returns the loss."""
        import torch

        started = time.monotonic()
        done = min(self.progress.seconds / self._seconds, 1.0)
        factor = min(done / WARM_UP, 1.0) * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * done)))
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate * max(factor, 1e-3)
        self.model.train()
        loss = loss_of(self.model, batch, self.engine.vocabulary.pad)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._named.values(), 1.0)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self.model.eval()
        self.progress.seconds += time.monotonic() - started
        self.progress.steps, self.progress.pool = self.progress.steps + 1, pool
        return loss.item()

    def save(self) -> None:
        """A checkpoint: fp32 weights, moments, and last where training is."""
        from safetensors.torch import save_file

        from edt.teachers import lora

        part = self._work.with_name(f".{self._work.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        lora.save(self.wrapped, part, precision="float32")
        moments = {
            f"{name}.{moment}": self._optimiser.state[value][moment]
            for name, value in self._named.items()
            for moment in ("exp_avg", "exp_avg_sq")
        }
        save_file(moments, part / "moments.safetensors")
        (part / "progress.json").write_text(json.dumps(asdict(self.progress)))
        shutil.rmtree(self._work, ignore_errors=True)
        part.rename(self._work)

    def _restore(self) -> Progress:
        import torch
        from safetensors.torch import load_file

        progress = Progress(**json.loads((self._work / "progress.json").read_text()))
        moments = load_file(self._work / "moments.safetensors")
        for name, value in self._named.items():
            own = {moment: moments[f"{name}.{moment}"] for moment in ("exp_avg", "exp_avg_sq")}
            self._optimiser.state[value] = {"step": torch.tensor(float(progress.steps)), **own}
        print(f"going on after {progress.steps} steps, {progress.seconds / 60:.1f} minutes", flush=True)
        return progress


def train(options: argparse.Namespace, corrupt: Corrupt) -> dict[str, float]:
    """Train as the options say and leave the adapter in `options.out`; returns the last examination."""
    from edt.teachers import lora

    samples = usable(options.data)
    held = [sample for n, sample in enumerate(samples) if n % 20 == 0]
    learnt = [sample for n, sample in enumerate(samples) if n % 20]
    skills = {
        wording: skill
        for sample in samples
        for wording, skill in zip(sample.required_skills, _skill_ids(sample), strict=True)
    }
    trainer = Trainer(
        options.model,
        options.work,
        init=options.init,
        rate=options.rate,
        seconds=60 * options.minutes,
        rough=options.precision == "bf16",
    )
    school = School(learnt, corrupt, trainer.engine.vocabulary, seed=options.seed)
    teacher, progress, losses = Resident(trainer.engine), trainer.progress, []
    saved = examined = progress.seconds
    for pool, batch in school.batches(options.batch, first_pool=progress.pool + bool(progress.steps)):
        if progress.seconds >= 60 * options.minutes:
            break
        losses.append(trainer.step(pool, batch))
        if progress.steps % options.log_every == 0:
            pace = progress.seconds / (progress.steps * options.batch)
            minutes, loss = progress.seconds / 60, sum(losses) / len(losses)
            print(f"step {progress.steps}  {minutes:.1f} min  loss {loss:.4f}  {pace:.3f} s/sample", flush=True)
            losses = []
        if progress.seconds - saved > options.save_every:
            trainer.save()
            saved = progress.seconds
        if progress.seconds - examined > options.examine_every:
            print(_told(examine(teacher, errors_of(held, corrupt, 48), skills)), flush=True)
            examined = progress.seconds
    marks = examine(teacher, errors_of(held, corrupt, options.examined), skills)
    print(_told(marks), flush=True)
    rounded = {name: round(value, 4) for name, value in marks.items()}
    lora.save(trainer.wrapped, options.out, steps=progress.steps, minutes=options.minutes, held_out=rounded)
    shutil.rmtree(options.work, ignore_errors=True)
    return marks


def _told(marks: dict[str, float]) -> str:
    return "held out: " + "  ".join(f"{name} {value:.3f}" for name, value in marks.items())


def _skill_ids(sample: Sample) -> Sequence[str]:
    return sample.truth.needs if sample.truth else sample.required_skills


def usable(file: Path) -> list[Sample]:
    """Samples whose every step comes with a skill; skills behind those are of what is ruled out."""
    return [s for s in read_samples(file) if s.rationale and len(s.rationale) <= len(s.required_skills)]


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m edt.pocket.train_teacher", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="JSON lines of supporting samples")
    parser.add_argument("--minutes", type=float, required=True, help="of training; examinations come on top")
    parser.add_argument("--out", type=Path, required=True, help="folder of the finished adapter (bf16)")
    parser.add_argument("--init", type=Path, help="adapter folder to go on from; default: from scratch")
    parser.add_argument("--model", type=Path, default=pocket_root() / "language_model")
    parser.add_argument("--work", type=Path, default=pocket_root() / "teacher_checkpoint", help="folder of checkpoints")
    parser.add_argument("--batch", type=int, default=6, help="rows a step, of some 8 prompts each")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of products with frozen weights")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-every", type=float, default=300.0, help="seconds between checkpoints")
    parser.add_argument("--examine-every", type=float, default=600.0, help="seconds between examinations")
    parser.add_argument("--examined", type=int, default=200, help="held-out errors of the last examination")
    parser.add_argument("--log-every", type=int, default=20, help="steps between log lines")
    options = parser.parse_args(arguments)
    if options.minutes <= 0:
        parser.error(f"--minutes is {options.minutes}; it must be above 0")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    from edt.pocket.corrupt import corrupt

    try:
        train(parse(arguments), corrupt)
    except EdtError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
