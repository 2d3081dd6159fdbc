"""Statements, skills and kinds: every fact can be said, read back, and named as a skill."""

import pytest

from edt.pocket import scenes
from edt.pocket.forms import with_article
from edt.pocket.kinds import DOMAINS, kind_of, kinds
from edt.pocket.skills import read_id, skill_id, wording, wordings
from edt.pocket.statements import TEMPLATES, parse, state


def all_facts():
    for kind in kinds().values():
        for slot, value in kind.facts.items():
            yield kind.domain, slot, value
    for slot, values in {
        "count": scenes.NUMBERS,
        "layout": scenes.LAYOUTS.values(),
        "ground": scenes.SHADES,
        "shade": scenes.SHADES.values(),
        "left_is": map(with_article, scenes.LIFE),
        "larger": ("on the left", "on the right"),
    }.items():
        for value in values:
            yield "scene", slot, value


@pytest.mark.parametrize(("domain", "slot", "value"), sorted(set(all_facts())))
def test_a_fact_is_read_back_from_its_statement(domain, slot, value):
    assert parse(state(slot, value)) == (slot, value)
    assert parse(state(slot, value).upper()) == (slot, value)


def test_what_is_no_statement_is_not_read_as_one():
    assert parse("Perhaps a chair?") is None
    assert parse("") is None


def test_every_kind_has_its_own_path():
    paths = [(kind.domain, *kind.facts.values()) for kind in kinds().values()]
    assert len(set(paths)) == len(paths)
    for kind in kinds().values():
        assert tuple(kind.facts) == DOMAINS[kind.domain].slots
        assert set(kind.facts) <= set(TEMPLATES)


def test_skills_have_many_wordings_and_all_name_the_value():
    texts = set()
    for domain, slot, value in all_facts():
        skill = skill_id(domain, slot, value)
        assert read_id(skill) == (domain, slot, value)
        assert len(set(wordings(skill))) == len(wordings(skill)) >= 6
        assert all(value in text for text in wordings(skill))
        assert wording(skill, "a") == wording(skill, "a")
        texts |= set(wordings(skill))
    assert len(texts) >= 500


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("sh3d/living room/oak chair", "chair"),
        ("sh3d/miscellaneous/wheelchair", None),
        ("sh3d/kitchen/drawers cabinet", "drawers"),
        ("stamp/animals/birds/owl", "bird"),
        ("stamp/animals/birds/cartoon/tux", None),
        ("art/animals/cow", "mammal"),
        ("stamp/animals/fish/lobster", "shellfish"),
    ],
)
def test_assets_find_their_kind(key, kind):
    found = kind_of(key)
    assert (found.name if found else None) == kind
