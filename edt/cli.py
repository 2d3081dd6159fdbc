"""What a user meets at the command line: one sentence an error. Knows Hydra's messages and how to say them again."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields

from edt.errors import EdtError

FAILED, INTERRUPTED = 1, 130


def say_errors(act: Callable[[], None], *, full: bool = False) -> int:
    """Run `act`; an exit code, after saying in one sentence what a user can mend. `full` lets tracebacks through."""
    try:
        act()
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last finished stage", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if full or (sentence := explain(error)) is None:
            raise
        if not getattr(error, "said", False):
            print(f"error: {sentence}", file=sys.stderr)
        return FAILED
    return 0


def explain(error: BaseException) -> str | None:
    """The sentence for an error that a user can mend; None for any other."""
    if isinstance(error, EdtError):
        return str(error)
    from hydra.errors import HydraException, OverrideParseException
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, OverrideParseException):
        return f"cannot read the option {error.override!r}; write key=value, and quote values with special characters"
    if isinstance(error, HydraException):
        text = "\n".join(str(part) for part in (error, error.__cause__) if part)
        return _choice(text) or _key(text) or _value(text) or _line(text)
    return _value(str(error)) or _line(str(error)) if isinstance(error, OmegaConfBaseException) else None


def quoted(arguments: Sequence[str]) -> list[str]:
    """Command-line arguments with the names of scales as text: Hydra takes a bare `scale=96` for a number."""
    return [_quote(argument) if argument.startswith("scale=") else argument for argument in arguments]


def _quote(argument: str) -> str:
    group, _, names = argument.partition("=")
    return f"{group}=" + ",".join(f"'{name}'" if name.isdigit() else name for name in names.split(","))


def _choice(text: str) -> str | None:
    if not (found := re.search(r"Could not find '([^']+)'", text)):
        return None
    group, _, name = found[1].rpartition("/")
    options = re.findall(r"^\t(\w\S*)$", text.partition("Available options")[2], re.MULTILINE)
    known = [option for option in options if "=" not in option]
    return f"there is no {group} called {name!r}; choose one of: {', '.join(known)}" if known else None


def _key(text: str) -> str | None:
    found = re.search(r"Could not override '([^']+)'", text) or re.search(r"Key '([^']+)' (?:is )?not in", text)
    if found is None or "could not be converted" in text:
        return None
    from edt.config import Config

    known = [f.name for f in fields(Config)]
    near = difflib.get_close_matches(found[1], known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return f"there is no option {found[1]!r}; {hint} (`python run.py --help` shows all)"


def _value(text: str) -> str | None:
    found = re.search(r"Value '?(.*?)'? (?:of type '\w+' )?could not be converted to (\w+)", text)
    if found is None:
        return None
    where = re.search(r"full_key: (\S+)", text)
    kind = {"Integer": "a whole number", "Boolean": "true or false", "Float": "a number"}.get(found[2], found[2])
    return f"{where[1] if where else 'an option'} must be {kind}, not {found[1]!r}"


def _line(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines() if line.strip())
