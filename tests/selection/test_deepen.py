from edt.selection.deal import Hit
from edt.selection.deepen import Deepening

HITS = [Hit(sample_id=f"s{n}", rank=n, score=1.0, text="") for n in range(1, 31)]


def test_it_searches_only_as_deep_as_it_is_read_and_never_twice():
    asked = []

    def search(depth):
        asked.append(depth)
        return HITS[:depth]

    deep = Deepening(search, first=2)
    reader = iter(deep)
    assert [next(reader), next(reader)] == HITS[:2]
    assert asked == [2]
    assert list(deep) == HITS
    assert list(reader) == HITS[2:]
    assert asked == [2, 16, 128]


def test_what_ends_at_the_depth_asked_for_ends():
    assert list(Deepening(lambda depth: HITS[:8][:depth], first=8)) == HITS[:8]
    assert list(Deepening(lambda depth: [], first=8)) == []
