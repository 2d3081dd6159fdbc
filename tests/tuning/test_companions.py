"""The other processes of a training: real ones, given jobs that end badly or not in time."""

import logging

import pytest

from edt.errors import EdtError
from edt.tuning import companions as them
from edt.tuning.companions import companions


def test_a_companion_that_does_not_end_is_ended_with_a_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(them, "PATIENCE", 0.0)
    caplog.set_level(logging.WARNING, logger="edt")
    with companions({}, devices=2, folder=tmp_path):
        pass
    assert "hangs after training is over, and is ended" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_companion_that_fails_is_said(tmp_path):
    with (
        pytest.raises(EdtError, match="1 of 2 training processes failed"),
        companions({}, devices=2, folder=tmp_path),
    ):
        pass
