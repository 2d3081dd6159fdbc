"""A progress bar on the error stream, for work that asks a teacher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[], None]]:
    """The bar, and what moves it on by one; none for a single item."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=total < 2) as shown:
        task = shown.add_task(what, total=total)
        yield lambda: shown.advance(task)
