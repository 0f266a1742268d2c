"""Where elements are and what stands there: the rows' numbers, runs of positions, gathers."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged_numpy._blocks import blocks
from ragged_numpy._memory import LARGE, empty, full

if TYPE_CHECKING:
    from ragged.rows import Rows

__all__ = ["INTEGER", "SMALL", "expand", "ranges", "row_ids", "row_positions", "take", "unsealed"]

SMALL = 4096
"""Below this many elements the number of calls counts, not the passes."""
INTEGER = np.dtype(np.int64)


def row_ids(rows: Rows) -> Any:
    """The row of each element: a running count of the rows begun (a quarter of the time of `np.repeat`)."""
    if rows.total < SMALL:
        return np.repeat(np.arange(rows.nrows), rows.lengths)
    begun = full((rows.total + 1,), 0, INTEGER)
    np.add.at(begun, rows.offsets[1:-1], 1)
    return np.cumsum(begun[:-1], out=begun[:-1])


def row_positions(rows: Rows) -> Any:
    """The position of each element in its row: a running count that falls back to 0 where a row begins."""
    if rows.total < SMALL:
        return np.arange(rows.total) - np.repeat(rows.starts, rows.lengths)
    steps = full((rows.total,), 1, INTEGER)
    begins = rows.starts.take(np.flatnonzero(rows.lengths))
    steps[0] = 0
    steps[begins[1:]] -= np.diff(begins)
    return np.cumsum(steps, out=steps)


def ranges(starts: Any, rows: Rows, step: int) -> Any:
    """Numbers from `starts` on for each row: a running sum of steps, with a jump where a row begins."""
    shift = starts - (rows.starts if step == 1 else rows.starts * step)
    if rows.total < SMALL:
        # methods: NumPy's functions dispatch first, which is felt on few elements
        return shift.repeat(rows.lengths) + np.arange(0, rows.total * step, step)
    steps = full((rows.total + 1,), step, INTEGER)
    jumps = np.diff(shift, prepend=step)
    np.add.at(steps, rows.starts, jumps)  # rows that are empty begin where the next one does
    return np.cumsum(steps[:-1], out=steps[:-1])


def take(x: Any, index: Any) -> Any:
    """`x[index]`."""
    if index.size < SMALL:
        return x.take(index, axis=0)
    if index.size * x.itemsize < LARGE:
        return x.take(unsealed(index), axis=0)
    out = empty((*index.shape, *x.shape[1:]), x.dtype)
    return x.take(unsealed(index), axis=0, out=out, mode="wrap")  # "raise" would buffer


def unsealed(index: Any) -> Any:
    """An index to read, in the form that NumPy does not copy first, as it does with what is read-only."""
    if index.flags.writeable or index.base is None:
        return index
    view = index.view()
    with suppress(ValueError):  # the memory itself is read-only: then it is copied
        view.flags.writeable = True
    return view


def expand(x: Any, rows: Rows) -> Any:
    """Each row's entry for each of its elements."""
    n = rows.total
    if n < SMALL:
        return x.repeat(rows.lengths, axis=0)
    alike = rows.longest * rows.nrows == n
    if n < 8 * rows.nrows and not alike:
        return take(x, rows.ids)
    out = empty((n, *x.shape[1:]), x.dtype)
    if alike:
        out.reshape(rows.nrows, -1, *x.shape[1:])[...] = x[:, None]
        return out
    lengths = rows.lengths
    for first, last, begin, end in blocks(rows):
        alone = last - first == 1
        out[begin:end] = x[first] if alone else x[first:last].repeat(lengths[first:last], axis=0)
    return out
