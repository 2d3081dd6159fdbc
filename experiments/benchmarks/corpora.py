"""Invented required-skill texts as large datasets have them: few words said often, and most texts said again."""

from __future__ import annotations

from dataclasses import dataclass

_VERBS = ["recognise", "tell", "identify", "notice", "see", "count", "read", "compare", "locate", "name"]
_LINKS = ["the", "of", "a", "in", "with", "that", "and", "to", "for", "on"]
_NUM_WORDS = 8_000
_SYLLABLES = [first + last for first in "bdfgklmnprstvz" for last in ("a", "e", "i", "o", "u")]


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Samples in no order of their ids, and queries that are skills of theirs."""

    ids: list[str]
    texts: list[str]
    queries: list[str]


def make_corpus(*, num_samples: int, num_texts: int, num_queries: int, seed: int = 0) -> Corpus:
    """`num_samples` samples over `num_texts` distinct texts of about 15 words; some texts come much oftener."""
    import numpy as np

    rng = np.random.default_rng(seed)
    texts = _distinct(rng, num_texts)
    again = (num_texts * rng.power(0.5, size=num_samples - num_texts)).astype(int)
    of_each = rng.permutation(np.concatenate([np.arange(num_texts), again]))
    return Corpus(
        ids=[f"sample-{number:08d}" for number in rng.permutation(num_samples)],
        texts=["".join(texts[i]) for i in of_each],  # a string of its own each, as a file reader makes them
        queries=[texts[i].split(" ; ")[0] for i in rng.integers(0, num_texts, num_queries)],
    )


def _distinct(rng, num_texts: int) -> list[str]:
    """Two skills a text, content words by Zipf's law; drawn until there are enough."""
    import numpy as np

    words = [_word(number) for number in range(_NUM_WORDS)]
    chances = 1 / np.arange(1, _NUM_WORDS + 1)
    chances /= chances.sum()
    found: dict[str, None] = {}
    while len(found) < num_texts:
        content = rng.choice(_NUM_WORDS, size=(num_texts, 2, 4), p=chances)
        links = rng.integers(0, len(_LINKS), size=(num_texts, 2, 2))
        verbs = rng.integers(0, len(_VERBS), size=(num_texts, 2))
        for row in range(num_texts):
            skills = (
                f"{_VERBS[verb]} {_LINKS[a]} {words[w]} {words[x]} {_LINKS[b]} {words[y]} {words[z]}"
                for verb, (a, b), (w, x, y, z) in zip(verbs[row], links[row], content[row], strict=True)
            )
            found[" ; ".join(skills)] = None
    return list(found)[:num_texts]


def _word(number: int) -> str:
    """A word of three or so syllables, another one for each number."""
    syllables = []
    for _ in range(3):
        number, place = divmod(number, len(_SYLLABLES))
        syllables.append(_SYLLABLES[place])
    return "".join(syllables)
