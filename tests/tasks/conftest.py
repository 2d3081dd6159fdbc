import pytest


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """A cache and a data folder of the test's own."""
    monkeypatch.setenv("EDT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EDT_DATA", str(tmp_path / "data"))
