from pathlib import Path

import pytest

from tests.teachers.tiny import save_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny"))
