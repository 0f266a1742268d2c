"""One value for each group of elements that stand anywhere: columns, repeated indices, the adjoint of a gather."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged_numba._access import get, prefetch, put
from ragged_numba._compiling import kernel
from ragged_numba._paths import GRAIN
from ragged_numba._reducing import WIDE, larger, smaller
from ragged_numba._threads import share

if TYPE_CHECKING:
    from ragged.rows import Segments

__all__ = ["group_extrema", "group_sums"]

AHEAD = 16
"""Elements by which memory is asked for a group that may be anywhere."""
APART = 64
"""Elements a group from which on several sums of each are begun, which threads share."""
MOST = 16
"""Sums of each group that are begun at most."""


@kernel("nnixnW")
def add_groups(first: int, last: int, ids: Any, x: Any, size: int, sums: Any) -> None:
    """Adds elements to the sums of their groups; each of so many parts of the elements has sums of its own."""
    n, parts = x.shape[0], sums.shape[0] // size
    for part in range(first, last):
        begin, end = n * part // parts, n * (part + 1) // parts
        base = part * size
        for j in range(begin, end):
            prefetch(sums, base + get(ids, min(j + AHEAD, n - 1)))
            k = base + get(ids, j)
            put(sums, k, get(sums, k) + get(x, j))


def group_sums(x: Any, segments: Segments) -> Any:
    """The sum of each group; an id equal to their number is dropped."""
    n, nrows = x.shape[0], segments.nrows
    parts = max(1, min(MOST, n // GRAIN, n // (APART * (nrows + 1))))
    sums = np.zeros(parts * (nrows + 1), WIDE.get(x.dtype, x.dtype))
    share(add_groups[x.dtype], parts, segments.ids, x, nrows + 1, sums)
    total = sums.reshape(parts, -1)[:, :nrows]
    return (total.sum(axis=0) if parts > 1 else total[0]).astype(x.dtype, copy=False)


@kernel("nnixXb")
def raise_groups(first: int, last: int, ids: Any, x: Any, best: Any, largest: bool) -> None:
    """Puts the maximum (or minimum) of each group and what stands there in its place."""
    n = x.shape[0]
    for j in range(first, last):
        prefetch(best, get(ids, min(j + AHEAD, n - 1)))
        k = get(ids, j)
        put(best, k, larger(get(x, j), get(best, k)) if largest else smaller(get(x, j), get(best, k)))


def group_extrema(x: Any, segments: Segments, identity: Any, largest: bool) -> Any:
    """The maximum (or minimum) of each group and `identity`; an id equal to their number is dropped."""
    best = np.full(segments.nrows + 1, identity, x.dtype)
    raise_groups[x.dtype](0, x.shape[0], segments.ids, x, best, largest)
    return best[:-1]
