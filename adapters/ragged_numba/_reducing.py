"""One value for each row, in one pass over the elements.

Short rows are never looped over one by one, as no processor guesses where they end: 256 of them at a time, one loop
without branches adds each element to its row, whose number was written next to it (eight times over, for the next row
to write over). All that stays in the cache.

The pass is cut into pieces of so many elements and rows (see `_paths`), also within a long row: what a piece has seen
of a row that it does not finish is in `carried`, and joins the row at the end, in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from ragged_numba._access import get, put
from ragged_numba._compiling import kernel
from ragged_numba._paths import GRAIN, cuts_of
from ragged_numba._threads import share
from ragged_numpy._memory import empty

if TYPE_CHECKING:
    from ragged.rows import Rows

__all__ = ["SHORT", "arg_extrema", "extrema", "sums"]

BLOCK = 256
"""Rows whose sums are taken together where they are short."""
SHORT = 16
"""Elements a row, on average, up to which rows are short."""
PART = 4096
"""Elements of a long row whose sums are taken at once: rounding errors stay small."""
WIDE = {np.dtype("float32"): np.dtype("float64"), np.dtype("uint8"): np.dtype("int64")}
"""What sums of a dtype are taken in."""


@njit(nogil=True)
def number(ids: Any, offsets: Any, row: int, stop_row: int, begin: int) -> None:
    """For each element from `begin` on the number of its row, counted from `row`."""
    at = 0
    for k in range(stop_row - row):
        end = get(offsets, row + k + 1) - begin
        for j in range(8):
            put(ids, at + j, k)
        for j in range(at + 8, end):
            put(ids, j, k)
        at = end


@njit(nogil=True)
def short_sums(ids: Any, offsets: Any, row: int, stop_row: int, begin: int, x: Any, at: int, sums: Any) -> None:
    """The sums of short rows, whose elements from number `begin` on stand in `x` from `at` on."""
    number(ids, offsets, row, stop_row, begin)
    sums[: stop_row - row] = 0
    for j in range(offsets[stop_row] - begin):
        k = get(ids, j)
        put(sums, k, get(sums, k) + get(x, at + j))


@njit(nogil=True)
def long_sum(x: Any, begin: int, end: int, zero: Any) -> Any:
    """The sum of many elements, eight at a time."""
    total = zero
    for low in range(begin, end, PART):
        high = min(low + PART, end)
        a = b = c = d = e = f = g = h = zero
        even = high - (high - low) % 8
        for j in range(low, even, 8):
            a += get(x, j)
            b += get(x, j + 1)
            c += get(x, j + 2)
            d += get(x, j + 3)
            e += get(x, j + 4)
            f += get(x, j + 5)
            g += get(x, j + 6)
            h += get(x, j + 7)
        for j in range(even, high):
            a += get(x, j)
        total += ((a + b) + (c + d)) + ((e + f) + (g + h))
    return total


@kernel("nniixSW")
def row_sums(first: int, last: int, cuts: Any, offsets: Any, x: Any, out: Any, carried: Any) -> None:
    """The sum of each row."""
    n, nrows = x.shape[0], offsets.shape[0] - 1
    ids, sums = np.empty(SHORT * BLOCK + 8, np.uint8), np.empty(BLOCK, carried.dtype)
    zero = carried.dtype.type(0)
    for piece in range(first, last):
        row, end_row = cuts[piece], cuts[piece + 1]
        begin = piece * GRAIN - row
        while row < end_row:
            stop_row = min(row + BLOCK, end_row)
            end = offsets[stop_row]
            if end - begin <= SHORT * (stop_row - row):
                short_sums(ids, offsets, row, stop_row, begin, x, begin, sums)
                for k in range(stop_row - row):
                    out[row + k] = sums[k]
            else:
                for i in range(row, stop_row):
                    out[i] = long_sum(x, begin, offsets[i + 1], zero)
                    begin = offsets[i + 1]
            row, begin = stop_row, end
        carried[piece] = long_sum(x, begin, min((piece + 1) * GRAIN, n + nrows) - end_row, zero)


def sums(x: Any, rows: Rows) -> Any:
    """The sum of each row: of single precision taken in double; of bytes, which are counted, given in 64 bits."""
    cuts, wide = cuts_of(rows), WIDE.get(x.dtype, x.dtype)
    out = empty((rows.nrows,), wide if x.dtype.kind == "u" else x.dtype)
    carried = np.zeros(len(cuts) - 1, wide)
    share(row_sums[x.dtype], len(carried), cuts, rows.offsets, x, out, carried)
    for piece in unfinished(cuts, rows):
        out[cuts[piece + 1]] += carried[piece]
    return out


def unfinished(cuts: Any, rows: Rows) -> list[int]:
    """The pieces that end within a row."""
    ends = cuts[1:-1].tolist()
    return [piece for piece, row in enumerate(ends) if GRAIN * (piece + 1) - row > rows.offsets[row]]


@njit(nogil=True)
def larger(x: Any, y: Any) -> Any:
    """The larger of two; NaN wins."""
    return x if (x > y) | (x != x) else y


@njit(nogil=True)
def smaller(x: Any, y: Any) -> Any:
    """The smaller of two; NaN wins."""
    return x if (x < y) | (x != x) else y


@njit(nogil=True)
def largest_of(x: Any, begin: int, end: int, least: Any) -> Any:
    """The maximum of many elements, four at a time."""
    a = b = c = d = least
    even = end - (end - begin) % 4
    for j in range(begin, even, 4):
        a, b = larger(get(x, j), a), larger(get(x, j + 1), b)
        c, d = larger(get(x, j + 2), c), larger(get(x, j + 3), d)
    for j in range(even, end):
        a = larger(get(x, j), a)
    return larger(larger(a, b), larger(c, d))


@njit(nogil=True)
def smallest_of(x: Any, begin: int, end: int, least: Any) -> Any:
    """The minimum of many elements, four at a time."""
    a = b = c = d = least
    even = end - (end - begin) % 4
    for j in range(begin, even, 4):
        a, b, c, d = (
            smaller(get(x, j), a),
            smaller(get(x, j + 1), b),
            smaller(get(x, j + 2), c),
            smaller(get(x, j + 3), d),
        )
    for j in range(even, end):
        a = smaller(get(x, j), a)
    return smaller(smaller(a, b), smaller(c, d))


@njit(nogil=True)
def extremum_of(x: Any, begin: int, end: int, least: Any, largest: bool) -> Any:
    """The maximum (or minimum) of many elements."""
    return largest_of(x, begin, end, least) if largest else smallest_of(x, begin, end, least)


@njit(nogil=True)
def short_extrema(
    ids: Any, offsets: Any, row: int, stop_row: int, begin: int, x: Any, at: int, best: Any, least: Any, largest: bool
) -> None:
    """The maxima (or minima) of short rows, whose elements from number `begin` on stand in `x` from `at` on."""
    number(ids, offsets, row, stop_row, begin)
    best[: stop_row - row] = least
    if largest:
        for j in range(offsets[stop_row] - begin):
            k = get(ids, j)
            put(best, k, larger(get(x, at + j), get(best, k)))
    else:
        for j in range(offsets[stop_row] - begin):
            k = get(ids, j)
            put(best, k, smaller(get(x, at + j), get(best, k)))


@kernel("nniixXXvb")
def row_extrema(
    first: int,
    last: int,
    cuts: Any,
    offsets: Any,
    x: Any,
    out: Any,
    carried: Any,
    least: Any,
    largest: bool,
) -> None:
    """The maximum (or minimum) of each row."""
    n, nrows = x.shape[0], offsets.shape[0] - 1
    ids, best = np.empty(SHORT * BLOCK + 8, np.uint8), np.empty(BLOCK, x.dtype)
    for piece in range(first, last):
        row, end_row = cuts[piece], cuts[piece + 1]
        begin = piece * GRAIN - row
        while row < end_row:
            stop_row = min(row + BLOCK, end_row)
            end = offsets[stop_row]
            if end - begin <= SHORT * (stop_row - row):
                short_extrema(ids, offsets, row, stop_row, begin, x, begin, best, least, largest)
                out[row:stop_row] = best[: stop_row - row]
            else:
                for i in range(row, stop_row):
                    stop = offsets[i + 1]
                    out[i] = extremum_of(x, begin, stop, least, largest)
                    begin = stop
            row, begin = stop_row, end
        stop = min((piece + 1) * GRAIN, n + nrows) - end_row
        carried[piece] = extremum_of(x, begin, stop, least, largest)


def extrema(x: Any, rows: Rows, identity: Any, least: Any, largest: bool) -> Any:
    """The maximum (or minimum) of each row, `identity` where it is empty; `least` is what never wins."""
    cuts = cuts_of(rows)
    out = empty((rows.nrows,), x.dtype)
    carried = np.empty(len(cuts) - 1, x.dtype)
    share(row_extrema[x.dtype], len(carried), cuts, rows.offsets, x, out, carried, least, largest)
    choose = np.maximum if largest else np.minimum
    for piece in unfinished(cuts, rows):
        out[cuts[piece + 1]] = choose(out[cuts[piece + 1]], carried[piece])
    if identity != least:
        out[np.flatnonzero(rows.lengths == 0)] = identity
    return out


@njit(nogil=True)
def beats(x: Any, y: Any, largest: bool) -> Any:
    """Whether `x`, which comes later, is larger (or smaller) than `y`; NaN wins over numbers."""
    return ((x > y) & largest) | ((x < y) & (not largest)) | ((x != x) & (y == y))


@njit(nogil=True)
def first_best(x: Any, begin: int, end: int, largest: bool) -> int:
    """Where the first maximum (or minimum) of many elements is; -1 if there are none."""
    if begin >= end:
        return -1
    where = begin
    for j in range(begin + 1, end):
        if beats(get(x, j), get(x, where), largest):
            where = j
    return where


@kernel("nniixIIXb")
def row_arg_extrema(
    first: int, last: int, cuts: Any, offsets: Any, x: Any, out: Any, carried: Any, values: Any, largest: bool
) -> None:
    """Where each row has its first maximum (or minimum), -1 where it is empty; `values` are those at the carried."""
    n, nrows = x.shape[0], offsets.shape[0] - 1
    for piece in range(first, last):
        end_row = cuts[piece + 1]
        begin = piece * GRAIN - cuts[piece]
        for i in range(cuts[piece], end_row):
            out[i] = first_best(x, begin, offsets[i + 1], largest)
            begin = offsets[i + 1]
        carried[piece] = first_best(x, begin, min((piece + 1) * GRAIN, n + nrows) - end_row, largest)
        values[piece] = x[max(carried[piece], 0)]


def arg_extrema(x: Any, rows: Rows, largest: bool) -> Any:
    """Where each row has its first maximum (or minimum); 0 where it is empty."""
    cuts = cuts_of(rows)
    out, carried = empty((rows.nrows,), np.dtype(np.int64)), np.empty(len(cuts) - 1, np.int64)
    values = np.empty(len(carried), x.dtype)
    share(row_arg_extrema[x.dtype], len(carried), cuts, rows.offsets, x, out, carried, values, largest)
    for piece in unfinished(cuts, rows)[::-1]:  # what comes later wins only if it is better
        row = cuts[piece + 1]
        if out[row] < 0 or not beats.py_func(x[out[row]], values[piece], largest):
            out[row] = carried[piece]
    return np.maximum(out, 0, out=out)
