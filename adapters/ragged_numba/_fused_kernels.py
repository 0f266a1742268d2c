"""Compiled loops over the rows of one block, whose elements come from position `start` on: rows' sums and extrema, and
rows' entries for their elements.

No processor guesses where short rows end, so that rows are not looped over one by one: eight elements are taken at
once, those of the next row made harmless bit by bit. There are forms for `float64` and `int64`, which other dtypes go
through.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ragged_numba._compiling import kernel

__all__ = ["BITS", "expand_rows", "extreme_rows", "is_extremal", "is_summable", "sum_rows"]

EIGHT = np.uint64(8)
MASKS = np.where(np.arange(8) < np.arange(9)[:, None], -1, 0).reshape(-1)
"""For each number of elements the bits that keep as many of eight."""
BITS = {size: np.dtype(f"uint{8 * size}") for size in (1, 2, 4, 8)}
"""The dtype that content of a size is moved as."""
SIGN = int(np.iinfo(np.int64).min)
"""The first bit alone."""
TURNS = 512
"""Eights of a long row that are added one after another."""


@njit(nogil=True)
def larger(x: Any, y: Any) -> Any:
    """The larger of two; NaN wins."""
    return x if (x > y) | (x != x) else y


@kernel("inxiXiIX")
def masked_sums(offsets: Any, start: int, x: Any, bits: Any, out: Any, masks: Any, eight_bits: Any, eight: Any) -> None:
    """The sum of each row. `bits` are those of `x`; `eight_bits` and `eight` are one piece of memory."""
    n, zero = np.uint64(x.shape[0]), eight.dtype.type(0)
    low = np.uint64(offsets[0] - start)
    for i in range(out.shape[0]):
        high, total, part, turns = np.uint64(offsets[i + 1] - start), zero, zero, 0
        while low < high:
            m = min(high - low, EIGHT)
            for k in range(8):
                at = low + np.uint64(k)
                eight_bits[k] = bits[at if at < n else n - np.uint64(1)] & masks[m * EIGHT + np.uint64(k)]
            first = (eight[0] + eight[1]) + (eight[2] + eight[3])
            part += first + ((eight[4] + eight[5]) + (eight[6] + eight[7]))
            low += m
            turns += 1
            if turns == TURNS:  # of a long row: sums of sums keep rounding small
                total, part, turns = total + part, zero, 0
        out[i] = total + part


@kernel("iniXiIXnnvv")
def masked_maxima(
    offsets: Any,
    start: int,
    bits: Any,
    out: Any,
    masks: Any,
    eight_bits: Any,
    eight: Any,
    flip: int,
    least_bits: int,
    least: Any,
    identity: Any,
) -> None:
    """The maximum of each row, `identity` where it is empty, of numbers whose bits are those given but for `flip`."""
    n = np.uint64(bits.shape[0])
    low = np.uint64(offsets[0] - start)
    for i in range(out.shape[0]):
        high, is_empty, best = np.uint64(offsets[i + 1] - start), offsets[i] == offsets[i + 1], least
        while low < high:
            m = min(high - low, EIGHT)
            for k in range(8):
                at, mask = low + np.uint64(k), masks[m * EIGHT + np.uint64(k)]
                given = bits[at if at < n else n - np.uint64(1)] ^ flip
                eight_bits[k] = (given & mask) | (least_bits & ~mask)
            a = larger(larger(eight[0], eight[1]), larger(eight[2], eight[3]))
            b = larger(larger(eight[4], eight[5]), larger(eight[6], eight[7]))
            best = larger(larger(a, b), best)
            low += m
        out[i] = identity if is_empty else best


@kernel("inxX")
def expansion(offsets: Any, start: int, x: Any, out: Any) -> None:
    """Each row's entry for each of its elements: of a short row eight are written, the next row's over them."""
    begin, n = 0, out.shape[0]
    for i in range(x.shape[0]):
        end, value = offsets[i + 1] - start, x[i]
        if end - begin <= 8 and begin + 8 <= n:
            for j in range(8):
                out[begin + j] = value
        else:
            for j in range(begin, end):
                out[j] = value
        begin = end


def is_summable(dtype: np.dtype[Any]) -> bool:
    """Whether `sum_rows` takes it."""
    return dtype.kind in "iufc" and dtype.char not in "egG"


def is_extremal(dtype: np.dtype[Any]) -> bool:
    """Whether `extreme_rows` takes it: all its numbers are numbers of the compiled form."""
    return dtype.kind in "biuf" and dtype.char not in "eg" and not (dtype.kind == "u" and dtype.itemsize == 8)


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
    eight = np.empty(8, np.int64)
    masked_sums[dtype](offsets, start, x, x.view(np.int64), sums, MASKS, eight, eight.view(dtype))
    if sums is not out:
        np.copyto(out, sums, casting="unsafe")


def extreme_rows(identity: Any, largest: bool, x: Any, offsets: Any, start: int, out: Any) -> None:
    """The extremum of each row of a block: the minimum as the maximum of what is turned, and turned again."""
    dtype = wide(x.dtype)
    turn, flip = (np.negative, SIGN) if dtype.kind == "f" else (np.invert, -1)
    least = dtype.type(-np.inf if dtype.kind == "f" else SIGN)
    x, best = as_wide(x, dtype), out if out.dtype == dtype else np.empty(out.shape, dtype)
    identity, eight = dtype.type(identity), np.empty(8, np.int64)
    memory = MASKS, eight, eight.view(dtype), 0 if largest else flip, int(least.view(np.int64)), least
    masked_maxima[dtype](offsets, start, x.view(np.int64), best, *memory, identity if largest else turn(identity))
    if not largest:
        turn(best, out=best)
    if best is not out:
        np.copyto(out, best, casting="unsafe")


def as_wide(x: Any, dtype: np.dtype[Any]) -> Any:
    """The block in the dtype of the compiled form, one number after another."""
    return np.ascontiguousarray(x, dtype) if x.dtype.kind != "u" else np.ascontiguousarray(x).astype(dtype)


def expand_rows(x: Any, offsets: Any, start: int, out: Any) -> None:
    """Each row's entry for each of its elements in a block, moved as the bits it is made of."""
    bits = BITS[x.itemsize]
    expansion[bits](offsets, start, np.ascontiguousarray(x).view(bits), out.view(bits))
