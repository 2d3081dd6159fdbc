"""The one error that a user is meant to read."""

from __future__ import annotations


class EdtError(Exception):
    """Something a user can mend. The message names the thing, the value and the way out."""
