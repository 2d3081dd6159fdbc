"""Pocket's known biases and limits, told with their figures as the data have them.

Knows what was noticed by looking (`LOOSE`, `TWINS`, and `MISFITS` of `things`); what is said of
an asset is left out as soon as the data no longer bear it out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edt.pocket import census, scenes
from edt.pocket.census import Census, OptionScores, expected, objects, objects_of, pictures, stem
from edt.pocket.forms import NEVER_LISTED, with_article
from edt.pocket.generic import GAP_RATE, KNOWN_TASKS, NUM_SAMPLES
from edt.pocket.kinds import kinds
from edt.pocket.makers import GAP_KINDS, GAP_SHARE, GAP_TOPICS
from edt.pocket.skills import wordings
from edt.pocket.targets import CLASSIFIED, TASKS
from edt.pocket.things import MISFITS, Thing
from edt.pocket.things import SPLITS as SHARES
from edt.tables.markdown import blocks, listed, percent, table
from edt.types import Sample

LOOSE = (
    *("art/animals/penguin", "art/animals/spider", "art/animals/toad", "stamp/clothes/t_sock"),
    *("sh3d/scopia/bonsai-tree", "sh3d/blendswap-cc-by/fork"),
)
"""Assets that show how coarse the kinds are."""

TWINS = (
    ("art/animals/llama", "art/animals/lama"),
    ("sh3d/katorlegaz/concept-sedan-01v1", "sh3d/katorlegaz/concept-sedan-01v2"),
)
"""Assets that count as two objects and are nearly one; told of while they lie in different splits."""


@dataclass(frozen=True, kw_only=True)
class Blind:
    """A way to answer without the picture; `of` makes its scores from a validation and a test split."""

    head: str
    of: Callable[[Sequence[Sample], Sequence[Sample]], OptionScores]


BLIND = (
    Blind(head="chance", of=lambda validation, test: census.chance),
    Blind(head="validation's favourite", of=lambda validation, test: census.favourite(validation)),
    Blind(head="best place", of=lambda validation, test: census.best_place(test)),
    Blind(head="common words", of=lambda validation, test: census.common_words),
    Blind(head="common domain", of=lambda validation, test: census.common_domain),
)


def limits(found: Census) -> str:
    parts = (few_objects, blind, labels, looks, programs, twins, wording, gaps)
    return blocks("## Known biases and limits", *(part(found) for part in parts))


def few_objects(found: Census) -> str:
    rows = []
    for task, test in _tests(found).items():
        shown = objects(test)
        figures = [f"{len(test) / len(shown):.1f}", max(shown.values()), f"{census.even_objects(test):.0f}"]
        rows.append([f"`{task}`", *map(str, figures), str(len(test) - len(pictures(test)))])
    lone = {split: census.lone_kinds(found.things, split) for split in ("supporting", "test")}
    named = [name for name in lone["test"] if kinds()[name].domain in CLASSIFIED.values()]
    heads = ["task, test split", "questions an object", "most on one object", "objects if even", "repeated pictures"]
    return blocks(
        "**Few objects behind many questions.** Questions on one object are not independent, and an interval that "
        "takes them for independent is too narrow. *Objects if even* is the number of objects that would be as varied "
        "if each were shown equally often; a repeated picture is asked about again with other options or words.",
        table(heads, rows),
        f"Among the kinds of the classification tasks, {_lone(named)} in the test splits; among all kinds, "
        f"{_lone(lone['supporting'])} in the supporting dataset. Kinds are the same in every split: Pocket asks about "
        "new objects of known kinds, never about new kinds.",
    )


def _lone(names: Sequence[str]) -> str:
    return f"a single object stands for each of {listed(names)}" if names else "every one has several objects"


def blind(found: Census) -> str:
    rows = []
    for task, test in _tests(found).items():
        commonest, count = Counter(sample.answer for sample in test).most_common(1)[0]
        scores = [percent(expected(test, way.of(found.tasks[task]["validation"], test))) for way in BLIND]
        rows.append([f"`{task}`", f"{percent(count / len(test))} ({commonest})", *scores])
    pairs = [one for one in found.tasks["caption"]["test"] if census.facts_of(one).get("topic") == scenes.PAIR]
    names = [one for one in found.tasks["mmbench"]["test"] if one.source_task.endswith("_name_target")]
    leaks = _leak(
        "questions of `caption` of two things, whose wrong options keep at most one of the gold one's",
        *(pairs, census.common_words, "the option that shares most words"),
    ) + _leak(
        "questions of `mmbench` for a name, with wrong names in part from other domains than the gold one's",
        *(names, census.common_domain, "an option of the commonest domain"),
    )
    return blocks(
        "**Class priors, and what can be answered blind.** Test accuracy in percent, ties broken by lot: always the "
        "commonest answer, whether offered or not; an option at random; the option that is most often right in the "
        "validation split; always the place in the list that is most often right in this very split, which flatters; "
        "the option that shares most words with the others; an option of the domain that most options are of.",
        table(["task", "commonest answer", *(way.head for way in BLIND)], rows),
        f"{leaks}What a model gains so, it gains without looking.",
    )


def _leak(what: str, samples: Sequence[Sample], scores: OptionScores, taking: str) -> str:
    """A sentence on a form that can be answered blind; empty where it cannot."""
    if not samples or expected(samples, scores) <= expected(samples, census.chance):
        return ""
    found, lot = percent(expected(samples, scores)), percent(expected(samples, census.chance))
    return f"Of the {len(samples)} {what}, taking {taking} answers {found}% (chance {lot}%). "


def labels(found: Census) -> str:
    things = _by_asset(found)
    wrong = [
        (things[name], shows) for name, kind, shows in MISFITS if name in things and things[name].kind.name == kind
    ]
    bad = {thing.object_id for thing, _ in wrong}
    share = sum(any(one in bad for one in objects_of(sample)) for sample in found.supporting) / len(found.supporting)
    loose = [f"`{name}` is {_kind_and_facts(things[name])}" for name in LOOSE if name in things]
    named = [f"`{thing.asset}` ({thing.split}) is {shows}, labelled {thing.kind.name}" for thing, shows in wrong]
    told = (
        f"Looking at some of the pictures found labels that are wrong: {'; '.join(named)}. No target task shows these; "
        f"they are behind {percent(share)}% of the supporting samples. There may be more. "
        if named
        else ""
    )
    return blocks(
        "**Labels by name.** Kinds are given by expressions over the names that sources give to their assets, and "
        f"facts belong to the kind, not to the object that is shown. {told}The kinds are coarse as well: "
        f"{'; '.join(loose)}."
    )


def looks(found: Census) -> str:
    origin: dict[str, set[str]] = {}
    for thing in found.things:
        origin.setdefault(thing.object_id, set()).add(thing.asset.split("/")[0])
    rows = []
    for task, test in _tests(found).items():
        seen = [{folder for one in objects_of(sample) for folder in origin[one]} for sample in test]
        only = [sum(folders == {"sh3d"} for folders in seen), sum("sh3d" not in folders for folders in seen)]
        rows.append([f"`{task}`", *(percent(n / len(test)) for n in (*only, len(test) - sum(only)))])
    views = [view for thing in found.things if thing.asset.startswith("sh3d/") for view in thing.views]
    turned = sum(not view.endswith(".0.webp") for view in views)
    scened = sum(census.facts_of(sample)["domain"] == "scene" for sample in found.supporting)
    return blocks(
        f"**Renderings beside photographs and drawings.** Of the {len(views)} views of 3D models, {turned} are "
        "rendered by this package, from the left and right front only; the others are the catalogue's icons. Stamps "
        "are in part photographs and in part drawn, and the drawings are cartoons. Style and domain go together, so "
        "that style alone may tell a domain. Test questions in percent:",
        table(["task", "models only", "stamps and drawings only", "both"], rows),
        "Nothing is a scene from life: things stand cut out on a plain ground. In scenes they are of "
        f"{len(scenes.LIFE)} kinds, never hide one another, and are counted as copies of one object, at most "
        f"{scenes.NUMBERS[-1]}. {percent(scened / len(found.supporting))}% of the supporting samples are of scenes.",
    )


def programs(found: Census) -> str:
    said = {task: _said(test) for task, test in _tests(found).items()}
    told = listed(f"{percent(share)}% of `{task}`" for task, share in said.items() if share)
    lengths = sorted({len(sample.rationale) for split in SHARES for sample in found.split(split)})
    return blocks(
        "**Questions made by programs.** Wordings are few and stiff, the English is the authors', and there is no "
        f"other language. The gold rationale is always {listed(map(str, lengths))} statements long; in the test splits "
        f"one of them ends with the very answer in {told}. The lectures of `scienceqa` say what to look at and do not "
        "hold the fact that is asked for: what counts is a look and a kind's facts, not reading."
    )


def twins(found: Census) -> str:
    things = _by_asset(found)
    pairs = [(things[one], things[other]) for one, other in TWINS if one in things and other in things]
    close = [
        f"`{one.asset}` ({one.split}) and `{other.asset}` ({other.split})"
        for one, other in pairs
        if one.split != other.split
    ]
    names = {asset["id"]: asset["name"].lower() for asset in found.pack.assets}
    splits: dict[tuple[str, str], set[str]] = {}
    for thing in found.things:
        splits.setdefault((thing.kind.name, names[thing.asset]), set()).add(thing.split)
    several = sum(len(of) > 1 for of in splits.values())
    told = f" Known ones: {'; '.join(close)}." if close else ""
    return blocks(
        "**Near twins.** An object is a model, or a word of a kind for stamps and drawings; what differs by a spelling "
        f"or a version counts as two objects and may lie in two splits.{told} {several} of the {len(splits)} names "
        "that sources give to things of one kind are borne in more than one split, mostly by different models with "
        "one plain name."
    )


def wording(found: Census) -> str:
    taught = {stem(sample.question).lower() for sample in found.supporting}
    asked = {task: [stem(sample.question).lower() for sample in test] for task, test in _tests(found).items()}
    same = sum(question in taught for questions in asked.values() for question in questions)
    near = {task: sum(_bare(one) in taught for one in questions) / len(questions) for task, questions in asked.items()}
    led = listed(f"{percent(share)}% of `{task}`" for task, share in near.items() if share)
    answers = Counter(sample.answer for sample in found.supporting if sample.options == ("yes", "no"))
    named = [domain for domain in CLASSIFIED.values() if domain not in NEVER_LISTED]
    naming = sum(sample.source_task in {f"{domain}_name" for domain in named} for sample in found.supporting)
    skill = next(skill for sample in found.supporting if sample.truth for skill in sample.truth.skills)
    return blocks(
        f"**What is new to the student, and what is not.** The base student's recipe draws {NUM_SAMPLES['base']} "
        "questions over supporting objects, the same as those of the supporting dataset, and asks some of them in the "
        f"words of {listed(f'`{task}`' for task in KNOWN_TASKS)}. "
        f"{same} test questions are worded as a supporting sample is, but {led} put only a lead such as *Pick one* "
        f"before the words of one. Kinds of the domains {listed(NEVER_LISTED)} are never named from a list in the "
        f"supporting dataset; those of {listed(named)} are, in {naming} samples, in other words than the target task "
        "uses. Its yes-no questions are answered "
        f"{listed(f'{answer} {count} times' for answer, count in answers.most_common())}. A skill has "
        f"{len(wordings(skill))} wordings that share their content words, which suits retrieval by words."
    )


def gaps(found: Census) -> str:
    names = [name for name in kinds() if name in GAP_KINDS]
    topics = [topic for topic in scenes.TOPICS if topic in GAP_TOPICS]
    return blocks(
        f"**Planted gaps.** The last stage of the base student's recipe keeps {percent(GAP_RATE)}% of the reasoned "
        f"questions on {listed(names)}, and of the topics {listed(topics)} of scenes: there it names these kinds at "
        "once and does not reason about them. Earlier stages had gaps that were partly others, so some of these it had "
        "learnt to reason about, and what is missing is what it has lost. The gaps are chosen, not found: the errors "
        "of a student that was trained otherwise need "
        f"not lie in such blocks. The supporting dataset keeps {percent(GAP_SHARE)}% of them, since skills that are "
        f"missing are rare ones: {percent(census.gap_share(found.supporting))}% of its samples mend a gap, so that a "
        "choice at random mends some as well."
    )


def _tests(found: Census) -> dict[str, Sequence[Sample]]:
    return {task: found.tasks[task]["test"] for task in TASKS}


def _by_asset(found: Census) -> Mapping[str, Thing]:
    return {thing.asset: thing for thing in found.things}


def _kind_and_facts(thing: Thing) -> str:
    return f"{with_article(thing.kind.name)} ({', '.join(thing.kind.facts.values())})"


def _said(samples: Sequence[Sample]) -> float:
    """Share of samples of which a gold step ends with the answer."""
    ends = [any(f" {step.rstrip('.')}".endswith(f" {one.answer}") for step in one.rationale) for one in samples]
    return sum(ends) / len(ends)


def _bare(question: str) -> str:
    """What is asked after a lead such as `pick one:`."""
    return question.rpartition(": ")[2]
