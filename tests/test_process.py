"""How a process of ours is stopped."""

import signal
import subprocess
import sys
import time

import pytest

from tests.harness import ROOT, environment, run_apart

SCRIPT = """
import os, signal, sys, time
from edt.cli import say_errors
from edt.process import prepare_process

def main():
    {body}
    time.sleep(60)
    print("nobody stopped it")

prepare_process()
sys.exit(say_errors(main))
"""
SELF = "os.kill(os.getpid(), signal.{name})"
ENDS = [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "stopped by SIGTERM")]


def script(place, body):
    (place / "script.py").write_text(SCRIPT.format(body=body))
    return [sys.executable, str(place / "script.py")]


@pytest.mark.parametrize(("name", "code", "words"), ENDS)
def test_a_signal_is_one_sentence_and_an_exit_code(tmp_path, name, code, words):
    done = run_apart(script(tmp_path, SELF.format(name=name)))
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == f"{words}; the same command goes on from the last finished stage\n"


@pytest.mark.parametrize(("name", "code", "words"), ENDS)
def test_an_import_comes_to_its_end_first(tmp_path, name, code, words):
    """A library that tries what it can import must not take the signal for an answer."""
    ask = SELF.format(name=name)
    lines = ["import os, signal", "try:", f"    {ask}", "    import json", "except BaseException:", "    pass"]
    (tmp_path / "library.py").write_text("\n".join([*lines, "print('imported')"]))
    done = run_apart(script(tmp_path, "import library"))
    assert (done.returncode, done.stdout) == (code, "imported\n")
    assert done.stderr.startswith(words)
    assert done.stderr.count("\n") == 1


def test_a_second_signal_ends_an_import_at_once(tmp_path):
    asks = [SELF.format(name=name) for name in ("SIGTERM", "SIGINT")]
    (tmp_path / "library.py").write_text("\n".join(["import os, signal", *asks, "print('imported')"]))
    done = run_apart(script(tmp_path, "import library"))
    assert (done.returncode, done.stdout) == (143, "")
    assert done.stderr == "stopped by SIGTERM; the same command goes on from the last finished stage\n"


@pytest.mark.parametrize(("name", "code", "words"), ENDS)
def test_a_signal_that_falls_into_a_callback_is_not_lost(tmp_path, name, code, words):
    kind = f"type('Odd', (), {{'__del__': lambda self: {SELF.format(name=name)}}})"
    done = run_apart(script(tmp_path, f"{kind}()"))
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(words)
    assert done.stderr.count("\n") == 1


def test_a_sigterm_does_not_disturb_the_cleaning_up(tmp_path):
    ask = SELF.format(name="SIGTERM")
    done = run_apart(script(tmp_path, f"try: {ask}\n    finally: {ask}; print('clean')"))
    assert (done.returncode, done.stdout) == (143, "clean\n")


def test_a_command_in_the_background_is_deaf_to_ctrl_c_but_not_to_a_scheduler(tmp_path):
    process = subprocess.Popen(
        script(tmp_path, "print('here', flush=True)"),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN) and None,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said.count("\n")) == (143, 1)
