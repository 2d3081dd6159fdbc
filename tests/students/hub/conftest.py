from pathlib import Path

import pytest

from tests.students.hub.tiny import TINY, pictures, save


@pytest.fixture(scope="session")
def hub(tmp_path_factory) -> Path:
    """Read-only for tests: pictures, and a tiny checkpoint of every family in a folder of its name."""
    root = pictures(tmp_path_factory.mktemp("hub"))
    for name, recipe in TINY.items():
        save(recipe, root / name)
    return root
