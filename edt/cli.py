"""What a user meets at the command line: one sentence an error. Knows Hydra's messages and how to say them again."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence

from edt.errors import EdtError
from edt.process import asked_to_stop, last_words

FAILED = 1
HOLDS_OPTIONS = "holds options of its own, so set one of them"
FULL = (errno.ENOSPC, errno.EDQUOT)
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)
"""What an operating system says of places that a user can mend; a file that is missing is rather a mistake of ours."""

NO_PAPER_SCALE = (
    "there is no scale called 'paper'; the paper's own models, data and scales are a table: python sweep.py table=paper"
)


def say_errors(act: Callable[[], None], *, full: bool = False) -> int:
    """Run `act`; an exit code, after saying in one sentence what a user can mend. `full` lets tracebacks through."""
    try:
        act()
    except KeyboardInterrupt:
        print(last_words(), file=sys.stderr)
        return 128 + asked_to_stop()
    except BrokenPipeError:  # whoever reads on, as `| head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
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
    if isinstance(error, ModuleNotFoundError):
        return _missing(error.name or str(error))
    from hydra.errors import HydraException, OverrideParseException
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, OverrideParseException):
        typed = str(error.override).removeprefix("++")
        return f"cannot read the option {typed!r}; write key=value, and quote values with special characters"
    if isinstance(error, HydraException):
        text = "\n".join(str(part) for part in (error, error.__cause__) if part)
        return _several(text) or _choice(text) or _key(text) or _value(text) or _line(text)
    if isinstance(error, OmegaConfBaseException):
        return _value(str(error)) or _line(str(error))
    return _place(error) if isinstance(error, OSError) else None


def explain_composing(error: BaseException) -> str:
    """The sentence for whatever Hydra raises while it composes: what it cannot take, the user has typed."""
    return explain(error) or f"these options cannot be used: {_line(str(error))}; see `python run.py --help`"


def for_hydra(arguments: Sequence[str]) -> list[str]:
    """Command-line arguments as Hydra has to be given them, so that what is wrong with them is said by us.

    Names of choices become text (Hydra takes a bare `scale=96` for a number),
    and a part's options are let through to `edt.build`, which knows its class.
    """
    return [_for_hydra(argument) for argument in arguments]


def _for_hydra(argument: str) -> str:
    from edt.config import GROUPS, PART_GROUPS

    key, sign, value = argument.partition("=")
    if sign and key in GROUPS and not re.search(r"['\"\\(]|\$\{", value):
        names = [value] if value.startswith(("[", "{")) else value.split(",")
        return f"{key}=" + ",".join(f"'{name.strip()}'" for name in names)
    group, dot, _ = key.partition(".")
    return f"++{argument}" if sign and dot and group in PART_GROUPS else argument


def unknown_option(name: str) -> str:
    """The sentence for an option that is not in the schema, with those that are."""
    from omegaconf import OmegaConf

    from edt.config import Config

    group, dot, _ = name.partition(".")
    schema = OmegaConf.structured(Config)
    inside = dot and group in schema and OmegaConf.is_dict(schema[group])
    known = [f"{group}.{key}" for key in schema[group]] if inside else [str(key) for key in schema]
    return f"there is no option {name!r}; {hint(name, known)} (`python run.py --help` shows all)"


def hint(name: str, known: Sequence[str]) -> str:
    """What was meant by a name, or what there is."""
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def _missing(module: str) -> str | None:
    """Of a package that is not installed; None where the module is ours."""
    package = module.partition(".")[0]
    return (
        None
        if package == "edt"
        else (
            f"the package {package!r} is not installed for {sys.executable}; run `make setup` and then "
            "`. .venv/bin/activate`, or `pip install -c constraints.txt -e .`"
        )
    )


def _place(error: OSError) -> str | None:
    where = error.filename or "a file"
    if error.errno in FULL:
        return f"{where} cannot be written: the disk is full; free some space, and the same command goes on"
    if error.errno in CLOSED:
        return f"{where} cannot be used ({error.strerror}); mend that, or name another place"
    return None


def _several(text: str) -> str | None:
    found = re.search(r"Ambiguous value for argument '([^=]+)=", text)
    return f"{found[1].lstrip('+')}= is given several values; name one, or add -m for a run of each" if found else None


def _choice(text: str) -> str | None:
    if not (found := re.search(r"Could not find '([^']+)'", text)):
        return None
    if found[1] == "scale/paper":
        return NO_PAPER_SCALE
    group, _, name = found[1].rpartition("/")
    options = re.findall(r"^\t(\w\S*)$", text.partition("Available options")[2], re.MULTILINE)
    known = [option for option in options if "=" not in option]
    return f"there is no {group} called {name!r}; choose one of: {', '.join(known)}" if known else None


def _key(text: str) -> str | None:
    found = re.search(r"Could not override '([^']+)'", text) or re.search(r"Key '([^']+)' (?:is )?not in", text)
    return None if found is None or "could not be converted" in text else unknown_option(found[1])


def _value(text: str) -> str | None:
    where = re.search(r"full_key: (\S+)", text)
    name = where[1] if where else "an option"
    if found := re.search(r"Value '?(.*?)'? (?:of type '\w+' )?could not be converted to (\w+)", text):
        kind = {"Integer": "a whole number", "Boolean": "true or false", "Float": "a number"}.get(found[2], found[2])
        return f"{name} must be {kind}, not {found[1]!r}"
    if found := re.search(r"Value '(.*?)' is not a valid bool", text):
        return f"{name} must be true or false, not {found[1]!r}"
    if found := re.search(r"Invalid type assigned: (\w+) is not a subclass", text):
        return f"{name} {HOLDS_OPTIONS}, as {name}.NAME=VALUE"
    if "is not Optional" in text or "on-optional field" in text:
        return f"{name} must not be null"
    return None


def _line(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines() if line.strip())
