"""Text that shows as itself, whatever signs are in it. Knows Markdown's and LaTeX's special signs; no table."""

from __future__ import annotations

import re

MARKDOWN = re.compile(r"[\\`*\[\]<>&|~$#]|(?<![^\W_])_|_(?![^\W_])")
"""Signs that may mean something; an underscore within a word does not."""
TEX = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{sign: f"{{{sign}}}" for sign in "[]"},
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": r"\textendash{}",
    "<": "$<$",
    ">": "$>$",
    "…": r"\ldots{}",
    "↔": r"$\leftrightarrow$",
}
"""Brackets would be an option after a line's end, quotes would join to other signs."""
LATIN = frozenset(map(chr, range(0x180))) - frozenset("ĦħĸĿŀŉŦŧſ")
"""What LaTeX takes with utf8 and T1; the others would end it with an error."""
MAY_BREAK = r"\allowbreak{}"


def one_line(text: str) -> str:
    """What cannot be printed, line breaks among it, as spaces."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def markdown(text: str) -> str:
    return MARKDOWN.sub(lambda found: "\\" + found[0], text)


def tex(text: str) -> str:
    """A character that the fonts lack shows as its number, so that the document compiles."""
    return re.sub(r"([-,])(?=\1)", r"\1{}", "".join(map(_tex, text)))  # two of them would be one other sign


def broken_tex(text: str, *, longest: int) -> str:
    """`tex` that fits a narrow column: longer words may go on in the next line, best after a sign within them."""
    return " ".join(_within(word, longest) or _broken(word, longest) for word in text.split(" "))


def _broken(word: str, longest: int) -> str:
    pieces = [piece for piece in re.split(r"(?<=[_/\\.:;,=&-])", word) if piece]
    return MAY_BREAK.join(_within(piece, longest) or MAY_BREAK.join(map(_tex, piece)) for piece in pieces)


def _within(word: str, longest: int) -> str:
    """A short word; nothing for a long one, or one with a sign that is shown as its number."""
    return tex(word) if len(word) <= longest and all(sign in LATIN or sign in TEX for sign in word) else ""


def _tex(sign: str) -> str:
    return TEX.get(sign) or (sign if sign in LATIN else f"{{[}}U+{ord(sign):04X}{{]}}")
