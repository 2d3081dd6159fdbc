"""Pocket's datasheet, made from its data: docs/pocket.md, the sheet docs/pocket.png and the pictures in docs/pocket.

    python experiments/datasheet.py [--check]

Every figure is counted in the samples and the pack on disk, or read from the
package's own tables; `--check` changes nothing and fails where a file differs.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from edt.cli import say_errors
from edt.errors import EdtError
from edt.paths import replacing
from edt.pocket import census, scenes, sheet
from edt.pocket.biases import limits
from edt.pocket.census import SPLITS, Census, expected, objects, objects_of, pictures, stem
from edt.pocket.fetch import PACKAGES
from edt.pocket.forms import FORMS
from edt.pocket.home import SETUP_COMMAND, Home, default_home
from edt.pocket.kinds import DOMAINS, kinds
from edt.pocket.targets import TASKS
from edt.pocket.things import SPLITS as SHARES
from edt.tables.markdown import blocks, listed, percent, table
from edt.types import Sample

COMMAND = "python experiments/datasheet.py"
FOLDERS = {"sweethome3d-furniture": "sh3d", "tuxpaint-stamps-default": "stamp", "pysiogame": "art"}
"""By package of pictures: the folder of its assets."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a file is out of date")
    parser.add_argument("--docs", type=Path, default=Path(__file__).parent.parent / "docs", help="the folder to fill")
    options = parser.parse_args()
    made = documents(default_home())
    old = [name for name, content in made.items() if _bytes(options.docs / name) != content]
    if options.check and old:
        raise EdtError(f"out of date in {options.docs}: {', '.join(old)}; run `{COMMAND}`")
    for name in old:
        with replacing(options.docs / name) as beside:
            beside.write_bytes(made[name])


def documents(home: Home) -> dict[str, bytes]:
    """Every file of the datasheet, by its name below docs/."""
    found = census.take(home)
    chosen = {task: _example(found, found.tasks[task]["test"]) for task in TASKS}
    made = {f"pocket/{task}.webp": (home.data / sample.image).read_bytes() for task, sample in chosen.items()}
    made["pocket.png"] = sheet.draw({task: found.tasks[task]["test"] for task in TASKS}, home.data)
    parts = (overview(found), tasks(found), supporting(found), examples(found, chosen), sources(found), limits(found))
    return {**made, "pocket.md": ("\n\n".join(parts) + "\n").encode()}


def overview(found: Census) -> str:
    numbers = [f"{len(found.split(name))} {name}" for name in ("supporting", *SPLITS)]
    return blocks(
        f"<!-- made by `{COMMAND}`; edit that instead -->",
        "# Pocket, the embedded benchmark",
        f"Pocket is {len(TASKS)} small visual question answering tasks, counterparts of the paper's, and a supporting "
        f"dataset to select training samples from: {', '.join(numbers)} samples over {len(found.things)} pictured "
        f"things of {len(kinds())} kinds. Its pictures are real models, stamps and drawings out of package registries; "
        "its questions, gold reasoning steps and required skills are made by programs that know the facts of every "
        "picture. Because the truth is known and gaps are planted in the base student, it can be measured whether a "
        "method finds the mistakes and the missing skills that it claims to find.",
        f"It is built once into the user's cache, and skipped when it is there:\n```\n{SETUP_COMMAND}\n```",
        f"The pack of pictures that this sheet describes has the fingerprint\n`{found.pack.fingerprint}`.",
        "![Pictures, questions and answers of each task's test split](pocket.png)",
    )


def tasks(found: Census) -> str:
    rows, sizes = [], []
    for task in TASKS:
        test = found.tasks[task]["test"]
        both = [*found.tasks[task]["validation"], *test]
        options = sorted({len(sample.options) for sample in both})
        rows.append(
            [
                f"`{task}`",
                _first_question(test),
                str(len({stem(sample.question) for sample in both})),
                str(len({sample.answer for sample in both})),
                f"{options[0]}–{options[-1]}" if len(options) > 1 else str(options[0]),
                percent(expected(test, census.chance)),
                percent(census.gap_share(test)),
            ]
        )
        sizes.append([f"`{task}`", *(str(number) for split in SPLITS for number in _sizes(found.tasks[task][split]))])
    heads = ["task", "example of a question", "wordings", "classes", "options", "chance %", "planted gaps %"]
    size_heads = [f"{split}: {what}" for split in SPLITS for what in ("samples", "objects", "pictures")]
    return blocks(
        "## The tasks",
        table(heads, rows, words=2),
        "Classes are the distinct gold answers of both splits. Chance is the mean of one over the number of options, "
        "and planted gaps the share of questions on kinds and topics that the base student was kept from; both are of "
        "the test split.",
        table(["task", *size_heads], sizes),
    )


def supporting(found: Census) -> str:
    counts = Counter(sample.source_task for sample in found.supporting)
    skills = {skill for sample in found.supporting if sample.truth for skill in sample.truth.skills}
    texts = {text for sample in found.supporting for text in sample.required_skills}
    choices = ("choice", "yes_no")
    pairs = [
        f"{one} and {other}: {num_objects} objects, {num_pictures} pictures"
        for (one, other), (num_objects, num_pictures) in census.shared(found).items()
    ]
    return blocks(
        "## The supporting dataset",
        f"{len(found.supporting)} samples of {len(counts)} source tasks, over {len(objects(found.supporting))} objects "
        f"in {len(pictures(found.supporting))} pictures. They need {len(skills)} distinct skills, worded in "
        f"{len(texts)} distinct texts. Samples by source task, first those over one thing, by domain and form, then "
        "those over scenes, by topic and form:",
        table(["domain", *FORMS], [_counted(counts, domain, domain, FORMS) for domain in DOMAINS]),
        table(["topic", *choices], [_counted(counts, topic, f"scene_{topic}", choices) for topic in scenes.TOPICS]),
        "Objects are dealt to the splits before any question is made: "
        f"{', '.join(f'{100 * share:.0f}% {name}' for name, share in SHARES.items())}. "
        f"Shared between splits, all tasks together: {'; '.join(pairs)}.",
    )


def examples(found: Census, chosen: Mapping[str, Sample]) -> str:
    return blocks("## A sample of each task", *(_sample(found, task, sample) for task, sample in chosen.items()))


def sources(found: Census) -> str:
    packed = Counter(asset["id"].split("/")[0] for asset in found.pack.assets)
    rows = []
    for package in PACKAGES:
        folder = FOLDERS.get(package.name, "")
        of = [thing for thing in found.things if thing.asset.startswith(f"{folder}/")] if folder else []
        images = [facts["bytes"] for name, facts in found.pack.files.items() if name.startswith(f"images/{folder}/")]
        used = [packed[folder], len(of), *(sum(one.split == split for one in of) for split in SHARES), len(images)]
        shown = [str(number) for number in used] if folder else ["–"] * len(used)
        shown.append(f"{sum(images) / 1e6:.1f}" if folder else "–")
        note = f"{package.licence}: {package.licence_note}"
        rows.append([f"{package.name} {package.version}", package.purpose, note, str(package.megabytes), *shown])
    place = f"{found.pack.root.parent.name}/{found.pack.root.name}"
    notes = sorted(f"`{name}`" for name in found.pack.files if name.startswith("LICENCES/"))
    without = [package.name for package in PACKAGES if package.name not in FOLDERS]
    heads = ["package", "for", "licence", "MB", "assets", "used", *SHARES, "pictures in the pack", "MB in the pack"]
    return blocks(
        "## Sources",
        table(heads, rows, words=3),
        "A used asset is one of a known kind; the others are packed and never asked about. The three columns after it "
        "say which split its object is in.",
        f"Licence notes lie in the pack, `{place}` in the cache: {', '.join(notes)}. It has none for "
        f"{listed(without)}, which bring no pictures; their licences are those of the table. The pictures of this "
        "sheet are under the licences of the packages that they come from.",
    )


def _example(found: Census, samples: Sequence[Sample]) -> Sample:
    """The first sample, from a third of the split on, whose objects have one asset each: its credit is exact."""
    assets = Counter(thing.object_id for thing in found.things)
    start = len(samples) // 3
    turned = [*samples[start:], *samples[:start]]
    return next(one for one in turned if all(assets[shown] == 1 for shown in objects_of(one)))


def _sample(found: Census, task: str, sample: Sample) -> str:
    licences = {asset["id"]: asset["licence"] for asset in found.pack.assets}
    shown = [thing.asset for thing in found.things if thing.object_id in objects_of(sample)]
    steps = [f"{number}. {step}" for number, step in enumerate(sample.rationale, 1)]
    return blocks(
        f"### {task}",
        f"![{sample.answer}](pocket/{task}.webp)",
        "\n".join(
            [
                f"- question: {sample.question}",
                "- gold steps:",
                *(f"  {step}" for step in steps),
                f"- answer: **{sample.answer}**",
                f"- required skills: {'; '.join(sample.required_skills)}",
                f"- picture: {', '.join(f'`{asset}` ({licences[asset]})' for asset in shown)}",
            ]
        ),
    )


def _first_question(samples: Sequence[Sample]) -> str:
    """The commonest question, the first of several."""
    return Counter(stem(sample.question) for sample in samples).most_common(1)[0][0]


def _sizes(samples: Sequence[Sample]) -> tuple[int, int, int]:
    return len(samples), len(objects(samples)), len(pictures(samples))


def _counted(counts: Mapping[str, int], name: str, prefix: str, forms: Sequence[str]) -> list[str]:
    found = [counts.get(f"{prefix}_{form}") for form in forms]
    return [name, *(str(count) if count else "–" for count in found)]


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(say_errors(main))
