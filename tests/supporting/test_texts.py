"""Near-identical texts are found as by comparing every pair, and no others."""

from hypothesis import given, settings
from hypothesis import strategies as st

from edt.supporting.texts import NearTexts, runs_of, words_of

TEXTS = st.lists(st.sampled_from(["the", "red", "dog", "runs", "on", "green", "grass", "far"]), min_size=3, max_size=16)
LONG = "Which of these animals lives in the sea and breathes air at the surface?"


def similarity(one: str, other: str) -> float:
    a, b = runs_of(words_of(one)), runs_of(words_of(other))
    return len(a & b) / len(a | b)


@settings(max_examples=200)
@given(st.lists(TEXTS, max_size=6), TEXTS, st.sampled_from([0.5, 0.7, 0.9, 1.0]))
def test_the_same_as_comparing_every_pair(texts, asked, threshold):
    known, text = [" ".join(words) for words in texts], " ".join(asked)
    expected = len(asked) >= 4 and any(
        similarity(text, other) >= threshold for other in known if len(words_of(other)) >= 4
    )
    assert NearTexts(known, threshold=threshold, shortest=4).near(text) == expected


def test_case_marks_and_letters_of_options_do_not_matter():
    near = NearTexts([f"{LONG} (a) shark (b) dolphin"], threshold=0.9)
    assert near.near(f"{LONG.upper()}\nA. shark\nB. dolphin")
    assert near.near(f"{LONG} shark, dolphin!")
    assert not near.near(f"{LONG} (a) cod (b) dolphin (c) herring (d) eel")


def test_short_texts_are_the_same_by_chance():
    assert not NearTexts(["What is this? a dog"], threshold=0.9).near("What is this? a dog")
    assert not NearTexts([], threshold=0.9).near(LONG)
