"""Runs of the harness over fakes, in this process or in one of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from edt.build import Builder
from edt.experiment import Finished, compose, perform

ROOT = Path(__file__).resolve().parent.parent
FAKE_CONF = ROOT / "tests" / "conf"
GROUPS = ("task", "student", "supporting", "tuner", "identifier", "analyst")
FAKES = [*(f"{group}=fake" for group in GROUPS), "tracker=local"]


def run_here(tmp_path: Path, *overrides: str, name: str = "run", builder: Builder | None = None) -> Finished:
    """One experiment with fakes, its store and files under `tmp_path`."""
    config = compose([*FAKES, f"store.root={tmp_path / 'store'}", *overrides], config_dir=FAKE_CONF)
    return perform(config, tmp_path / name, builder=builder)


def command(tmp_path: Path, *arguments: str, name: str = "run") -> list[str]:
    """`python run.py` with fakes."""
    places = [f"store.root={tmp_path / 'store'}", f"hydra.run.dir={tmp_path / name}"]
    return [sys.executable, "run.py", "--config-dir", str(FAKE_CONF), *FAKES, *places, *arguments]


def start(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        arguments, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )


def run_apart(arguments: list[str], *, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, cwd=ROOT, text=True, capture_output=True, timeout=timeout, env=environment(), check=False
    )


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("HYDRA_FULL_ERROR", "WANDB_API_KEY")}
    return {**kept, "PYTHONPATH": str(ROOT), "WANDB_MODE": "offline"}
