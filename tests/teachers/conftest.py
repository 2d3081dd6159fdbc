from pathlib import Path

import pytest
import respx

from tests.teachers.tiny import save_tiny
from tests.teachers.wire import CHAT, KEY


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def wire(monkeypatch):
    """The endpoint's chat, to be answered by the test, and a key for it."""
    monkeypatch.setenv("TEACHER_KEY", KEY)
    with respx.mock(assert_all_called=False) as router:
        yield router.post(CHAT)
