"""Every `python run.py` and `python sweep.py` that a document shows is taken as it stands. Composes; starts nothing."""

import re
import shlex
from collections.abc import Sequence
from functools import cache

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from edt.build import check
from edt.cli import for_hydra
from edt.config import Config
from edt.errors import EdtError
from edt.experiment import CONF, compose_all
from edt.sweep.command import Request
from edt.sweep.plan import compose_cells
from edt.sweep.spec import cells_of
from tests.harness import ROOT

DOCUMENTS = ("README.md", "CONTRIBUTING.md")
FLAGS = ("--help", "-m")
SHOWN = re.compile(r"(?:^|`)(python (?:run|sweep)\.py\b[^\n`]*)", re.MULTILINE)


def shown(document: str) -> list[str]:
    """Commands of code blocks and within lines, those of several lines as one."""
    text = (ROOT / document).read_text("utf-8").replace("\\\n", "")
    found = SHOWN.findall(text)
    assert len(found) == text.count("python run.py") + text.count("python sweep.py")
    return found


COMMANDS = [command for document in DOCUMENTS for command in shown(document)]


def take(command: str) -> int:
    """How many runs a command stands for; raises EdtError where any of them would be refused."""
    _, script, *options = shlex.split(command, comments=True)
    configs = (_runs if script == "run.py" else _cells)(options)
    for config in configs:
        check(config)
    return len(configs)


def _runs(options: Sequence[str]) -> list[Config]:
    """With -m as many as an option has values, each of which is in one."""
    if unknown := [option for option in options if option.startswith("-") and option not in FLAGS]:
        raise EdtError(f"there is no flag {unknown[0]!r}")
    plain = [option for option in options if option not in FLAGS]
    if "-m" not in options:
        return compose_all([plain])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
        values = [_values(override) for override in parser.parse_overrides(for_hydra(plain))]
    return compose_all([[of[n % len(of)] for of in values] for n in range(max(map(len, values)))])


def _values(override: Override) -> list[str]:
    if not override.is_sweep_override():
        return [str(override.input_line)]
    found = [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
    assert found, f"{override.input_line} has no value"
    return found


def _cells(options: Sequence[str]) -> list[Config]:
    Request.read(options)
    return _composed(tuple(option for option in options if not option.startswith(("action=", "jobs="))))


@cache
def _composed(options: tuple[str, ...]) -> list[Config]:
    request = Request.read(options)
    return compose_cells(cells_of(request.table, request.spec()), request.overrides, config_dir=None)


def test_readme_shows_commands_of_both_kinds():
    kinds = [command.split()[1] for command in shown("README.md")]
    assert kinds.count("run.py") > 8
    assert kinds.count("sweep.py") > 3


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_shown_is_taken(command):
    assert take(command) >= 1


@pytest.mark.parametrize(
    ("command", "runs"),
    [
        ("python run.py -m 'task=glob(pocket_*)' scale=88,264 method=edt", 7),
        ("python run.py seed=1 # a remark", 1),
        ("python sweep.py table=main tasks=pocket_vqa scales=88 seeds=0 methods=edt,random", 2),
    ],
)
def test_every_value_of_a_multirun_is_in_one_of_its_runs(command, runs):
    assert take(command) == runs


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("python run.py task=pocket_vqa methid=random", "no option 'methid'; did you mean 'method'"),
        ("python run.py task=pocket_vq", "no task called 'pocket_vq'"),
        ("python run.py teacher=gpt_4o_mini teacher.max_us=1", "teacher has no option 'max_us'"),
        ("python run.py budget.ronds=1", "no option 'budget.ronds'"),
        ("python run.py --hlep", "no flag '--hlep'"),
        ("python run.py method=edt,random", "method= is given several values; name one, or add -m"),
        ("python run.py -m method=random,eddt seed=0", "no method called 'eddt'"),
        ("python sweep.py table=mian action=plan", "no table 'mian'"),
        ("python sweep.py table=main acton=plan", "no option 'acton'"),
        ("python sweep.py table=main action=pln", "action must be one of"),
        ("python sweep.py table=main tasks=pocket_vq", "no task called 'pocket_vq'"),
        ("python sweep.py table=main methods=eddt", "has no method 'eddt'"),
        ("python sweep.py table=main tasks=pocket_vqa scales=89", "no scale called '89'"),
        ("python sweep.py table=main tasks=pocket_vqa tuner.epoch=3", "tuner has no option 'epoch'"),
    ],
)
def test_a_mistyped_one_is_not(command, message):
    with pytest.raises(EdtError, match=message):
        take(command)
