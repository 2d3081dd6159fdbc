"""When progress is shown: asked for, and there is a terminal to show it on."""

from __future__ import annotations

import sys


def bar_shown(asked: bool) -> bool:
    return asked and sys.stdout.isatty()
