from pathlib import Path

import pytest

from tests.students.tiny import build


@pytest.fixture(scope="session")
def pocket(tmp_path_factory) -> Path:
    """Read-only for tests: a tiny pocket student on disk."""
    return build(tmp_path_factory.mktemp("pocket"))
