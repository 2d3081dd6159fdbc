"""A length of time in words."""


def clock(seconds: float) -> str:
    """`80 s`, `12 min`, `3.4 h`: as exact as a reader needs."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
