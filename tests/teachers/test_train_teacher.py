"""The teacher's recipe on a tiny random Llama: what is taught, what it costs, and going on after a stop."""

import json
import random
import re
from dataclasses import replace

import pytest
import torch

from edt.diagnosis.answer_switch import AnswerSwitch
from edt.diagnosis.in_context import InContext
from edt.diagnosis.per_step import PerStep
from edt.diagnosis.pseudo_rationale import PseudoRationale
from edt.errors import EdtError
from edt.pocket import train_teacher as recipe
from edt.pocket.lessons import TIMETABLE, School, loss_of, plain_skills
from edt.pocket.skills import nearest, wordings
from edt.teachers.engine import Engine, load_model
from edt.teachers.fakes import ScriptedTeacher
from edt.teachers.local import LocalTeacher
from edt.types import Mistake, Sample, Truth, to_json


def sample(number: int) -> Sample:
    return Sample(
        id=f"s{number}", image="", question="What is it? Options: bed, chair.", options=("bed", "chair"), answer="bed",
        rationale=("It is soft.", "It is long."), required_skills=("feel softness", "judge length"),
    )  # fmt: skip


def corrupt(sample: Sample, rng: random.Random):
    """The second step is wrong, and the answer with it."""
    return (sample.rationale[0], "It is short."), "chair", 2


@pytest.fixture(scope="module")
def engine(tiny) -> Engine:
    return Engine(*load_model(tiny), chat="chatml")


@pytest.fixture(scope="module")
def school(engine) -> School:
    return School([sample(n) for n in range(3)], corrupt, engine.vocabulary, seed=0)


def texts_of(engine, lesson) -> dict[str, str]:
    """Prompt to reply, read back from the tree."""
    table: dict[str, str] = {}
    tokenizer, tree = engine.vocabulary._tokenizer, lesson.tree
    reply: list[int] = []
    for read in lesson.reads:
        reply.append(read.token)
        if read.token == engine.vocabulary.end:
            path, index = [], read.index
            while index >= 0:
                path.insert(0, tree.ids[index])
                index = tree.parents[index]
            prompt = path[: len(path) - len(reply) + 1]
            table[tokenizer.decode(prompt)] = tokenizer.decode(reply[:-1])
            reply = []
    return table


def test_weighing_is_taught_in_the_words_of_answer_switch(engine, school):
    texts = texts_of(engine, school.lesson(0))
    assert [(prompt.partition("assistant\n")[2], reply) for prompt, reply in texts.items()] == [
        ("Answer:", " bed"),
        ("Step 1: It is soft.\nAnswer:", " bed"),
        ("Step 1: It is soft.\nStep 2: It is long.\nAnswer:", " bed"),
        ("Step 1: It is soft.\nStep 2: It is short.\nAnswer:", " chair"),
    ]
    teacher = ScriptedTeacher()
    AnswerSwitch(teacher, prior=0.6).identify([error for error, _ in recipe.errors_of([sample(0)], corrupt, 1)])
    head = teacher.weighed[0].head
    shown = next(iter(texts)).partition("user\n")[2].partition("<|im_end|>")[0]
    assert _but_the_percentage(shown) == _but_the_percentage(head)


def _but_the_percentage(text: str) -> str:
    return re.sub(r"[\d.]+%", "%", text).strip()


def test_naming_is_taught_in_the_words_of_skill_analysis(engine, school):
    texts = texts_of(engine, school.lesson(1))
    error, step = recipe.errors_of([sample(0)], corrupt, 1)[0]
    teacher = ScriptedTeacher()
    InContext(teacher).analyse([error], [Mistake(sample_id="s0", step=step, reason="")])
    asked = f"<|im_start|>user\n{teacher.prompts[0]}<|im_end|>\n<|im_start|>assistant\n"
    assert texts[asked] == "judge length"
    assert sorted(texts.values()) == ["feel softness", "judge length", "judge length"]


def lesson_in(school, name):
    return school.lesson(TIMETABLE.index(name))


def asked_by(identifier) -> tuple[ScriptedTeacher, str]:
    """The teacher that `identifier` asked about one error, and the first thing that it was asked."""
    teacher = ScriptedTeacher()
    identifier(teacher).identify([error for error, _ in recipe.errors_of([sample(0)], corrupt, 1)])
    first = teacher.weighed[0].head if teacher.weighed else teacher.prompts[0]
    return teacher, first


def test_judging_is_taught_in_the_words_of_the_question_about_each_step(engine, school):
    texts = texts_of(engine, lesson_in(school, "judging"))
    said = {re.findall(r"It is \w+\.", prompt)[-1]: reply for prompt, reply in texts.items()}
    assert said == {"It is soft.": " right", "It is long.": " right", "It is short.": " wrong"}
    teacher, head = asked_by(PerStep)
    assert all(head.strip() in prompt for prompt in texts)
    assert {f" {verdict}" for verdict in ("right", "wrong")} == set(teacher.weighed[0].options)


def test_writing_is_taught_in_the_words_of_the_pseudo_rationale(engine, school):
    [(prompt, reply)] = texts_of(engine, lesson_in(school, "writing")).items()
    assert reply == "It is soft. It is long."
    assert asked_by(PseudoRationale)[1] in prompt


def test_frozen_products_may_be_rough_in_training_and_stay_exact_in_examinations(tiny, school, tmp_path):
    exact, rough = (
        recipe.Trainer(tiny, tmp_path / "none", init=None, rate=0.0, seconds=1e6, rough=rough)
        for rough in (False, True)
    )
    with torch.inference_mode():
        logits = [trainer.model(torch.tensor([[1, 2, 3]])).logits for trainer in (exact, rough)]
    assert torch.equal(*logits)
    losses = [trainer.step(0, [school.lesson(0)]) for trainer in (exact, rough)]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_a_planted_skill_is_taught_in_its_plainest_wording():
    skills = ("furniture.use=sitting", "furniture.build=for one person")
    truth = Truth(object_id="chair", facts={}, slots=("use", "build"), skills=skills)
    named = replace(sample(0), required_skills=tuple(wordings(skill)[5] for skill in skills), truth=truth)
    assert plain_skills(named) == [wordings(skill)[0] for skill in skills]
    assert plain_skills(sample(0)) == ("feel softness", "judge length")


def test_lessons_are_fixed_by_seed_and_number(school):
    assert school.lesson(5).tree.ids == school.lesson(5).tree.ids
    _, first = next(school.batches(2))
    _, again = next(school.batches(2))
    assert [lesson.tree.ids for lesson in first] == [lesson.tree.ids for lesson in again]


def test_the_loss_of_a_batch_is_that_of_its_prompts_one_by_one(engine, school):
    batch = [school.lesson(n) for n in range(4)]
    logs = []
    with torch.inference_mode():
        for lesson in batch:
            for read in lesson.reads:
                path, index = [], read.index
                while index >= 0:
                    path.insert(0, lesson.tree.ids[index])
                    index = lesson.tree.parents[index]
                logs.append(engine.model(torch.tensor([path])).logits[0, -1].log_softmax(-1)[read.token])
        loss = loss_of(engine.model, batch, engine.vocabulary.pad)
    assert loss.item() == pytest.approx(-torch.stack(logs).mean().item(), abs=1e-4)


def test_the_nearest_wording_is_counted_by_shared_words():
    skills = {"tell wood from metal": "a", "count the legs": "b"}
    assert nearest("count legs", skills) == "b"
    assert nearest("", skills) in {"a", "b"}


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "data.jsonl"
    file.write_text("".join(json.dumps(to_json(sample(n))) + "\n" for n in range(25)))
    return file


def options_for(tiny, data, tmp_path, minutes: float):
    return recipe.parse(
        ["--data", str(data), "--minutes", str(minutes), "--out", str(tmp_path / "out"), "--model", str(tiny),
         "--work", str(tmp_path / "work"), "--batch", "2", "--examined", "4", "--log-every", "1"]
    )  # fmt: skip


def test_training_leaves_an_adapter_that_a_teacher_wears(tiny, data, tmp_path):
    marks = recipe.train(options_for(tiny, data, tmp_path, 0.01), corrupt)
    assert set(marks) == {"implied", "placed", "abstained", "skill"}
    settings = json.loads((tmp_path / "out" / "adapter.json").read_text())
    assert settings["held_out"].keys() == marks.keys()
    assert not (tmp_path / "work").exists()
    assert LocalTeacher(tiny, adapter=tmp_path / "out", chat="chatml").complete(["a"], max_tokens=2)


def test_a_stopped_training_goes_on_with_its_moments(tiny, school, tmp_path):
    def trainer():
        return recipe.Trainer(tiny, tmp_path / "work", init=None, rate=1e-2, seconds=1e6)

    def steps(trainer, numbers):
        return [trainer.step(0, [school.lesson(n), school.lesson(n + 1)]) for n in numbers]

    first = trainer()
    steps(first, range(4))
    first.save()
    on = steps(first, range(4, 8))
    second = trainer()
    assert second.progress.steps == 4
    assert steps(second, range(4, 8)) == pytest.approx(on, rel=1e-3)


def test_what_a_user_can_get_wrong_is_named(tmp_path, school, engine):
    with pytest.raises(EdtError, match=r"absent\.jsonl is not there"):
        recipe.usable(tmp_path / "absent.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"id": 1}\n')
    with pytest.raises(EdtError, match="line 1, is no sample"):
        recipe.usable(tmp_path / "bad.jsonl")
    with pytest.raises(EdtError, match="no sample has a rationale"):
        School([], corrupt, engine.vocabulary, seed=0)
    with pytest.raises(SystemExit):
        recipe.parse(["--data", "x", "--minutes", "0", "--out", "y"])
