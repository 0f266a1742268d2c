"""Compiled loops over the rows of one block, whose elements come from position `start` on: rows' sums and extrema, and
rows' entries for their elements. The passes over everything are in `_reducing` and `_moving`, in the same manner.

There are forms for `float64` and `int64` (and the extrema of bytes); other dtypes go through them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ragged._segments import least
from ragged_numba._access import get, put
from ragged_numba._compiling import is_plain, kernel
from ragged_numba._reducing import BLOCK, SHORT, extremum_of, long_sum, short_extrema, short_sums

__all__ = ["BITS", "expand_rows", "extreme_rows", "is_extremal", "is_movable", "is_summable", "sum_rows", "take_rows"]

BITS = {size: np.dtype(f"uint{8 * size}") for size in (1, 2, 4, 8)}
"""The dtype that content of a size is moved as."""


@kernel("inxX")
def sums_of_rows(offsets: Any, start: int, x: Any, out: Any) -> None:
    """The sum of each row."""
    ids, sums, zero = np.empty(SHORT * BLOCK + 8, np.uint8), np.empty(BLOCK, x.dtype), x.dtype.type(0)
    begin, nrows = 0, out.shape[0]
    for row in range(0, nrows, BLOCK):
        stop_row = min(row + BLOCK, nrows)
        end = offsets[stop_row] - start
        if end - begin <= SHORT * (stop_row - row):
            short_sums(ids, offsets, row, stop_row, begin + start, x, begin, sums)
            for k in range(stop_row - row):
                out[row + k] = sums[k]
        else:
            for i in range(row, stop_row):
                out[i] = long_sum(x, offsets[i] - start, offsets[i + 1] - start, zero)
        begin = end


@kernel("inxXvvb")
def extrema_of_rows(offsets: Any, start: int, x: Any, out: Any, identity: Any, least: Any, largest: bool) -> None:
    """The maximum (or minimum) of each row, `identity` where it is empty; `least` is what never wins."""
    ids, best = np.empty(SHORT * BLOCK + 8, np.uint8), np.empty(BLOCK, x.dtype)
    begin, nrows = 0, out.shape[0]
    for row in range(0, nrows, BLOCK):
        stop_row = min(row + BLOCK, nrows)
        end = offsets[stop_row] - start
        if end - begin <= SHORT * (stop_row - row):
            short_extrema(ids, offsets, row, stop_row, begin + start, x, begin, best, least, largest)
            for k in range(stop_row - row):
                out[row + k] = best[k]
        else:
            for i in range(row, stop_row):
                out[i] = extremum_of(x, offsets[i] - start, offsets[i + 1] - start, least, largest)
        begin = end
    if identity != least:
        for i in range(nrows):
            out[i] = identity if offsets[i] == offsets[i + 1] else out[i]


@kernel("inxX")
def entries_of_rows(offsets: Any, start: int, x: Any, out: Any) -> None:
    """Each row's entry for each of its elements: of a short row eight are written, the next row's over them."""
    begin, n = 0, out.shape[0]
    for i in range(x.shape[0]):
        end, value = get(offsets, i + 1) - start, get(x, i)
        if end - begin <= 8 and begin + 8 <= n:
            for j in range(8):
                put(out, begin + j, value)
        else:
            for j in range(begin, end):
                put(out, j, value)
        begin = end


@kernel("inxinX")
def elements_of_ranges(offsets: Any, start: int, x: Any, starts: Any, step: int, out: Any) -> None:
    """For each row what stands in `x` from its entry of `starts` on, in steps; of a short row eight are looked at."""
    begin, n = 0, out.shape[0]
    for i in range(starts.shape[0]):
        end, at = get(offsets, i + 1) - start, get(starts, i)
        if end - begin <= 8 and begin + 8 <= n and min(at, at + 7 * step) >= 0 and max(at, at + 7 * step) < x.shape[0]:
            for j in range(8):
                put(out, begin + j, get(x, at + j * step))
        else:
            for j in range(begin, end):
                put(out, j, get(x, at + (j - begin) * step))
        begin = end


def is_summable(dtype: np.dtype[Any]) -> bool:
    """Whether `sum_rows` takes it."""
    return dtype.kind in "iufc" and dtype.char not in "egG"


def is_extremal(dtype: np.dtype[Any]) -> bool:
    """Whether `extreme_rows` takes it: all its numbers are numbers of the compiled form."""
    return dtype.kind in "biuf" and dtype.char not in "eg" and not (dtype.kind == "u" and dtype.itemsize == 8)


def is_movable(x: Any) -> bool:
    """Whether `take_rows` takes it."""
    return x.ndim == 1 and x.itemsize in BITS and is_plain(x)


def wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that a compiled form is for."""
    return np.dtype(np.float64 if dtype.kind == "f" else np.int64)


def sum_rows(x: Any, offsets: Any, start: int, out: Any) -> None:
    """The sum of each row of a block; integers wrap as their own dtype's do."""
    if x.dtype.kind == "c":
        sum_rows(np.ascontiguousarray(x.real), offsets, start, parts := np.empty(out.shape, x.real.dtype))
        out.real = parts
        sum_rows(np.ascontiguousarray(x.imag), offsets, start, parts)
        out.imag = parts
        return
    dtype = wide(x.dtype)
    x, sums = as_wide(x, dtype), out if out.dtype == dtype else np.empty(out.shape, dtype)
    sums_of_rows[dtype](offsets, start, x, sums)
    if sums is not out:
        np.copyto(out, sums, casting="unsafe")


def extreme_rows(identity: Any, largest: bool, x: Any, offsets: Any, start: int, out: Any) -> None:
    """The extremum of each row of a block; of booleans by their bytes."""
    if x.dtype == np.bool_:
        x, out = x.view(np.uint8), out.view(np.uint8)
    dtype = x.dtype if x.dtype == np.uint8 else wide(x.dtype)
    x, best = as_wide(x, dtype), out if out.dtype == dtype else np.empty(out.shape, dtype)
    extrema_of_rows[dtype](offsets, start, x, best, dtype.type(identity), least(dtype, largest), largest)
    if best is not out:
        np.copyto(out, best, casting="unsafe")


def as_wide(x: Any, dtype: np.dtype[Any]) -> Any:
    """The block in the dtype of the compiled form, one number after another."""
    return np.ascontiguousarray(x, dtype) if x.dtype.kind != "u" else np.ascontiguousarray(x).astype(dtype)


def expand_rows(x: Any, offsets: Any, start: int, out: Any) -> None:
    """Each row's entry for each of its elements in a block, moved as the bits it is made of."""
    bits = BITS[x.itemsize]
    entries_of_rows[bits](offsets, start, np.ascontiguousarray(x).view(bits), out.view(bits))


def take_rows(x: Any, step: int, starts: Any, offsets: Any, start: int, out: Any) -> None:
    """For each row of a block the elements of the whole `x` from its entry of `starts` on, in steps."""
    bits = BITS[x.itemsize]
    elements_of_ranges[bits](offsets, start, x.view(bits), np.ascontiguousarray(starts), step, out.view(bits))
