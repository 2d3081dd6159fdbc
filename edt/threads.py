"""Independent pieces of model work side by side, one core each. Knows threads, not what the work is.

Small models make small products: two cores that each do a piece of their own
are ahead of two cores that share every product and wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

T = TypeVar("T")


class Halted(Exception):
    """Raised by a piece of work that saw that its result is not wanted any more."""


def side_by_side(work: Sequence[Callable[[Event], T]]) -> list[T]:
    """What the pieces come to, in order; as many at a time as torch may use threads.

    Each is called with an event that is set once another one has failed or the
    user has interrupted: a long piece looks at it now and then, and raises Halted.
    """
    import torch

    stop, cores = Event(), torch.get_num_threads()
    if cores == 1 or len(work) < 2:
        return [piece(stop) for piece in work]
    pool = ThreadPoolExecutor(min(cores, len(work)), initializer=torch.set_num_threads, initargs=(1,))
    try:
        futures = [pool.submit(piece, stop) for piece in work]
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        if failed := [error for future in done if (error := future.exception())]:
            raise failed[0]
        return [future.result() for future in futures]
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(cores)  # a worker's own setting is what new threads would begin with
