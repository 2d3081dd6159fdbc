"""The committed datasheet of Pocket: as the data have it, figure by figure, and put right where it is not."""

import io
import json
import re
import shutil
import sys

import pytest
from PIL import Image

from edt.paths import pocket_root
from edt.pocket import census
from edt.pocket.fetch import PACKAGES
from edt.pocket.generate import NUM_SUPPORTING, NUM_TEST, NUM_VALIDATION
from edt.pocket.targets import TASKS
from edt.types import Sample
from tests.harness import ROOT, run_apart

DOCS = ROOT / "docs"
FILES = ("pocket.md", "pocket.png", *(f"pocket/{task}.webp" for task in TASKS))


def datasheet(*arguments):
    return run_apart([sys.executable, "experiments/datasheet.py", *map(str, arguments)], timeout=120)


def lines(name):
    return [json.loads(line) for line in (pocket_root() / "data" / f"{name}.jsonl").read_text("utf-8").splitlines()]


def rows(text, head):
    """The rows of the table whose heading starts with `head`, by their first cell."""
    body = text.split(f"\n| {head}", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in body]
    return {row[0].strip("`"): row[1:] for row in cells}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    docs = tmp_path_factory.mktemp("docs")
    done = datasheet("--docs", docs)
    assert done.returncode == 0, done.stderr
    return docs


def test_the_committed_files_are_up_to_date_and_small(made):
    done = datasheet("--check")
    assert done.returncode == 0, done.stderr
    for name in FILES:
        assert (made / name).read_bytes() == (DOCS / name).read_bytes()
    assert (made / "pocket.png").stat().st_size < 400_000
    assert sorted(path.relative_to(made).as_posix() for path in made.rglob("*.*")) == sorted(FILES)


@pytest.mark.parametrize("name", FILES[:3])
def test_an_edited_file_is_named_and_put_right(made, tmp_path, name):
    docs = tmp_path / "docs"
    shutil.copytree(made, docs)
    with (docs / name).open("ab") as stream:
        stream.write(b"!")
    done = datasheet("--check", "--docs", docs)
    assert done.returncode == 1
    said = f"error: out of date in {docs}: {name}; run `python experiments/datasheet.py`\n"
    assert (done.stdout, done.stderr) == ("", said)
    assert (docs / name).read_bytes().endswith(b"!")
    assert datasheet("--docs", docs).returncode == 0
    assert (docs / name).read_bytes() == (made / name).read_bytes()


def test_a_missing_folder_is_all_out_of_date(tmp_path):
    done = datasheet("--check", "--docs", tmp_path / "none")
    assert done.returncode == 1
    assert all(name in done.stderr for name in FILES)
    assert not (tmp_path / "none").exists()


def test_figures_of_the_tasks_are_those_of_the_files(made):
    text = (made / "pocket.md").read_text("utf-8")
    about, sizes = rows(text, "task | example"), rows(text, "task | validation: samples")
    worth = rows(text, "task, test split")
    assert tuple(about) == tuple(sizes) == TASKS
    for task in TASKS:
        splits = [lines(f"{task}.{split}") for split in ("validation", "test")]
        both = splits[0] + splits[1]
        counted = []
        for samples in splits:
            shown = {one for sample in samples for one in sample["truth"]["object_id"].split("+")}
            counted += [len(samples), len(shown), len({sample["image"] for sample in samples})]
        assert sizes[task] == [str(number) for number in counted]
        assert (counted[0], counted[3]) == (NUM_VALIDATION, NUM_TEST)
        example, wordings, classes, options, chance, _ = about[task]
        asked = {sample["question"].split(" Options: ")[0] for sample in both}
        assert example in asked
        assert int(wordings) == len(asked)
        assert int(classes) == len({sample["answer"] for sample in both})
        numbers = {len(sample["options"]) for sample in both}
        assert {int(number) for number in options.split("–")} == {min(numbers), max(numbers)}
        mean = sum(1 / len(sample["options"]) for sample in splits[1]) / NUM_TEST
        assert float(chance) == pytest.approx(100 * mean, abs=0.051)
        assert int(worth[task][-1]) == counted[3] - counted[5]


def test_figures_of_the_supporting_dataset_are_those_of_its_file(made):
    text = (made / "pocket.md").read_text("utf-8")
    samples = lines("supporting")
    cells = [cell for head in ("domain |", "topic |") for row in rows(text, head).values() for cell in row]
    assert sum(int(cell) for cell in cells if cell != "–") == len(samples) == NUM_SUPPORTING
    skills = {skill for sample in samples for skill in sample["truth"]["skills"]}
    texts = {wording for sample in samples for wording in sample["required_skills"]}
    flat = " ".join(text.split())
    assert f"{len(samples)} samples of {len({sample['source_task'] for sample in samples})} source tasks" in flat
    assert f"They need {len(skills)} distinct skills, worded in {len(texts)} distinct texts" in flat
    assert re.findall(r"and \w+: (\d+) objects, (\d+) pictures", flat) == [("0", "0")] * 3


def test_samples_stand_in_full_with_their_own_picture_and_its_licence(made):
    text = (made / "pocket.md").read_text("utf-8")
    for task in TASKS:
        part = text.split(f"\n### {task}\n", 1)[1].split("\n#", 1)[0]
        question = part.split("- question: ", 1)[1].split("\n", 1)[0]
        sample = next(
            one
            for one in lines(f"{task}.test")
            if one["question"] == question
            and (pocket_root() / "data" / one["image"]).read_bytes() == (made / f"pocket/{task}.webp").read_bytes()
        )
        assert f"- answer: **{sample['answer']}**" in part
        for told in (*sample["rationale"], *sample["required_skills"]):
            assert told in part
        assert re.search(r"- picture: `\S+` \((CC|GPL)", part)


def test_sources_are_the_packages_and_their_assets(made):
    text = (made / "pocket.md").read_text("utf-8")
    found = rows(text, "package |")
    assert list(found) == [f"{package.name} {package.version}" for package in PACKAGES]
    packed = [json.loads(line)["id"] for line in (pocket_root() / "pack" / "assets.jsonl").read_text().splitlines()]
    numbers = [row[3:] for row in found.values() if row[3] != "–"]
    assert sum(int(row[0]) for row in numbers) == len(packed)
    for row in numbers:
        assert int(row[1]) == sum(map(int, row[2:5]))
    manifest = json.loads((pocket_root() / "pack" / "manifest.json").read_text())
    assert manifest["fingerprint"] in text


def test_the_sheet_shows_every_task(made):
    with Image.open(io.BytesIO((made / "pocket.png").read_bytes())) as picture:
        assert 900 < picture.width < 1200
        assert picture.height > len(TASKS) * 160


def sample(answer, *options):
    return Sample(id=answer, image="x", question="?", options=options, answer=answer)


def test_blind_answers_are_counted_by_lot_over_ties():
    samples = [sample("chair", "chair", "bed", "cow"), sample("bed", "chair", "bed", "cow")]
    assert census.expected(samples, census.chance) == pytest.approx(1 / 3)
    assert census.expected(samples, census.favourite(samples)) == pytest.approx(1 / 2)
    assert census.expected(samples, census.favourite(samples[:1])) == pytest.approx(1 / 2)
    pair = sample("a car and a cow", "a car and a cow", "a car and a bed", "a hat and a cow", "a bus and a shoe")
    assert census.expected([pair], census.common_words) == 1
    names = sample("chair", "chair", "bed", "sofa", "fridge", "car")
    assert census.expected([names], census.common_domain) == pytest.approx(1 / 3)
