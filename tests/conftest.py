"""Settings for all tests."""

import signal

from hypothesis import settings

# A shell that starts the tests in the background lets them ignore Ctrl-C, and so would every process they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("edt", deadline=None)  # a busy machine is no failure
settings.load_profile("edt")
