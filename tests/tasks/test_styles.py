"""Other evaluators' prompts and rules: against lmms-eval's own functions where it is installed, and by table."""

import importlib.util
import sys
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edt.tasks.items import Item
from edt.tasks.options import letter_of
from edt.tasks.styles import STYLES, best_candidate, first_matcher, pose
from tests.tasks.replies import OPTIONS, varied

ITEM = Item(id="7", image="x.png", question="What is it?", hint="Look left.", options=OPTIONS, answer=OPTIONS[1])
BARE = Item(id="8", image="x.png", question="What is it?", options=OPTIONS[:2], answer=OPTIONS[0])
NAMED = {letter_of(index): option for index, option in enumerate(OPTIONS)}
MMBENCH, SCIENCEQA = STYLES["lmms_eval", "mmbench"], STYLES["lmms_eval", "scienceqa"]
KIT = STYLES["vlmevalkit", "mmbench"]


@pytest.fixture(scope="module")
def lmms():
    """lmms-eval's task modules, without the package's own imports, which want other versions than ours."""
    found = importlib.util.find_spec("lmms_eval")
    if found is None or not found.submodule_search_locations:
        pytest.skip("lmms-eval is not installed (pip install --no-deps lmms-eval==0.7.3 loguru)")
    (root,) = found.submodule_search_locations
    stubs = {"lmms_eval": root, "lmms_eval.tasks": f"{root}/tasks"}
    for name in ("_task_utils", "mmbench", "scienceqa"):
        stubs[f"lmms_eval.tasks.{name}"] = f"{root}/tasks/{name}"
    for name, path in stubs.items():
        module = types.ModuleType(name)
        module.__path__ = [path]
        sys.modules[name] = module
    names = ("tasks.mmbench.en_utils", "tasks.scienceqa.utils", "tasks._task_utils.mcq_extract")
    yield tuple(importlib.import_module(f"lmms_eval.{name}") for name in names)
    for name in [name for name in sys.modules if name.partition(".")[0] == "lmms_eval"]:
        del sys.modules[name]


def row(item: Item, reply: str = "") -> dict:
    options = dict.fromkeys("ABCD", "nan") | dict(zip("ABCD", item.options, strict=False))
    facts = {"category": "c", "L2-category": "l", "source": "s", "split": "dev", "hint": item.hint or "nan"}
    answer = letter_of(item.options.index(item.answer))
    return {"index": 7, "question": item.question, "answer": answer, "prediction": reply, **options, **facts}


def test_replies_are_many_and_varied():
    assert len(set(varied())) >= 300


@pytest.mark.parametrize("item", [ITEM, BARE], ids=["hint", "none"])
def test_lmms_eval_prompts_are_those_of_lmms_eval(lmms, item):
    mmbench, scienceqa, _ = lmms
    directly = "\nAnswer with the option's letter from the given choices directly."
    assert MMBENCH.prompt(item) == mmbench.mmbench_doc_to_text(row(item), {"post_prompt": directly})
    doc = {"hint": item.hint, "question": item.question, "choices": list(item.options)}
    settings_of = {"format": "default", "pre_prompt": "", "post_prompt": directly}
    assert SCIENCEQA.prompt(item) == scienceqa.sqa_doc_to_text(doc, settings_of)


@pytest.mark.parametrize("gold", range(4))
def test_lmms_eval_mmbench_judges_as_lmms_eval_does(lmms, gold):
    import pandas as pd

    judge = lmms[0].mmbench_evaluator
    differing = []
    for reply in varied(gold):
        said = reply.strip()
        data = pd.DataFrame([{**row(ITEM, said), "answer": letter_of(gold)}])
        theirs = judge.eval_sub_data(data, {7: letter_of(gold)}, static_only=True)
        if theirs != (MMBENCH.letter(reply, OPTIONS) == letter_of(gold)):
            differing.append(reply)
    assert differing == []


def test_lmms_eval_rules_find_the_same_letter_one_by_one(lmms):
    evaluator, extract = lmms[0].mmbench_evaluator, lmms[2].extract_mcq_answer
    for reply in varied(9):
        assert (first_matcher(reply, NAMED) or False) == evaluator.can_infer(reply, dict(NAMED)), reply
        assert (best_candidate(reply, "ABCD") or "") == extract(reply, choices=list("ABCD")), reply


@settings(max_examples=300)
@given(st.text(st.sampled_from("ABCDE abcd.,:()'\"!?\nanswer is") | st.characters(codec="utf-8"), max_size=40))
def test_lmms_eval_rules_agree_on_any_text(lmms, reply):
    assert (best_candidate(reply, "ABCD") or "") == lmms[2].extract_mcq_answer(reply, choices=list("ABCD"))
    assert (first_matcher(reply, NAMED) or False) == lmms[0].mmbench_evaluator.can_infer(reply, dict(NAMED))


@pytest.mark.parametrize("gold", range(4))
def test_lmms_eval_scienceqa_judges_as_lmms_eval_does(lmms, gold):
    doc = {"choices": list(OPTIONS), "answer": gold}
    for reply in varied(gold):
        theirs = lmms[1].sqa_process_results(doc, [reply])["exact_match"]
        assert theirs == float(SCIENCEQA.letter(reply, OPTIONS) == letter_of(gold)), reply


@pytest.mark.parametrize(
    ("reply", "mmbench", "scienceqa"),
    [
        ("B", "B", "B"),
        ("b", None, "B"),
        ("B. a blue table", "B", "B"),
        ("(B)", "B", None),
        ("The answer is B", "B", None),
        ("It is the lamp.", "C", None),
        ("A cat and a dog or C", "A", None),  # an article that stands first counts for most
        ("", None, None),
        ("E", "E", "E"),
    ],
)
def test_what_lmms_eval_takes_for_an_answer(reply, mmbench, scienceqa):
    """What its functions came to, for machines that do not have them."""
    assert MMBENCH.letter(reply, OPTIONS) == mmbench
    assert SCIENCEQA.letter(reply, OPTIONS) == scienceqa


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("B", "B"),
        ("B.", "B"),
        ("(B)", "B"),
        ("**B**", "B"),
        ("[B];", "B"),
        ("The answer is B", "B"),
        ("one two three B four five six", "B"),  # the fourth from the end
        ("B one two three", "B"),
        ("B one two three four", None),  # the fifth from the end
        ("B or C", None),
        ("B and B again", "B"),
        ("b", None),
        ("It is the lamp", "C"),
        ("It is the lamp or nothing of these", None),
        (f"It is the lamp, {'and that for many reasons ' * 8}", None),  # too long to be an option's text
        ("E", None),
        ("Z", None),
        ("Sorry, I can't help with images of people yet. B", None),
        ("Cannot determine the answer", None),
        ("", None),
    ],
)
def test_what_vlmevalkit_takes_for_an_answer(reply, letter):
    assert KIT.letter(reply, OPTIONS) == letter


def test_vlmevalkit_prompt():
    assert KIT.prompt(BARE) == (
        "Question: What is it?\nOptions:\nA. a red chair\nB. a blue table\n"
        "Please select the correct answer from the options above. \n"
    )
    assert KIT.prompt(ITEM).startswith("Hint: Look left.\nQuestion: What is it?\nOptions:\nA. a red chair\n")


def test_ours_shows_options_once():
    assert pose(ITEM, None).question == "\n".join(
        ["Look left.", "What is it?", "A. a red chair", "B. a blue table", "C. the lamp", "D. nothing of these"]
    )
    inside = Item(id="9", image="x", question="Which? (a) x (b) y", options=("x", "y"), inside=True, answer="x")
    assert pose(inside, None).question == "Which? (a) x (b) y"
    assert not pose(inside, None).direct
    assert pose(ITEM, KIT).direct
