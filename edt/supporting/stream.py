"""A file of JSON records, one after the other, in bounded memory. Knows brackets and commas, not what a record is.

Takes an array (`[{…}, {…}]`) and lines (`{…}` a line). What is no JSON is
reported, and reading goes on behind it where the next record begins. The file's
SHA-256 is taken on the way, so that it is read once.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edt.supporting.records import LENIENT, STRICT, Bad

CHUNK = 1 << 22
LONGEST = 1 << 26
"""Characters of one record; a longer one is no record."""
_BETWEEN = re.compile(r"[\s,]*")
_NEXT = re.compile(r"\}\s*,?\s*(?=\{\s*\"(?!(?:from|value)\"))")
"""The end of a record and the beginning of one that is no turn of a conversation."""
_NEXT_LINE = re.compile(r"\n\s*(?=\{)")
NEAR = 64
"""Characters before the end of what was read, where an error may be the cut of the reading."""


class JsonStream:
    """The records of a file; iterate it once. `sha256` and `size` are there afterwards."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hash = hashlib.sha256()
        self._text = ""
        self._at = 0
        self._ended = False
        self._next = _NEXT_LINE
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self.size = 0
        self.clean = True
        """Whether all bytes so far were UTF-8: where not, texts hold surrogates."""

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[Any]:
        """Each record's data, or a `Bad` in its place."""
        with self._path.open("rb") as stream:
            self._stream = stream
            self._fill()
            self._text = self._text.removeprefix("\ufeff")
            self._at = len(self._text) - len(self._text.lstrip())
            array = self._text.startswith("[", self._at)
            self._next = _NEXT if array else _NEXT_LINE
            self._at += array
            last = None
            while self._skip_to_record():
                if array and self._text[self._at] == "]":
                    if self._was_last():
                        return
                    array, last = False, Bad("not JSON", "", "there is text behind the end of the array")
                else:
                    last = self._record()
                yield last
            if array and not isinstance(last, Bad):
                yield Bad("truncated JSON", "", "the file ends before its array does; a part of it may be missing")

    def _was_last(self) -> bool:
        """Whether nothing but space follows the bracket."""
        self._at += 1
        return not self._skip_to_record()

    def _fill(self) -> None:
        raw = self._stream.read(CHUNK)
        self._hash.update(raw)
        self.size += len(raw)
        self._ended = not raw
        text = self._decode(raw, self._ended)
        if self.clean and not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                self.clean = False
        self._text = self._text[self._at :] + text
        self._at = 0

    def _drop(self) -> None:
        self._at = len(self._text)

    def _skip_to_record(self) -> bool:
        """To the next character that is no comma and no space; False at the end of the file."""
        while True:
            found = _BETWEEN.match(self._text, self._at)
            assert found is not None
            self._at = found.end()
            if self._at < len(self._text):
                return True
            if self._ended:
                return False
            self._fill()

    def _record(self) -> Any:
        while True:
            try:
                data, self._at = STRICT.raw_decode(self._text, self._at)
                return data
            except Bad as bad:
                self._pass()
                return bad
            except json.JSONDecodeError as error:
                if self._may_be_cut(error):
                    self._fill()
                    continue
                return self._resync(error)
            except (RecursionError, ValueError) as error:  # nested too deep; a number of too many digits
                return self._resync(error)

    def _pass(self) -> None:
        """Behind a record that is JSON, and not a sound one: more of the file may have to come for that."""
        while True:
            try:
                self._at = LENIENT.raw_decode(self._text, self._at)[1]
                return
            except ValueError as error:
                cut = isinstance(error, json.JSONDecodeError) and self._may_be_cut(error)
            if not cut:
                self._find_next()
                return
            self._fill()

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        """Whether the record may just not be there in whole yet."""
        if self._ended or len(self._text) - self._at > LONGEST:
            return False
        return error.msg.startswith("Unterminated") or error.pos >= len(self._text) - NEAR

    def _resync(self, error: Exception) -> Bad:
        start = self._text[self._at : self._at + 60]
        found = self._find_next()
        if not found and self._ended and isinstance(error, json.JSONDecodeError):
            return Bad("truncated JSON", "", f"the file ends within the record that begins {start!r}")
        return Bad("not JSON", "", f"{type(error).__name__}: {error!s:.80}; it begins {start!r}")

    def _find_next(self) -> bool:
        """To where the next record seems to begin, or to the end of the file."""
        self._at += 1
        while not (found := self._next.search(self._text, self._at)):
            if self._ended:
                self._drop()
                return False
            self._at = max(self._at, len(self._text) - 64)
            self._fill()
        self._at = found.end()
        return True
