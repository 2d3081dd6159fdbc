from pathlib import Path

import pytest

from tests.selection.tiny_encoder import save_tiny_encoder
from tests.students.tiny import build


@pytest.fixture(scope="session")
def encoder(tmp_path_factory) -> Path:
    """Read-only for tests: a tiny sentence encoder on disk."""
    return save_tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def pocket(tmp_path_factory) -> Path:
    """Read-only for tests: a tiny pocket student on disk."""
    return build(tmp_path_factory.mktemp("pocket"))
