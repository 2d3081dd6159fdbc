"""The inner loop of `postings`, compiled by numba. Knows arrays only.

Importing this file costs what importing numba costs; the compiled code is kept
beside it (or in the user's cache), so that only the first use ever compiles.
Nothing here may reorder floats: no fastmath, sums in the order of the words.
"""
# pyright: reportIndexIssue=false, reportArgumentType=false

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def best(starts, texts, impacts, words, firsts, members, top_k):
    """Positions and scores, in no order, of the best `top_k` samples by (score descending, position ascending).

    Only positive scores count.  The arrays are those of `Postings`.
    """
    scores = np.zeros(len(firsts) - 1, np.float64)
    for word in words:
        low, high = starts[word], starts[word + 1]
        of, adds = texts[low:high], impacts[low:high]
        for place in range(len(of)):
            scores[of[place]] += adds[place]
    return _collected(scores, _cut(scores, firsts, top_k), firsts, members, top_k)


@njit(cache=True, nogil=True)
def _cut(scores, firsts, top_k):
    """The score of the `top_k`-th sample; 0 where fewer have a positive one.

    A heap of texts, the worst on top, that drops it while the others have samples enough.
    """
    heap, of, size, samples, bar = np.empty(top_k + 1, np.float64), np.empty(top_k + 1, np.int64), 0, 0, 0.0
    for text in range(len(scores)):
        score = scores[text]
        if score <= bar:
            continue
        _push(heap, of, size, score, firsts[text + 1] - firsts[text])
        size, samples = size + 1, samples + firsts[text + 1] - firsts[text]
        while samples - of[0] >= top_k:
            size, samples = size - 1, samples - of[0]
            _sink(heap, of, size, heap[size], of[size])
        if samples >= top_k:
            bar = heap[0]
    return bar


@njit(cache=True, nogil=True)
def _collected(scores, cut, firsts, members, top_k):
    """All samples above the cut, and of those that stand at it as many as are wanted, by position."""
    kept, of, size = np.empty(top_k, np.int64), np.empty(top_k, np.float64), 0
    for text in range(len(scores)):
        if scores[text] > cut:
            for place in range(firsts[text], firsts[text + 1]):
                kept[size], of[size] = members[place], scores[text]
                size += 1
    if cut == 0.0:
        return kept[:size], of[:size]
    wanted, held = top_k - size, 0
    heap, unused = np.empty(wanted, np.float64), np.empty(wanted, np.int64)  # negative positions, the last one on top
    for text in range(len(scores)):
        if scores[text] != cut:
            continue
        if held == wanted and members[firsts[text]] > -heap[0]:
            break  # texts stand by their first sample: none of the others comes earlier
        for place in range(firsts[text], firsts[text + 1]):
            if held < wanted:
                _push(heap, unused, held, -members[place], 0)
                held += 1
            elif members[place] < -heap[0]:
                _sink(heap, unused, held, -members[place], 0)
            else:
                break
    for place in range(held):
        kept[size], of[size] = -heap[place], cut
        size += 1
    return kept[:size], of[:size]


@njit(cache=True, nogil=True)
def _push(heap, beside, size, value, extra):
    """Add to a heap of `size` values, the smallest on top; `beside` moves with them."""
    at = size
    while at > 0 and value < heap[(at - 1) >> 1]:
        heap[at], beside[at] = heap[(at - 1) >> 1], beside[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at], beside[at] = value, extra


@njit(cache=True, nogil=True)
def _sink(heap, beside, size, value, extra):
    """Put another value in the place of the smallest of a heap of `size`."""
    at, below = 0, 1
    while below < size:
        if below + 1 < size and heap[below + 1] < heap[below]:
            below += 1
        if heap[below] >= value:
            break
        heap[at], beside[at] = heap[below], beside[below]
        at, below = below, 2 * below + 1
    heap[at], beside[at] = value, extra
