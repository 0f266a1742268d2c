"""What goes over the rows writing one value for each element: gathers, broadcasts, positions.

Content is moved as the bits it is made of, so that one form serves all dtypes of a size. Of a short row eight values
are written at once, over the beginning of the next row, which is written after it: no loop of unknown length is begun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from ragged_numba._access import get, prefetch, put
from ragged_numba._compiling import kernel
from ragged_numba._paths import GRAIN, LINE, cuts_of
from ragged_numba._threads import share
from ragged_numpy._memory import empty

if TYPE_CHECKING:
    from ragged.rows import Rows

__all__ = ["BITS", "choose", "expand", "gather", "gather_ranges", "ranges", "row_ids", "row_positions"]

BITS = {size: np.dtype(f"int{8 * size}") for size in (1, 4, 8)}
"""The dtype that content of a size is moved as."""
AHEAD = 16
"""Rows by which memory is asked for content that may stand anywhere."""


@kernel("nnxiX")
def take_pieces(first: int, last: int, x: Any, index: Any, out: Any) -> None:
    """`x[index]`."""
    for j in range(first * GRAIN, min(last * GRAIN, index.shape[0])):
        put(out, j, get(x, get(index, j)))


def gather(x: Any, index: Any) -> Any:
    """`x[index]` of a flat array."""
    n, bits = index.shape[0], BITS[x.itemsize]
    out = empty((n,), x.dtype)
    share(take_pieces[bits], -(-n // GRAIN), x.view(bits), index, out.view(bits))
    return out


@njit(nogil=True)
def mixed(mask: Any, one: Any, other: Any) -> Any:
    """`one` where the mask is 1, `other` where it is 0, bit by bit: a branch would be a guess."""
    return other ^ ((one ^ other) & -np.int64(mask))


@kernel("nnmxxX")
def choose_pieces(first: int, last: int, mask: Any, x: Any, y: Any, out: Any) -> None:
    """`x` where the mask is true, else `y`, one of which may be a single number."""
    begin, end = first * GRAIN, min(last * GRAIN, mask.shape[0])
    if x.shape[0] == y.shape[0]:
        for j in range(begin, end):
            put(out, j, mixed(get(mask, j), get(x, j), get(y, j)))
    elif x.shape[0] == 1:
        one = get(x, 0)
        for j in range(begin, end):
            put(out, j, mixed(get(mask, j), one, get(y, j)))
    else:
        other = get(y, 0)
        for j in range(begin, end):
            put(out, j, mixed(get(mask, j), get(x, j), other))


def choose(mask: Any, x: Any, y: Any) -> Any:
    """`x` where the mask is true, else `y`, of one dtype; one of them may be a single number."""
    n, bits = mask.shape[0], BITS[x.itemsize]
    out = empty((n,), x.dtype)
    share(choose_pieces[bits], -(-n // GRAIN), mask, x.view(bits), y.view(bits), out.view(bits))
    return out


@kernel("nniixX")
def expand_rows(first: int, last: int, cuts: Any, offsets: Any, x: Any, out: Any) -> None:
    """Each row's entry for each of its elements."""
    n, nrows = out.shape[0], offsets.shape[0] - 1
    for piece in range(first, last):
        row, end_row = cuts[piece], cuts[piece + 1]
        begin, stop = piece * GRAIN - row, min((piece + 1) * GRAIN, n + nrows) - end_row
        for i in range(row, min(end_row + 1, nrows)):
            end, value = min(get(offsets, i + 1), stop), get(x, i)
            if end - begin <= 8 and begin + 8 <= stop:
                for j in range(8):
                    put(out, begin + j, value)
            else:
                for j in range(begin, end):
                    put(out, j, value)
            begin = end


def expand(x: Any, rows: Rows) -> Any:
    """Each row's entry for each of its elements."""
    cuts, bits = cuts_of(rows), BITS[x.itemsize]
    out = empty((rows.total,), x.dtype)
    share(expand_rows[bits], len(cuts) - 1, cuts, rows.offsets, x.view(bits), out.view(bits))
    return out


@kernel("nniiinI")
def count_rows(first: int, last: int, cuts: Any, offsets: Any, starts: Any, step: int, out: Any) -> None:
    """Numbers from each row's entry of `starts` on, in steps; where there is none, the row's own number throughout."""
    n, nrows = out.shape[0], offsets.shape[0] - 1
    numbered = starts.shape[0] == 0
    for piece in range(first, last):
        row, end_row = cuts[piece], cuts[piece + 1]
        begin, stop = piece * GRAIN - row, min((piece + 1) * GRAIN, n + nrows) - end_row
        for i in range(row, min(end_row + 1, nrows)):
            end = min(get(offsets, i + 1), stop)
            value = i if numbered else get(starts, i) + (begin - get(offsets, i)) * step
            if end - begin <= 8 and begin + 8 <= stop:
                for j in range(8):
                    put(out, begin + j, value + j * step)
            else:
                for j in range(begin, end):
                    put(out, j, value + (j - begin) * step)
            begin = end


NONE = np.empty(0, np.int64)


def ranges(starts: Any, rows: Rows, step: int) -> Any:
    """Numbers from each row's entry of `starts` on, in steps."""
    cuts, out = cuts_of(rows), empty((rows.total,), LINE)
    if rows.nrows:
        share(count_rows[LINE], len(cuts) - 1, cuts, rows.offsets, starts, step, out)
    return out


def row_ids(rows: Rows) -> Any:
    """The row of each element."""
    cuts, out = cuts_of(rows), empty((rows.total,), LINE)
    share(count_rows[LINE], len(cuts) - 1, cuts, rows.offsets, NONE, 0, out)
    return out


def row_positions(rows: Rows) -> Any:
    """The place of each element in its row."""
    return ranges(np.zeros(rows.nrows, np.int64), rows, 1)


@njit(nogil=True)
def copy(x: Any, at: int, out: Any, begin: int, end: int, stop: int) -> None:
    """What stands in `x` at a place and after it, written from `begin` to `end`, or over what comes until `stop`."""
    if end - begin <= 8 and begin + 8 <= stop and at + 8 <= x.shape[0]:
        for j in range(8):
            put(out, begin + j, get(x, at + j))
    else:
        for j in range(end - begin):
            put(out, begin + j, get(x, at + j))


@kernel("nniixiX")
def copy_rows(first: int, last: int, cuts: Any, offsets: Any, x: Any, starts: Any, out: Any) -> None:
    """Of each row what stands in `x` from its entry of `starts` on."""
    n, nrows = out.shape[0], offsets.shape[0] - 1
    for piece in range(first, last):
        row, end_row = cuts[piece], cuts[piece + 1]
        begin, stop = piece * GRAIN - row, min((piece + 1) * GRAIN, n + nrows) - end_row
        for i in range(row, min(end_row + 1, nrows)):
            ahead = get(starts, min(i + AHEAD, nrows - 1))
            prefetch(x, ahead)
            prefetch(x, ahead + 7)
            end = min(get(offsets, i + 1), stop)
            copy(x, get(starts, i) + begin - get(offsets, i), out, begin, end, stop)
            begin = end


@kernel("nniixxiX")
def join_rows(first: int, last: int, cuts: Any, offsets: Any, x: Any, y: Any, starts: Any, out: Any) -> None:
    """Of each row what stands in `x`, with `y` behind it, from its entry of `starts` on."""
    n, nrows, size = out.shape[0], offsets.shape[0] - 1, x.shape[0]
    for piece in range(first, last):
        row, end_row = cuts[piece], cuts[piece + 1]
        begin, stop = piece * GRAIN - row, min((piece + 1) * GRAIN, n + nrows) - end_row
        for i in range(row, min(end_row + 1, nrows)):
            end, at = min(get(offsets, i + 1), stop), get(starts, i) + begin - get(offsets, i)
            if at < size:
                copy(x, at, out, begin, end, stop)
            else:
                copy(y, at - size, out, begin, end, stop)
            begin = end


@kernel("nniixnniX")
def gather_rows(
    first: int, last: int, cuts: Any, offsets: Any, x: Any, step: int, most: int, starts: Any, out: Any
) -> None:
    """Of each row what stands in `x` from its entry of `starts` on in steps, at `most` at most."""
    n, nrows = out.shape[0], offsets.shape[0] - 1
    for piece in range(first, last):
        row, end_row = cuts[piece], cuts[piece + 1]
        begin, stop = piece * GRAIN - row, min((piece + 1) * GRAIN, n + nrows) - end_row
        for i in range(row, min(end_row + 1, nrows)):
            end, at = min(get(offsets, i + 1), stop), get(starts, i) + (begin - get(offsets, i)) * step
            if end - begin <= 8 and begin + 8 <= stop and min(at, at + 7 * step) >= 0 and at <= most:
                for j in range(8):
                    put(out, begin + j, get(x, min(at + j * step, most)))
            else:
                for j in range(begin, end):
                    put(out, j, get(x, min(at + (j - begin) * step, most)))
            begin = end


def gather_ranges(x: Any, given: Any, y: Any = None) -> Any:
    """The elements of `x`, with those of `y` behind it, where ranges of positions say."""
    rows, bits = given.rows, BITS[x.itemsize]
    cuts, out = cuts_of(rows), empty((rows.total,), x.dtype)
    pieces = len(cuts) - 1, cuts, rows.offsets, x.view(bits)
    if y is not None:
        share(join_rows[bits], *pieces, y.view(bits), given.starts, out.view(bits))
    elif given.step == 1 and given.last is None:
        share(copy_rows[bits], *pieces, given.starts, out.view(bits))
    else:
        most = x.shape[0] - 1 if given.last is None else given.last
        share(gather_rows[bits], *pieces, given.step, most, given.starts, out.view(bits))
    return out
