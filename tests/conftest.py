"""Settings for all tests."""

import signal

import pytest
from hypothesis import settings

from edt.browser import Browser

# A shell that starts the tests in the background lets them ignore Ctrl-C, and so would every process they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("edt", deadline=None)  # a busy machine is no failure
settings.load_profile("edt")


@pytest.fixture(scope="session")
def browser():
    """One for all tests, started by the first that asks for it."""
    with Browser() as started:
        yield started
