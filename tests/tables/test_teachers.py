"""Every table says who was asked, and where the probabilities came from."""

from dataclasses import replace

from edt.tables.render import latex, markdown
from edt.tables.wide import widen
from tests.tables.test_formats import WORDS
from tests.tables.test_wide import cell


def test_a_table_names_its_teachers_and_their_sources():
    names = ("", "pocket", "mini (sampling)", "oracle")
    cells = [replace(cell("a", f"m{n}", "96", 0, "1100"), teacher=name) for n, name in enumerate(names)]
    found = widen(cells, **WORDS)
    said = "pocket (local), mini (sampling), oracle (none: it reads the planted truth)."
    assert said in markdown(found)
    assert said in latex(found)
    assert "Teachers" not in markdown(widen(cells[:1], **WORDS))
