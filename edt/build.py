"""Parts from their configuration. Knows how to refuse what is not ours; no part in particular.

Hydra's own instantiation would call any function of any package, so a
`_target_` is checked here before anything of it is imported: it must lie under
`edt.` and turn out to be a class or a function of this package.
"""

from __future__ import annotations

import importlib
import inspect
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from edt.config import PART_GROUPS, Config
from edt.errors import EdtError
from edt.protocols import (
    Analyst,
    Identifier,
    Selector,
    Student,
    Supporting,
    Task,
    Teacher,
    Tracker,
    Tuner,
)
from edt.store.keys import canonical
from edt.store.stages import Parts
from edt.supporting.skills import check_skills

TARGET = re.compile(r"edt(\.[A-Za-z_]\w*)+")
HANDED = ("teacher", "target")
"""Parameters that are parts, built first and handed on: `target` is the task. They are no options."""
SECRET = re.compile(r"(^|_)(api_?key|secret|password|passwd|token|credentials?)$", re.IGNORECASE)
OFFERS: dict[str, type] = {
    "student": Student,
    "teacher": Teacher,
    "task": Task,
    "supporting": Supporting,
    "identifier": Identifier,
    "analyst": Analyst,
    "selector": Selector,
    "tuner": Tuner,
    "tracker": Tracker,
}
KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "int": ("a whole number", lambda value: type(value) is int),
    "float": ("a number", lambda value: type(value) in (int, float) and math.isfinite(value)),
    "bool": ("true or false", lambda value: type(value) is bool),
    "str": ("text", lambda value: type(value) is str),
    "None": ("null", lambda value: value is None),
}
"""What the words of a parameter's annotation allow; a parameter with any other word is left to its class."""
SEAMS = {kind.__name__: group for group, kind in OFFERS.items()}
"""Annotations of parameters that take a part; all but the teacher, which is handed over, are options: `${student}`."""


class Builder:
    """Builds parts, and hands out the same one for the same configuration.

    Runs in one process that share a builder thereby share loaded models.
    """

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def parts(self, config: Config) -> Parts:
        """All parts of a run; the teacher only where another part takes it. A dataset may be handed the task.

        Raises EdtError where one of them cannot be built, or two do not go together.
        """
        check(config)
        built: dict[str, Any] = {}
        for group in ("task", "supporting", "student", "identifier", "analyst", "selector", "tuner"):
            node, handed = getattr(config, group), {}
            if takes(group, node, "teacher"):
                handed["teacher"] = built["teacher"] = self.part("teacher", config.teacher)
            if takes(group, node, "target"):
                handed["target"] = built["task"]
            built[group] = self.part(group, node, handed)
        if config.budget.rounds:  # without one nothing is selected
            check_skills(built["selector"], built["supporting"])
        return Parts(**built)

    def part(self, group: str, node: Mapping[str, Any], handed: Mapping[str, Any] | None = None) -> Any:
        """One part: its class called with the node's other keys and what is handed to it.

        An option that is itself a part is built first, or is the one that is there already for the same configuration.
        """
        name = canonical([group, node, {key: id(value) for key, value in (handed or {}).items()}])
        if name not in self._built:
            check_options(group, node)
            seams = _inner(find_target(group, node))
            inner = {key: self.part(seam, node[key]) for key, seam in seams.items() if key in node}
            self._built[name] = _construct(group, node, {**(handed or {}), **inner})
        return self._built[name]


def build_tracker(config: Config) -> Tracker:
    """A fresh tracker: it holds one run's files, so it is never shared."""
    return _construct("tracker", config.tracker, {})


def check(config: Config) -> None:
    """Refuse what cannot be built, before anything is built; raises EdtError."""
    for group in PART_GROUPS:
        node = getattr(config, group)
        _refuse_secrets(group, node)
        check_options(group, node)


def find_target(group: str, node: Mapping[str, Any]) -> Callable[..., Any]:
    """The class or function that a node's `_target_` names, imported only once its name is known to be ours."""
    target = node.get("_target_")
    if not isinstance(target, str) or not TARGET.fullmatch(target):
        raise EdtError(f"{group}._target_ must name a class or function under edt., not {target!r}")
    module_name, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), name, None)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "edt":
            raise EdtError(f"{group}._target_ names {target}, but there is no module {error.name}") from error
        raise EdtError(f"{group} needs the package {error.name!r}; install it: pip install {error.name}") from error
    if not (inspect.isclass(found) or inspect.isfunction(found)) or not found.__module__.startswith("edt."):
        raise EdtError(f"{group}._target_ must name a class or function of edt, and {target} is none")
    if inspect.isclass(found):
        _check_offers(group, found)
    return found


def takes(group: str, node: Mapping[str, Any], name: str) -> bool:
    """Whether a node's class wants to be handed the part `name`, one of HANDED."""
    return name in _parameters(find_target(group, node))


def needs(group: str, node: Mapping[str, Any], name: str) -> bool:
    """Whether it cannot be built without: one that never asks its teacher may do without any."""
    return takes(group, node, name) and _parameters(find_target(group, node))[name].default is inspect.Parameter.empty


def _check_offers(group: str, kind: type) -> None:
    methods = [name for name, member in vars(OFFERS[group]).items() if inspect.isfunction(member) and name[0] != "_"]
    if lacking := [name for name in methods if not hasattr(kind, name)]:
        raise EdtError(f"{group}._target_ must name a {group}, and {kind.__name__} has no {lacking[0]}()")


def check_options(group: str, node: Mapping[str, Any]) -> None:
    """Compare a node's keys and values with what its class takes."""
    found = find_target(group, node)
    known = _parameters(found)
    given = [key for key in node if key != "_target_"]
    taken = [name for name in known if name not in HANDED]
    if unknown := [key for key in given if key not in taken]:
        raise EdtError(f"{group} has no option {unknown[0]!r}; {found.__name__} knows: {', '.join(taken) or 'none'}")
    empty = inspect.Parameter.empty
    if missing := [name for name in taken if known[name].default is empty and name not in given]:
        raise EdtError(f"{group} lacks the option {missing[0]!r}, which {found.__name__} needs")
    inner = _inner(found)
    for key in given:
        if key not in inner:
            _check_value(f"{group}.{key}", known[key].annotation, node[key])
        elif isinstance(node[key], Mapping):
            check_options(inner[key], node[key])
        else:
            raise EdtError(f"{group}.{key} must be a {inner[key]} with its options, such as ${{{inner[key]}}}")


def _inner(found: Callable[..., Any]) -> dict[str, str]:
    """Options that are parts themselves, and their groups."""
    named = {name: SEAMS.get(str(parameter.annotation)) for name, parameter in _parameters(found).items()}
    return {name: seam for name, seam in named.items() if seam is not None and seam != "teacher"}


def _check_value(name: str, annotation: Any, value: Any) -> None:
    words = getattr(annotation, "__name__", str(annotation)).split(" | ")
    if any(word not in KINDS for word in words) or any(KINDS[word][1](value) for word in words):
        return
    wanted = " or ".join(KINDS[word][0] for word in words)
    quotes = f"; quote it: {name}=\"'{value}'\"" if "str" in words and isinstance(value, (int, float)) else ""
    raise EdtError(f"{name} must be {wanted}, not {value!r}{quotes}")


def _parameters(found: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    named = inspect.signature(found).parameters
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {name: parameter for name, parameter in named.items() if parameter.kind not in variable}


def _construct(group: str, node: Mapping[str, Any], handed: Mapping[str, Any]) -> Any:
    check_options(group, node)
    options = {key: value for key, value in node.items() if key != "_target_"}
    try:
        built = find_target(group, node)(**{**options, **handed})
    except (ValueError, TypeError) as error:
        raise EdtError(f"{group}: {error}") from error
    except ModuleNotFoundError as error:
        raise EdtError(f"{group} needs the package {error.name!r}; install it: pip install {error.name}") from error
    _check_offers(group, type(built))
    return built


def _refuse_secrets(where: str, node: Mapping[str, Any]) -> None:
    for key, value in node.items():
        if isinstance(value, Mapping):
            _refuse_secrets(f"{where}.{key}", value)
        elif isinstance(value, str) and value and SECRET.search(str(key)):
            raise EdtError(
                f"{where}.{key} looks like a secret; configurations are kept in files and tables, "
                "so leave it out and set it as an environment variable"
            )
