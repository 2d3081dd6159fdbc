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
LATIN = 0x180
"""Characters below this are in LaTeX's fonts as a rule."""


def one_line(text: str) -> str:
    """What cannot be printed, line breaks among it, as spaces."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def markdown(text: str) -> str:
    return MARKDOWN.sub(lambda found: "\\" + found[0], text)


def tex(text: str) -> str:
    """A character that the fonts lack shows as its number, so that the document compiles."""
    return re.sub(r"([-,])(?=\1)", r"\1{}", "".join(map(_tex, text)))  # two of them would be one other sign


def _tex(sign: str) -> str:
    return TEX.get(sign) or (sign if ord(sign) < LATIN else f"{{[}}U+{ord(sign):04X}{{]}}")
