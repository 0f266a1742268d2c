"""Segment kernels on NumPy: each picks, by the structure alone, the pass that has no slow case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged_numpy._blocks import BLOCK, blocks, part
from ragged_numpy._elementwise import call
from ragged_numpy._memory import empty, full
from ragged_numpy._positions import INTEGER, SMALL, take, unsealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragged.rows import Rows

__all__ = ["argextremum", "argsort", "counts", "reduce_groups", "reduce_rows"]


def is_short(x: Any, nrows: int, longest: int) -> bool:
    """Whether rows are so short that a scattered pass over the elements beats `reduceat`'s price per row."""
    return bool(x.ndim == 1 and x.dtype.kind in "biuf" and x.shape[0] < 8 * nrows and longest <= 64)


@np.errstate(all="ignore")  # overflow and inf - inf are data here, and may hide behind missing values
def reduce_rows(ufunc: np.ufunc, x: Any, rows: Rows, identity: Any) -> Any:
    """`ufunc` over contiguous segments; `identity` where one is empty."""
    n, nrows, dtype = x.shape[0], rows.nrows, x.dtype
    loop = None if dtype.kind in "mM" else dtype  # times keep their unit by themselves
    if n < SMALL:
        return reduce_few(ufunc, x, rows, identity, loop)
    out = empty((nrows, *x.shape[1:]), dtype)
    if n == nrows and rows.longest == 1:
        out[...] = x
    elif is_short(x, nrows, rows.longest):
        scatter(ufunc, out, slice(None), rows.ids, x, rows.lengths, identity)
    elif rows.lengths.all():
        ufunc.reduceat(x, unsealed(rows.starts), axis=0, dtype=loop, out=out)
    else:
        for first, last, begin, end in blocks(rows):
            reduce_block(ufunc, x[begin:end], rows, (first, last, begin), identity, out)
    return out


def reduce_few(ufunc: np.ufunc, x: Any, rows: Rows, identity: Any, loop: Any) -> Any:
    """The same in few calls."""
    n, starts = x.shape[0], rows.starts
    begun = starts.shape[0]
    if begun and starts[-1] == n:  # reduceat takes no empty rows at the end, and gives an element for others
        begun = int(starts.searchsorted(n))
    if begun == rows.nrows:
        out = ufunc.reduceat(x, starts, axis=0, dtype=loop) if begun else np.empty((0, *x.shape[1:]), x.dtype)
    else:
        out = np.full((rows.nrows, *x.shape[1:]), identity, x.dtype)
        if begun:
            ufunc.reduceat(x, starts[:begun], axis=0, dtype=loop, out=out[:begun])
    none = rows.lengths == 0
    if none.any():
        out[none] = identity
    return out


def reduce_block(ufunc: np.ufunc, x: Any, rows: Rows, at: tuple[int, int, int], identity: Any, out: Any) -> None:
    """The same for the rows of a block, some of which are empty. (Rows by their number: masks cost a misprediction.)"""
    first, last, begin = at
    lengths = rows.lengths[first:last]
    if x.shape[0] and is_short(x, last - first, int(lengths.max())):
        scatter(ufunc, out, slice(first, last), rows.ids[begin : begin + x.shape[0]], x, lengths, identity)
        return
    out = out[first:last]
    out[...] = identity
    if not x.shape[0]:
        return
    some = np.flatnonzero(lengths)
    loop = None if x.dtype.kind in "mM" else x.dtype
    out[some] = ufunc.reduceat(x, rows.starts[first:last][some] - begin, axis=0, dtype=loop)


def scatter(ufunc: np.ufunc, out: Any, rows: slice, ids: Any, x: Any, lengths: Any, identity: Any) -> None:
    """The same for some rows by a pass over the elements, each of which goes to its row."""
    start = ufunc.identity if ufunc.identity is not None else never(x.dtype, ufunc is np.maximum)
    out[rows].fill(start)
    ufunc.at(out, ids, x)
    if identity != start:
        out[rows][np.flatnonzero(lengths == 0)] = identity


@np.errstate(all="ignore")
def reduce_groups(ufunc: np.ufunc, x: Any, ids: Any, nrows: int, identity: Any) -> Any:
    """`ufunc` over segments in any order; an id equal to `nrows` is dropped."""
    kind = x.dtype.kind
    if x.ndim == 1 and kind == "b":  # only values that change the identity are written
        out = np.full(nrows + 1, identity, np.bool_)
        out[ids[x != identity]] = not identity
        return out[:nrows]
    if ufunc is np.add and x.ndim == 1 and kind in "fc" and x.dtype.itemsize < (8 if kind == "f" else 16):
        return added_wide(x, ids, nrows)
    out = np.full((nrows + 1, *x.shape[1:]), identity, x.dtype)
    if kind in "mM" and np.isnat(out).all():  # NaT would win over every time: begin at the first time there is
        out[:] = np.array(np.iinfo(np.int64).min + 1).view(x.dtype)
        ufunc.at(out, ids, x)
        out[np.bincount(ids, minlength=nrows + 1) == 0] = identity
        return out[:nrows]
    ufunc.at(out, ids, x)
    return out[:nrows]


def added_wide(x: Any, ids: Any, nrows: int) -> Any:
    """Sums of half and single precision, accumulated in double as long columns need."""
    if x.dtype.kind == "f":
        return np.bincount(ids, x, nrows + 1)[:nrows].astype(x.dtype)
    out = np.empty(nrows, x.dtype)
    out.real = np.bincount(ids, x.real, nrows + 1)[:nrows]
    out.imag = np.bincount(ids, x.imag, nrows + 1)[:nrows]
    return out


def counts(x: Any, rows: Rows, dtype: Any, finish: Callable[[Any, Any], Any]) -> Any:
    """`finish(sums, lengths)` of each row's sum of integers or booleans: differences of a running sum, which are exact
    (modulo 2**64), whatever the rows."""
    lengths = rows.lengths
    if x.shape[0] == rows.nrows and rows.longest == 1:
        return finish(x, lengths).astype(dtype)
    out = empty((rows.nrows,), dtype)
    few = np.dtype(np.int32) if x.dtype.kind == "b" else x.dtype
    for first, last, begin, end in blocks(rows):
        if last - first == 1:
            sums = np.sum(x[begin:end], dtype=x.dtype if x.dtype.kind != "b" else None)
        else:
            total = np.empty(end - begin + 1, few)
            total[0] = 0
            np.cumsum(x[begin:end], dtype=few, out=total[1:])
            ends = total.take(rows.offsets[first : last + 1] - begin)
            sums = ends[1:] - ends[:-1]
        out[first:last] = finish(sums, lengths[first:last])
    return out


def argextremum(x: Any, rows: Rows, largest: bool) -> Any:
    """Index of each row's first maximum (or minimum; NaN wins)."""
    if x.ndim == 1 and rows.longest >= 16 and rows.longest * rows.nrows == x.shape[0]:
        matrix = x.reshape(rows.nrows, -1)
        return rows.starts + (matrix.argmax(axis=1) if largest else matrix.argmin(axis=1))
    if x.shape[0] == rows.nrows and rows.longest == 1:
        return np.arange(rows.nrows)
    if x.shape[0] < BLOCK or is_short(x, rows.nrows, rows.longest):
        return first_extremum(x, rows, largest)
    out = empty((rows.nrows,), INTEGER)
    for first, last, begin, end in blocks(rows):
        if end == begin:
            out[first:last] = 0
        elif last - first == 1:
            out[first] = begin + (x[begin:end].argmax() if largest else x[begin:end].argmin())
        else:
            found = first_extremum(x[begin:end], part(rows, first, last, begin, end), largest)
            np.add(found, begin, out=out[first:last])
    return out


def first_extremum(x: Any, rows: Rows, largest: bool) -> Any:
    """The same from the extrema: the first of the values that equal their row's."""
    best = reduce_rows(np.maximum if largest else np.minimum, x, rows, never(x.dtype, largest))
    scattered = is_short(x, rows.nrows, rows.longest)
    equal = call("equal", (x, take(best, rows.ids) if scattered else np.repeat(best, rows.lengths)))
    if best.dtype.kind in "fcmM" and np.isnan(best).any():
        equal |= np.isnan(x)
    hits = np.flatnonzero(equal)
    row = take(rows.ids, hits) if scattered else rows.offsets.searchsorted(hits, "right") - 1
    first = full((rows.nrows,), 0, INTEGER)
    first[row[::-1]] = hits[::-1]  # of several writes to one row the last stays: the first element's
    return first


def never(dtype: np.dtype[Any], largest: bool) -> Any:
    """The value that is no maximum (or minimum) unless it is the only one."""
    if dtype.kind in "iu":
        return np.iinfo(dtype).min if largest else np.iinfo(dtype).max
    if dtype.kind == "f":
        return -np.inf if largest else np.inf
    return 0 if dtype.kind != "b" else not largest  # others reduce without a start; this only fills empty rows


def argsort(x: Any, rows: Rows, descending: bool) -> Any:
    """Stable order within each row: rows of one length are sorted together as a matrix."""
    n = x.shape[0]
    if x.dtype.kind == "b":
        x = x.view(np.uint8)
    if n < SMALL:
        return lexical(x, rows, descending)
    if rows.longest * rows.nrows == n:
        return sort_matrix(x.reshape(rows.nrows, -1), rows.starts, descending).reshape(-1)
    sizes = np.bincount(rows.lengths)
    if np.count_nonzero(sizes) * 128 > n:
        return lexical(x, rows, descending)
    order = np.arange(n)
    for index in matrices(rows, sizes):
        order[index] = sort_matrix(x.take(index), index[:, 0], descending)
    return order


def matrices(rows: Rows, sizes: Any) -> Iterator[Any]:
    """For each length of two and more, of which there are so many, where the elements of its rows stand."""
    lengths = rows.lengths
    by_length = np.argsort(lengths.astype(np.uint16) if rows.longest < 65536 else lengths, kind="stable")
    begin = int(sizes[:2].sum())
    for length in np.flatnonzero(sizes[2:]) + 2:
        begins = rows.starts.take(by_length[begin : begin + sizes[length]])
        begin += int(sizes[length])
        yield begins[:, None] + np.arange(length)


def sort_matrix(values: Any, begins: Any, descending: bool) -> Any:
    """Stable order of each line of a matrix, as positions that count from the lines' beginnings."""
    if descending:  # a stable descending order is the ascending one of the reversed line, reversed
        order = values.shape[1] - 1 - values[:, ::-1].argsort(axis=1, kind="stable")[:, ::-1]
    else:
        order = values.argsort(axis=1, kind="stable")
    order += begins[:, None]
    return order


def lexical(x: Any, rows: Rows, descending: bool) -> Any:
    """Stable order within each row, by values and then rows."""
    if descending:
        flipped = np.lexsort((x[::-1], -rows.ids[::-1]))[::-1]
        return x.shape[0] - 1 - flipped
    return np.lexsort((x, rows.ids))
