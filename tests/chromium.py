"""Tests that need a browser are skipped where there is none; the fixture `browser` is in conftest.py."""

import pytest

from edt.browser import find_chromium

in_chromium = pytest.mark.skipif(find_chromium() is None, reason="needs chromium (Debian: chromium)")
