"""Rows in order: by insertion where they are short, else by merging runs; NaN last, or first where it descends."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ragged.rows import Rows
from ragged_numba._access import get, put
from ragged_numba._compiling import kernel
from ragged_numba._paths import LINE, cuts_of
from ragged_numba._threads import share
from ragged_numpy import _kernels, _sorting
from ragged_numpy._memory import empty

__all__ = ["LONG", "argsort", "sort"]

MERGED = 2048
"""Elements of a row up to which runs are merged: longer ones are NumPy's."""
RUN = 24
"""Elements that are put in order by insertion."""
LONG = 32
"""Elements a row, on average, from which on NumPy sorts, whose vectors are many numbers at once."""
NONE = np.empty(0, np.int64)


@njit(nogil=True)
def precedes(x: Any, y: Any, descending: bool) -> Any:
    """Whether `x` must stand before `y`."""
    if descending:
        return (x > y) | ((x != x) & (y == y))
    return (x < y) | ((y != y) & (x == x))


@njit(nogil=True)
def insert(x: Any, places: Any, begin: int, end: int, descending: bool) -> None:
    """Numbers put in order, and their places with them, if any are given."""
    carried = places.shape[0] > 0
    for j in range(begin + 1, end):
        value, k = get(x, j), j
        place = get(places, j) if carried else 0
        while k > begin and precedes(value, get(x, k - 1), descending):
            put(x, k, get(x, k - 1))
            if carried:
                put(places, k, get(places, k - 1))
            k -= 1
        put(x, k, value)
        if carried:
            put(places, k, place)


@njit(nogil=True)
def merge(x: Any, places: Any, begin: int, end: int, descending: bool) -> None:
    """The same of many numbers: runs of them are put in order and merged, two and two."""
    for low in range(begin, end, RUN):
        insert(x, places, low, min(low + RUN, end), descending)
    carried = places.shape[0] > 0
    values, kept = np.empty(end - begin, x.dtype), np.empty(end - begin if carried else 0, np.int64)
    run = RUN
    while run < end - begin:
        for low in range(begin, end - run, 2 * run):
            middle, high = low + run, min(low + 2 * run, end)
            values[: middle - low] = x[low:middle]
            if carried:
                kept[: middle - low] = places[low:middle]
            i, j, k = 0, middle, low
            while i < middle - low:
                second = j < high and precedes(get(x, j), get(values, i), descending)
                put(x, k, get(x, j) if second else get(values, i))
                if carried:
                    put(places, k, get(places, j) if second else get(kept, i))
                i, j, k = i + (not second), j + second, k + 1
        run *= 2


@kernel("nniiXIb")
def sort_rows(first: int, last: int, cuts: Any, offsets: Any, x: Any, places: Any, descending: bool) -> None:
    """Each row put in order, and the places of its elements with them, if any are given."""
    for piece in range(first, last):
        for i in range(cuts[piece], cuts[piece + 1]):
            begin, end = offsets[i], offsets[i + 1]
            if end - begin <= RUN:
                insert(x, places, begin, end, descending)
            elif end - begin <= MERGED:
                merge(x, places, begin, end, descending)


def in_order(x: Any, rows: Rows, places: Any, descending: bool) -> Any:
    """A copy of `x` with each row in order; or, if places are given, those (the copy is then of use to nobody)."""
    cuts, out = cuts_of(rows), empty(x.shape, x.dtype)
    out[...] = x
    share(sort_rows[x.dtype], len(cuts) - 1, cuts, rows.offsets, out, places, descending)
    if rows.longest > MERGED:
        for i in np.flatnonzero(rows.lengths > MERGED):
            here = slice(rows.offsets[i], rows.offsets[i + 1])
            alone = Rows.regular(rows.ops, 1, int(rows.lengths[i]))
            if places.shape[0]:
                places[here] = _kernels.argsort(x[here], alone, descending) + here.start
            else:
                out[here] = _sorting.sort(x[here], alone, descending)
    return out


def sort(x: Any, rows: Rows, descending: bool) -> Any:
    """The values of each row in the order of `argsort`."""
    return in_order(x, rows, NONE, descending)


def argsort(x: Any, rows: Rows, descending: bool) -> Any:
    """Stable order of each row, as positions in `x`."""
    places = empty(x.shape, LINE)
    places[...] = np.arange(x.shape[0])
    in_order(x, rows, places, descending)
    return places
