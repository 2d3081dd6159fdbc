"""Required skills by a teacher: who is asked, what is lent, what a dataset takes from the file, and what is refused."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edt.diagnosis.required_skills import SkillQuestions, parse_skills
from edt.errors import EdtError
from edt.fakes import FakeSupporting
from edt.protocols import Capabilities
from edt.supporting.annotate import Annotator, batch_of, chosen, lend
from edt.supporting.annotations import COMMAND, AnnotationFile, annotated, content_of, file_digest
from edt.supporting.llava import LlavaSupporting
from edt.teachers.api import ApiTeacher
from edt.teachers.calls import Choice, Phrasing
from edt.teachers.fakes import ScriptedDesk, ScriptedTeacher
from edt.types import Sample
from tests.harness import FAKE_CONF, run_apart
from tests.supporting.flan import pictures, record, write
from tests.teachers.loopback import Loopback

SAMPLES = FakeSupporting(size=24).samples


def naming(prompt: str) -> str:
    """A skill that says which sample it was named for."""
    return f"tell case {prompt.split()[1].rstrip(':')}"


def annotate(path: Path, samples=SAMPLES, *, teacher=None, batch=8, per_task=None, **asked) -> AnnotationFile:
    annotator = Annotator(
        teacher or ScriptedTeacher(replies=naming), SkillQuestions(**asked), samples, per_task=per_task
    )
    file = AnnotationFile(path, annotator.header(32))
    list(annotator.annotate(file, batch=batch, max_tokens=32))
    return file


def test_samples_take_the_skills_of_the_file_and_keep_all_else(tmp_path):
    annotate(tmp_path / "skills.jsonl")
    found = annotated(SAMPLES, tmp_path / "skills.jsonl")
    assert found[3].required_skills == ("tell case 3",)
    assert [replace(sample, required_skills=()) for sample in found] == [
        replace(sample, required_skills=()) for sample in SAMPLES
    ]


def test_gold_steps_are_asked_about_one_by_one_and_without_them_one_question_is():
    sample = Sample(id="a", image="", question="What is it?", answer="bed", rationale=("It is soft.", "It is wide."))
    first, second = SkillQuestions().prompts(sample)
    assert "Step 1 is wrong" in first
    assert "Step 2 is wrong" in second
    assert SkillQuestions().read(sample, ["telling soft", "None."]) == (("telling soft",), 1)
    (whole,) = SkillQuestions(by="sample").prompts(sample)
    assert whole == SkillQuestions().prompts(replace(sample, rationale=()))[0]
    assert SkillQuestions(by="sample").read(sample, ["a skill; another; a skill"]) == (("a skill", "another"), 0)
    with pytest.raises(EdtError, match="no gold steps"):
        SkillQuestions(by="steps").prompts(replace(sample, rationale=()))


def test_the_shipped_examples_are_asked_as_a_sample_is_and_answered_as_a_reply_is_read():
    shipped = SkillQuestions(examples="required_skill_examples.txt")
    (prompt,) = shipped.prompts(Sample(id="a", image="", question="What is it?", answer="bed"))
    *_, asked = (
        SkillQuestions().prompts(Sample(id="a", image="", question="What is it?", answer="bed"))[0].splitlines()[:-1]
    )
    *examples, own = prompt.split(f"{asked}\nRequired skills:")[1:]
    assert own == ""
    assert len(examples) == 2
    for reply in examples:
        assert len(parse_skills(reply.strip().splitlines()[0])) == 2


@pytest.mark.parametrize(
    ("reply", "skills"),
    [
        ("counting legs; telling wood from metal.", ("counting legs", "telling wood from metal")),
        ("Skill: counting", ("counting",)),
        ("counting;;", ("counting",)),
        ("counting; 12%", ()),
        ("none", ()),
        ("", ()),
    ],
)
def test_a_list_of_skills_is_read_strictly(reply, skills):
    assert parse_skills(reply) == skills


def test_a_prompt_that_two_samples_share_is_asked_once_even_over_batches_and_starts(tmp_path):
    twins = [replace(sample, question="Same?", answer="yes", rationale=("One.",)) for sample in SAMPLES]
    teacher = ScriptedTeacher(replies=lambda prompt: "a skill")
    annotate(tmp_path / "a.jsonl", twins[:10], teacher=teacher, batch=4)
    file = annotate(tmp_path / "a.jsonl", twins, teacher=teacher, batch=4)
    assert len(teacher.prompts) == 1
    assert len(file.known) == 24


def test_skills_are_lent_to_the_most_alike_of_the_same_source_task_and_marked(tmp_path):
    file = annotate(tmp_path / "skills.jsonl", per_task=2)
    lent = [annotation for annotation in file.known.values() if annotation.lent_by]
    assert len(file.known) - len(lent) == 2 * 6
    tasks = {sample.id: sample.source_task for sample in SAMPLES}
    for annotation in lent:
        assert annotation.lent_by is not None
        assert tasks[annotation.lent_by] == tasks[annotation.sample_id]
        assert annotation.skills == file.known[annotation.lent_by].skills
        assert not annotation.replies
    asked = [replace(SAMPLES[0], id="x", question="a red bed"), replace(SAMPLES[0], id="y", question="a blue chair")]
    known = {s.id: replace(file.known[chosen(SAMPLES, 1)[0].id], sample_id=s.id, skills=(s.id,)) for s in asked}
    (like,) = lend(asked, [replace(SAMPLES[0], id="z", question="the blue chair")], known)
    assert (like.skills, like.lent_by) == (("y",), "y")


def test_lines_come_in_one_order_whatever_the_batch_and_a_source_task_lends_as_soon_as_it_can(tmp_path):
    for batch in (1, 5, 24):
        annotate(tmp_path / f"{batch}.jsonl", batch=batch, per_task=2)
    whole = (tmp_path / "5.jsonl").read_bytes()
    assert {(tmp_path / f"{batch}.jsonl").read_bytes() for batch in (1, 24)} == {whole}
    lent = ["lent" if json.loads(line)["lent_by"] else "asked" for line in whole.splitlines()[1:]]
    assert lent == ["asked", "asked", "lent", "lent"] * 6
    for cut in range(whole.index(b"\n") + 1, len(whole), 97):
        (tmp_path / "5.jsonl").write_bytes(whole[:cut])
        annotate(tmp_path / "5.jsonl", batch=24, per_task=2)
        assert (tmp_path / "5.jsonl").read_bytes() == whole


def test_a_teacher_with_many_calls_under_way_is_given_many_together():
    chat = ApiTeacher(ScriptedDesk(lambda call: Choice(text="a skill", finish="stop")), Phrasing(model="m"), at_once=20)
    assert batch_of(chat) == 320
    assert batch_of(ScriptedTeacher()) == 32


@given(st.integers(1, 6), st.integers(1, 40))
def test_so_many_of_each_task_are_chosen_whatever_their_order(per_task, size):
    samples = FakeSupporting(size=size).samples
    some = chosen(samples, per_task)
    for task in {sample.source_task for sample in samples}:
        there = sum(sample.source_task == task for sample in samples)
        assert sum(sample.source_task == task for sample in some) == min(per_task, there)
    assert {sample.id for sample in chosen(samples[::-1], per_task)} == {sample.id for sample in some}


def test_an_unread_reply_is_counted_and_a_sample_without_a_skill_lends_none(tmp_path):
    file = annotate(tmp_path / "skills.jsonl", teacher=ScriptedTeacher(replies=lambda prompt: "???"), per_task=2)
    assert sum(annotation.failed for annotation in file.known.values()) == 12
    assert all(annotation.lent_by is None and not annotation.skills for annotation in file.known.values())


def test_a_torn_line_is_cut_off_and_its_sample_asked_again(tmp_path):
    path = tmp_path / "skills.jsonl"
    annotate(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    teacher = ScriptedTeacher(replies=naming)
    annotate(path, teacher=teacher)
    assert path.read_bytes() == whole
    assert len(teacher.prompts) == 1


def test_another_teacher_prompt_or_text_is_refused(tmp_path):
    path = tmp_path / "skills.jsonl"
    annotate(path)
    with pytest.raises(EdtError, match="begun with another teacher, prompt or per_task"):
        annotate(path, by="sample")
    changed = [replace(SAMPLES[0], answer="other"), *SAMPLES[1:]]
    with pytest.raises(EdtError, match="has changed since it was annotated"):
        annotate(path, changed)
    with pytest.raises(EdtError, match="'supporting-0' has changed since; annotate again"):
        annotated(changed, path)
    with pytest.raises(EdtError, match=f"no skills for 6 of 30 samples, such as 'supporting-24'.*{COMMAND}"):
        annotated(FakeSupporting(size=30).samples, path)
    with pytest.raises(EdtError, match="there is no file"):
        annotated(SAMPLES, tmp_path / "absent.jsonl")
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(EdtError, match="line 26, is no annotation"):
        annotated(SAMPLES, path)


def test_a_teacher_that_writes_nothing_is_refused():
    mute = ScriptedTeacher(can=Capabilities(logprobs=True, completion=False))
    with pytest.raises(EdtError, match="'scripted' writes no text"):
        Annotator(mute, SkillQuestions(), SAMPLES)


def test_the_fingerprint_of_a_file_is_its_content(tmp_path):
    annotate(tmp_path / "one.jsonl")
    annotate(tmp_path / "two.jsonl")
    assert file_digest(tmp_path / "one.jsonl") == file_digest(tmp_path / "two.jsonl")
    annotate(tmp_path / "three.jsonl", per_task=1)
    assert file_digest(tmp_path / "three.jsonl") != file_digest(tmp_path / "one.jsonl")
    assert content_of(SAMPLES[0]) != content_of(SAMPLES[1])


def command(tmp_path: Path, *arguments: str):
    places = [
        f"config_dir={FAKE_CONF}",
        f"output={tmp_path / 'skills.jsonl'}",
        f"teacher.ledger={tmp_path / 'l.jsonl'}",
    ]
    base = [sys.executable, "-m", "edt.supporting.annotate", "supporting=fake", "teacher=ledger", "supporting.size=12"]
    return run_apart([*base, *places, *arguments])


def test_a_plan_asks_nobody_and_says_what_it_takes(tmp_path):
    done = command(tmp_path, "action=plan", "per_task=1")
    assert done.returncode == 0, done.stderr
    assert "0 of 6 samples are annotated, whose skills are lent to 6 others" in done.stdout
    assert "still to ask: 6 calls" in done.stdout
    assert "about 0.00 hours (1 s a call, a guess: see seconds_a_call=; 1 at a time)" in done.stdout
    assert (
        "0.60 hours (360 s a call, as given"
        in command(tmp_path, "action=plan", "per_task=1", "seconds_a_call=360").stdout
    )
    assert not (tmp_path / "l.jsonl").exists()
    assert not (tmp_path / "skills.jsonl").exists()
    assert command(tmp_path, "per_task=1").returncode == 0
    done = command(tmp_path, "per_task=1")
    assert "6 of 6 samples are annotated" in done.stdout
    assert "still to ask: 0 calls" in done.stdout
    lines = [json.loads(line) for line in (tmp_path / "skills.jsonl").read_text().splitlines()[1:]]
    assert sum(line["lent_by"] is not None for line in lines) == 6


def chat(tmp_path: Path, url: str, *arguments: str):
    teacher = ["teacher=vllm", f"teacher.base_url={url}", f"teacher.calls={tmp_path / 'calls.sqlite'}"]
    places = [f"config_dir={FAKE_CONF}", f"output={tmp_path / 'skills.jsonl'}"]
    base = [sys.executable, "-m", "edt.supporting.annotate", "supporting=fake"]
    return run_apart([*base, *teacher, *places, *arguments])


def test_an_endpoint_without_log_probabilities_writes_skills_and_is_not_asked_for_any(tmp_path):
    with Loopback(logprobs=False) as server:
        done = chat(tmp_path, server.url, "supporting.size=8", "teacher.source=logprobs")
        assert done.returncode == 0, done.stderr
        assert "8 samples: 8 annotated" in done.stdout
        assert server.asked.total() == 8
        assert not any("logprobs" in asked for asked in server.asked)


def test_an_endpoint_that_is_away_is_named_and_keeps_no_sample_from_being_asked_about_later(tmp_path):
    with Loopback(status=401) as server:
        done = chat(tmp_path, server.url, "supporting.size=8")
        assert done.returncode == 1
        assert "it refuses the key (HTTP 401)" in done.stderr.splitlines()[-1]
    with Loopback() as server:
        assert "8 samples: 8 annotated" in chat(tmp_path, server.url, "supporting.size=8").stdout


def test_what_is_expected_by_earlier_calls_stands_beside_the_bound(tmp_path):
    with Loopback() as server:
        first = chat(tmp_path, server.url, "supporting.size=8", "teacher.usd_per_million=[1,2]")
        assert "expected, by" not in first.stdout
        plan = chat(tmp_path, server.url, "supporting.size=40", "teacher.usd_per_million=[1,2]", "action=plan").stdout
    assert "still to ask: 32 calls" in plan
    ((bound_in, bound_out),) = re.findall(r"about ([\d,]+) tokens in and at most ([\d,]+) out", plan)
    ((calls, tokens_in, tokens_out),) = re.findall(r"about (\d+) calls, ([\d,]+) tokens in and ([\d,]+) out", plan)
    assert (calls, tokens_out) == ("32", "320")  # ten tokens a reply, as the endpoint counts
    assert int(tokens_in.replace(",", "")) < int(bound_in.replace(",", ""))
    assert int(tokens_out.replace(",", "")) < int(bound_out.replace(",", ""))


def test_hours_are_told_first_by_the_calls_of_the_past_and_how_many_are_under_way(tmp_path):
    with Loopback(delay=0.4) as server:
        first = chat(tmp_path, server.url, "supporting.size=8", "teacher.source=sampling")
        assert first.returncode == 0, first.stderr
        assert "s a call, a guess: see seconds_a_call=; 32 at a time)" in first.stdout
        more = ["supporting.size=8000", "teacher.source=sampling", "action=plan", "teacher.concurrency=2"]
        plan = chat(tmp_path, server.url, *more).stdout
    seconds, calls = float(re.findall(r"\(([\d.]+) s a call, measured; 2 at", plan)[0]), 8000 - 8
    assert seconds >= 0.4
    assert float(re.findall(r"about ([\d.]+) hours", plan)[0]) == pytest.approx(calls * seconds / 2 / 3600, rel=0.03)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("per_task=0", "per_task must be a whole number above 0, not '0'"),
        ("seconds_a_call=soon", "seconds_a_call must be a number of seconds above 0, not 'soon'"),
        ("acton=plan", "there is no option 'acton' here"),
        ("action=stop", "action must be run or plan"),
        ("plan", "cannot read the option 'plan'"),
        ("by=guess", "by is 'guess'; choose one of auto, steps, sample"),
    ],
)
def test_what_is_mistyped_is_named(tmp_path, argument, message):
    done = command(tmp_path, argument)
    assert done.returncode == 1
    assert message in done.stderr


def test_a_mapped_dataset_takes_its_skills_when_a_sample_is_looked_at(tmp_path):
    images = pictures(tmp_path / "images")
    source = write(tmp_path / "data.json", [record(n) for n in range(12)])
    given: dict[str, Any] = {"dataset": "llava_json", "file": str(source), "images": str(images)}
    plain = LlavaSupporting(**given)
    annotate(tmp_path / "skills.jsonl", plain.samples[:11], teacher=ScriptedTeacher(replies=lambda prompt: "see a box"))
    named = LlavaSupporting(**given, annotations=str(tmp_path / "skills.jsonl"))
    assert named.samples[3] == replace(plain.samples[3], required_skills=("see a box",))
    assert [sample.id for sample in named.samples[2:5]] == [sample.id for sample in plain.samples[2:5]]
    assert len(named.samples) == 12
    with pytest.raises(EdtError, match=f"no skills for sample 'r11'.*{COMMAND}"):
        list(named.samples)
    assert {**plain.fingerprint(), "annotations": file_digest(tmp_path / "skills.jsonl")} == named.fingerprint()
    changed = [record(n, image="1.png") for n in range(12)]
    changed[3]["conversations"][0]["value"] = "What else?\n<image>"
    other = LlavaSupporting(
        **{**given, "file": str(write(tmp_path / "b.json", changed))}, annotations=str(tmp_path / "skills.jsonl")
    )
    with pytest.raises(EdtError, match="sample 'r3' has changed since"):
        list(other.samples)
