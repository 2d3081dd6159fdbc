"""How a cell ended, as its exit code and what it left in its folder tell."""

import signal

import pytest

from edt.cli import FAILED
from edt.sweep.run import reason_of


@pytest.mark.parametrize(
    ("last", "code", "reason"),
    [
        ("error: no such task; name another", FAILED, "no such task; name another"),
        ("error: " + "x" * 500, FAILED, "x" * 500),
        ("error: " + "x" * 140_000, FAILED, "x" * 499 + "…"),
        ("y" * 140_000, 7, "exit code 7: " + "y" * 200),
        ("", 7, "exit code 7; see log.txt"),
        ("error: said before", -signal.SIGKILL, "killed by SIGKILL; see log.txt"),
    ],
)
def test_why_a_run_failed_is_said_in_a_sentence_that_fits_a_line(tmp_path, last, code, reason):
    (tmp_path / "log.txt").write_text(f"before\n{last}\n" if last else "")
    assert reason_of(tmp_path / "log.txt", code) == reason
