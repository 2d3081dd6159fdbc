"""Looks over a run before it is started: what is there, what is missing, and how to get it.

python -m edt.doctor task=scienceqa supporting=vision_flan_1m student=llava_v1_5_7b teacher=gpt_4o_mini

takes the same options as `run.py` and starts nothing: it composes the
configuration, builds the parts, opens some of their pictures, has model files
that are here checked by those who load them (nothing is fetched), makes some
supporting samples the rows that tuning would see, and looks at keys (whether
they are set, never what they are), disk and GPU. Its exit code is 1 where
something is missing.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from edt.build import Builder, check, needs, takes
from edt.cli import say_errors
from edt.config import Config
from edt.errors import EdtError
from edt.experiment import compose
from edt.fetching import Fetches, Files, NotHere, only_looking
from edt.paths import cache_root, check_writable
from edt.process import prepare_script
from edt.protocols import Selector, Supporting, Task, fingerprint_of
from edt.supporting.skills import check_skills
from edt.tuning.trainable import Rehearsable
from edt.types import Sample

DRAWN = 200
"""Supporting samples that are made rows of."""
SHOWN = 3
"""Of these, whose supervised tokens are shown."""
PICTURES = 16
"""So many of each split are decoded."""
LEAST_GB = 2.0
"""Free space below which a run is likely to stop for it."""
MEMORY = re.compile(r", (\d+) MiB")
"""In the driver's line of a GPU."""
MARKS = {"ok": "  ok", "missing": "  !!", "note": "   ·"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at; `state` is a key of MARKS, and only `missing` stops a run."""

    what: str
    state: str
    text: str


Look = Callable[[str, Any], Iterator[Finding]]


@runtime_checkable
class Peeks(Protocol):
    """A dataset too large to be read for a look."""

    def peek(self, number: int) -> Sequence[str]:
        """What is wrong with its first so many records."""
        ...

    def draw(self, number: int) -> Sequence[Sample]:
        """At most so many samples, at random out of those that are quickly read."""
        ...


def main() -> None:
    arguments = sys.argv[1:]
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return
    missing = 0
    for finding in examine(arguments):
        print(f"{MARKS[finding.state]}  {finding.what}: {finding.text}", flush=True)
        missing += finding.state == "missing"
    if missing:
        raise EdtError(f"{missing} of these {'is' if missing == 1 else 'are'} missing; see the lines marked !!")
    print("Nothing is missing.")


def examine(overrides: Sequence[str]) -> Iterator[Finding]:
    """All findings: first what a run needs before anything, then its parts in the order in which it meets them."""
    try:
        config = compose(overrides)
        check(config)
    except EdtError as error:
        yield Finding(what="configuration", state="missing", text=str(error))
        return
    yield Finding(what="configuration", state="ok", text=f"method {config.method.name}, scale {config.scale.name}")
    builder = Builder()
    with only_looking():
        files = _files(builder, config)
        yield from _disk(config, files)
        yield from _gpu(files)
        yield from _keys(config)
        yield from _parts(builder, config)


def _files(builder: Builder, config: Config) -> Files | None:
    """What is there of a student that may have to be fetched; None for any other."""
    try:
        student = builder.part("student", config.student)
        return student.files() if isinstance(student, Fetches) else None
    except Exception:  # told where the parts are looked at
        return None


def _keys(config: Config) -> Iterator[Finding]:
    """Whether the variables that parts read keys from are set."""
    for group in ("teacher", "student") if _asks_teacher(config) else ("student",):
        name = getattr(config, group).get("key_from")
        if isinstance(name, str) and name:
            state, text = (
                ("ok", "is set") if os.environ.get(name) else ("missing", f"is not set; {name}=… before the run")
            )
            yield Finding(what=f"{group}'s key", state=state, text=f"the environment variable {name} {text}")
    if "wandb" in str(config.tracker.get("_target_")) and not os.environ.get("WANDB_API_KEY"):
        yield Finding(
            what="W&B's key", state="note", text="WANDB_API_KEY is not set: without a login the run stays offline"
        )


def _asks_teacher(config: Config) -> bool:
    return any(needs(group, getattr(config, group), "teacher") for group in ("identifier", "analyst"))


def _parts(builder: Builder, config: Config) -> Iterator[Finding]:
    """Parts in the order of their needs; one that needs a teacher which is missing is not looked at."""

    def tried(group: str, look: Look, **parts: Any) -> tuple[Any, list[Finding]]:
        node = getattr(config, group)
        if any(part is None and needs(group, node, name) for name, part in parts.items()):
            return None, []
        handed = {name: part for name, part in parts.items() if part is not None and takes(group, node, name)}
        return _tried(group, lambda: builder.part(group, node, handed), look)

    task, found = tried("task", _task)
    yield from found
    supporting, found = tried("supporting", _supporting, target=task)
    yield from found
    student, found = tried("student", _model)
    yield from found
    if supporting is not None and isinstance(student, Rehearsable):
        yield from _tried("samples", lambda: student, partial(_rows, supporting=supporting, tuner=config.tuner))[1]
    teacher = None
    if _asks_teacher(config):
        teacher, found = tried("teacher", _model)
        yield from found
    for group in ("identifier", "analyst"):
        yield from tried(group, _model, teacher=teacher)[1]
    selector, found = tried("selector", _model, teacher=teacher)
    yield from found
    if selector is not None and supporting is not None and config.budget.rounds:
        yield from _tried("required skills", lambda: selector, partial(_skills, supporting))[1]
    yield from tried("tuner", _model, teacher=teacher)[1]


def _tried(what: str, make: Callable[[], Any], look: Look) -> tuple[Any, list[Finding]]:
    """A part, or None where it cannot be had, and what was found: whatever a library raises is a finding here."""
    try:
        part = make()
        return part, list(look(what, part))
    except NotHere as error:
        return None, [Finding(what=what, state="note", text=str(error))]
    except EdtError as error:
        text = str(error)
    except Exception as error:
        text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return None, [Finding(what=what, state="missing", text=text)]


def _task(what: str, task: Task) -> Iterator[Finding]:
    for split, samples in (("validation", task.validation), ("test", task.test)):
        yield Finding(what=f"{what} {task.name}", state="ok", text=f"{len(samples):,} {split} questions")
        yield _pictures(f"pictures of {split}", samples, task.root)


def _supporting(what: str, supporting: Supporting) -> Iterator[Finding]:
    if not isinstance(supporting, Peeks):
        yield Finding(what=f"{what} {supporting.name}", state="ok", text=f"{len(supporting.samples):,} samples")
        yield _pictures("its pictures", supporting.samples, supporting.root)
        return
    faults = supporting.peek(PICTURES)
    if faults:
        text = f"{len(faults)} of the first {PICTURES} records are bad: {faults[0]}"
        yield Finding(what=f"{what} {supporting.name}", state="missing", text=text)
    else:
        yield Finding(what=f"{what} {supporting.name}", state="ok", text=f"its first {PICTURES} records are sound")


def _pictures(what: str, samples: Sequence[Sample], root: Path) -> Finding:
    """Some of them, evenly spread, decoded."""
    from edt.images.inside import ImageFault, ImageFolder

    folder, looked = ImageFolder(root), range(0, len(samples), -(-len(samples) // PICTURES) or 1)
    for number in looked:
        try:
            folder.check(samples[number].image, "decode")
        except ImageFault as fault:
            text = f"{samples[number].image!r} {fault}, under {root}; put the dataset's pictures there"
            return Finding(what=what, state="missing", text=text)
    return Finding(what=what, state="ok", text=f"{len(looked)} of {len(samples):,} opened")


def _model(what: str, part: Any) -> Iterator[Finding]:
    """A part's fingerprint takes the checksums of all files that it will load."""
    printed = fingerprint_of(part)
    yield Finding(what=what, state="ok", text=printed["part"].rpartition(".")[2])


def _skills(supporting: Supporting, what: str, selector: Selector) -> Iterator[Finding]:
    """Whether there are any, where the selector searches them."""
    check_skills(selector, supporting)
    if getattr(selector, "searches_skills", False):
        yield Finding(what=what, state="ok", text=f"{supporting.name} names some")


def _rows(what: str, student: Rehearsable, *, supporting: Supporting, tuner: Mapping[str, Any]) -> Iterator[Finding]:
    """What tuning would see of some samples: pre-flight does this again with all that are picked, but late."""
    rehearsal, lengths, faults = student.rehearsal(), {}, []
    for sample in _drawn(supporting):
        try:
            (row,) = rehearsal.rows([sample], supporting.root)
        except EdtError as error:
            faults.append(str(error))
            continue
        lengths[sample.id] = len(row)
        if len(lengths) <= SHOWN:
            yield Finding(what=f"sample {sample.id}", state="ok", text=f"learns {rehearsal.words(row)!r:.300}")
    if faults:
        yield Finding(what=what, state="missing", text=f"{len(faults)} cannot be trained on: {faults[0]}")
    if not lengths:
        yield Finding(what=what, state="missing", text="none could be drawn")
        return
    limit, mean = tuner.get("max_tokens"), sum(lengths.values()) / len(lengths)
    text = f"{len(lengths)} drawn, {mean:.0f} tokens each, at most {max(lengths.values())}"
    long = [name for name, length in lengths.items() if limit is not None and length > limit]
    if not long:
        yield Finding(what=what, state="ok", text=text + (f", limit {limit}" if limit else ""))
        return
    text += f"; {len(long)} are longer than tuner.max_tokens={limit}, first {long[0]!r} with {lengths[long[0]]}"
    if tuner.get("too_long") == "drop":
        yield Finding(what=what, state="note", text=f"{text}: left out when they are picked")
    else:
        way = "one that is picked ends the run; raise the limit, or tuner.too_long=drop"
        yield Finding(what=what, state="missing", text=f"{text}: {way}")


def _drawn(supporting: Supporting) -> Sequence[Sample]:
    if isinstance(supporting, Peeks):
        return supporting.draw(DRAWN)
    samples = supporting.samples
    return [samples[place] for place in random.Random(0).sample(range(len(samples)), min(DRAWN, len(samples)))]


def _disk(config: Config, files: Files | None) -> Iterator[Finding]:
    """Room for what a run writes, and for what it fetches, where that is known."""
    places = [("store.root", Path(config.store.root), 0.0), ("the cache ($EDT_CACHE)", cache_root(), 0.0)]
    if files is not None and files.folder is None:
        places.append(("the student in the hub's cache ($HF_HOME)", files.into, files.lacking_gb or 0.0))
    for what, folder, fetched in places:
        try:
            check_writable(folder, what)
            free = shutil.disk_usage(folder).free / 1e9
        except (EdtError, OSError) as error:
            yield Finding(what="disk", state="missing", text=str(error))
            continue
        short, least = free < LEAST_GB + fetched, f"{LEAST_GB:.0f} GB is the least"
        if fetched:
            least = f"about {fetched:.1f} GB will be fetched there, and {least} to be left"
        text = f"{free:.1f} GB free for {what}" + (f"; {least}, free some" if short else "")
        yield Finding(what="disk", state="missing" if short else "ok", text=text)


def _gpu(files: Files | None) -> Iterator[Finding]:
    """By the driver's own command, for importing torch takes seconds. A run on a CPU is slow, not wrong."""
    try:
        asked = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout.split("\n")
    except (OSError, subprocess.SubprocessError):
        yield Finding(what="GPU", state="note", text="none found; Pocket needs none, a student of 7B wants one")
        return
    yield Finding(what="GPU", state="ok", text="; ".join(line.strip() for line in said if line.strip()))
    sizes = [int(found[1]) * 2**20 / 1e9 for line in said if (found := MEMORY.search(line))]
    if files is not None and files.memory_gb is not None and sizes:
        yield _memory(files.memory_gb, files.precision, least=min(sizes))


def _memory(needed: float, precision: str, *, least: float) -> Finding:
    """Weights against the smallest GPU, for every process of a training loads all of them."""
    text = f"the student's weights take about {needed:.1f} GB in {precision}, of {least:.1f} GB"
    if needed < least:
        return Finding(what="GPU's memory", state="ok", text=f"{text}; tuning and answering come on top")
    way = "" if precision == "nf4" else "student.precision=nf4, "
    return Finding(
        what="GPU's memory", state="missing", text=f"{text}; take {way}a smaller student or student.device=cpu"
    )


if __name__ == "__main__":
    prepare_script()
    sys.exit(say_errors(main))
