"""Kernels found, compiled once a device by CuPy, and launched on the current stream."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import cupy
import numpy as np

from ragged_cupy._source import BLOCK, OPERATORS, TILE, added_up, combining, moving, reducing

if TYPE_CHECKING:
    from ragged.rows import Ranges, Rows, Segments

__all__ = [
    "distinct",
    "expand",
    "first_extremum",
    "gather",
    "ids",
    "nonzero",
    "positions",
    "ranges",
    "reduce",
    "repeat",
    "shares",
    "take",
    "with_row",
]

NONE = np.uint64(0)
"""A pointer to nothing."""
ROWS = 512
"""Below this many results each row is cut into pieces, so that there is work for all of a device."""
PIECE = 2048
"""Elements of a piece, at least."""


@cache
def kernel(source: Any, name: str, *kind: Any) -> Any:
    """The compiled kernel of that name in one of the sources."""
    return cupy.RawKernel(source(*kind), name, options=("-std=c++14",))


def threads_for(mean: float, each: float = 2) -> int:
    """How many threads read a row of so many elements, `each` or more of them: a power of two up to a block."""
    return 1 << max(0, min(int(mean / each).bit_length() - 1, BLOCK.bit_length() - 1))


def threads_near(mean: float, itemsize: int) -> int:
    """The same where a block reads its rows at once: what it reads is half to the whole of four fifths of its room."""
    return threads_for(mean, 32 / max(itemsize, 4))


def pieces_for(cells: int, mean: float) -> int:
    """Into how many pieces a row is cut."""
    return 1 if cells >= ROWS else max(1, min(2 * ROWS // cells, int(mean) // PIECE))


def launch(found: Any, blocks: int, *args: Any) -> None:
    """Run a kernel, told numbers as its sources take them."""
    given = tuple(np.int64(x) if isinstance(x, int) else np.float64(x) if isinstance(x, float) else x for x in args)
    found((blocks,), (BLOCK,), given)


def numbers(identity: Any, dtype: np.dtype[Any]) -> tuple[float, float, int]:
    """A number of any dtype as a kernel takes it: two floats and 64 bits."""
    value = np.asarray(identity).astype(dtype)
    if dtype.kind in "fc":
        return float(value.real), float(value.imag), 0
    return 0.0, 0.0, int(value.astype(np.int64))


def reduce(operation: str, x: Any, rows: Segments, identity: Any) -> Any:
    """The sum, product, maximum … of each segment in the order of its elements, the same bits whenever it is asked."""
    nrows, order = rows.nrows, NONE
    offsets = rows.offsets
    if offsets is None and operation == "sum" and is_distinct(rows.ids):
        return put(x, rows.ids, nrows)
    if offsets is None:  # groups: their elements are read in the order of their numbers, slack last
        order = cupy.argsort(rows.ids)  # stable
        offsets = cupy.searchsorted(cupy.take(rows.ids, order), cupy.arange(nrows + 1, dtype=np.int64))
    dtype = np.dtype(np.int64) if operation.startswith(("arg", "count")) else x.dtype
    out = cupy.empty((nrows, *x.shape[1:]), dtype)
    inner = math.prod(x.shape[1:])
    if not nrows * inner:
        return out
    x, offsets = cupy.ascontiguousarray(x), cupy.ascontiguousarray(offsets)
    mean = x.shape[0] / nrows
    pieces = pieces_for(nrows * inner, mean)
    known = numbers(identity, dtype)
    kind = (operation, x.dtype.name)
    group = threads_near(mean, x.itemsize)
    if pieces == 1 and inner == 1 and group < BLOCK and order is NONE and not operation.startswith("arg"):
        blocks = -(-nrows * group // BLOCK)
        launch(kernel(reducing, "reduce_near", *kind), blocks, x, offsets, nrows, group, *known, out)
        return out
    if pieces == 1:
        group = threads_for(mean)
        blocks = -(-nrows * inner * group // BLOCK)
        launch(kernel(reducing, "reduce", *kind), blocks, x, offsets, order, nrows, inner, group, *known, out)
        return out
    parts = cupy.empty(nrows * pieces * inner, added_up(*kind))
    launch(
        kernel(reducing, "reduce_pieces", *kind), nrows * pieces * inner, x, offsets, order, nrows, inner, pieces, parts
    )
    launch(kernel(reducing, "finish", *kind), nrows * inner, x, parts, offsets, nrows, inner, pieces, *known, out)
    return out


def first_extremum(x: Any, rows: Rows, largest: bool) -> Any:
    """Where each contiguous segment has its first maximum (or minimum; NaN wins); 0 where it is empty."""
    found = reduce("argmax" if largest else "argmin", x, rows, 0)
    inner = math.prod(x.shape[1:])
    return found if inner == 1 else found // np.int64(max(inner, 1))


def move(name: str, itemsize: int, offsets: Any, nrows: int, total: int, *args: Any) -> None:
    """Run a kernel that tells each of `total` elements its row."""
    if total:
        found = kernel(moving, name, itemsize)
        launch(found, -(-total // TILE), cupy.ascontiguousarray(offsets), nrows, total, *args)


def ids(rows: Rows) -> Any:
    """For each element the number of its row."""
    out = cupy.empty(rows.total, np.int64)
    move("ids", 8, rows.offsets, rows.nrows, rows.total, out)
    return out


def positions(rows: Rows) -> Any:
    """For each element its position within its row."""
    out = cupy.empty(rows.total, np.int64)
    move("positions", 8, rows.offsets, rows.nrows, rows.total, out)
    return out


def ranges(starts: Any, rows: Rows, step: int) -> Any:
    """Numbers from `starts` on for each row."""
    out = cupy.empty(rows.total, np.int64)
    move("ranges", 8, rows.offsets, rows.nrows, rows.total, cupy.ascontiguousarray(starts), step, out)
    return out


def shares(x: Any, rows: Segments, best: Any, entries: Any) -> Any:
    """For each element that is the best of its row (NaN is) an equal part of the row's entry, 0 for all others; None
    where there is no kernel for it."""
    if rows.offsets is None or not plain(x, best, entries):
        return None
    out = cupy.empty(x.shape, x.dtype)
    if out.size:
        x, best, entries, offsets = map(cupy.ascontiguousarray, (x, best, entries, rows.offsets))
        ties = cupy.empty(rows.nrows, np.int64)
        group = threads_near(x.shape[0] / rows.nrows, x.itemsize)
        blocks = -(-rows.nrows * group // BLOCK)
        launch(kernel(reducing, "ties", "ties", x.dtype.name), blocks, x, offsets, best, rows.nrows, group, ties)
        found = kernel(combining, "shares", "divide", x.dtype.name)
        launch(found, -(-x.shape[0] // TILE), offsets, rows.nrows, x.shape[0], x, best, entries, ties, out)
    return out


def repeat(x: Any, offsets: Any, nrows: int, total: int) -> Any:
    """Each entry of `x` for each of the elements of its row."""
    out = cupy.empty((total, *x.shape[1:]), x.dtype)
    inner = math.prod(x.shape[1:])
    move("expand", x.itemsize, offsets, nrows, total * bool(inner), cupy.ascontiguousarray(x), inner, out)
    return out


def expand(x: Any, rows: Rows) -> Any:
    """Each row's entry for each of its elements."""
    return repeat(x, rows.offsets, rows.nrows, rows.total)


def plain(x: Any, *others: Any) -> bool:
    """Whether these are numbers of one of the two dtypes, one an entry, that kernels are there for."""
    return x.dtype.name in ("float32", "float64") and all(y.ndim == 1 and y.dtype == x.dtype for y in (x, *others))


def with_row(name: str, x: Any, rows: Rows, entries: Any, first: bool) -> Any:
    """The elementwise function of each number and its row's entry (which may come first), in one pass; None where there
    is no kernel for it."""
    if name not in OPERATORS or not plain(x, entries):
        return None
    out = cupy.empty(rows.total, x.dtype)
    if rows.total:
        x, entries, offsets = map(cupy.ascontiguousarray, (x, entries, rows.offsets))
        found = kernel(combining, "with_row", name, x.dtype.name)
        launch(found, -(-rows.total // TILE), offsets, rows.nrows, rows.total, x, entries, int(first), out)
    return out


def gather(x: Any, where: Ranges) -> Any:
    """The elements of `x` at positions that run on within rows."""
    rows = where.rows
    out = cupy.empty((rows.total, *x.shape[1:]), x.dtype)
    inner = math.prod(x.shape[1:])
    last = -1 if where.last is None else int(where.last)
    starts = cupy.ascontiguousarray(where.starts)
    total = rows.total * bool(inner)
    x = cupy.ascontiguousarray(x)
    move("gather", x.itemsize, rows.offsets, rows.nrows, total, x, starts, where.step, last, inner, out)
    return out


# ---------------------------------------------------------------------- entries by their numbers

_distinct: WeakValueDictionary[int, Any] = WeakValueDictionary()


def distinct(index: Any) -> Any:
    """The index, known from now on to have no entry twice: what stands there is put back without a sort."""
    _distinct[id(index)] = index
    return index


def is_distinct(index: Any) -> bool:
    """Whether an index is known to have no entry twice."""
    return _distinct.get(id(index)) is index


def take(x: Any, index: Any) -> Any:
    """The entries of `x` at `index`, which is in range."""
    if index.ndim != 1 or not x.flags.c_contiguous:
        return cupy.take(x, index, axis=0)
    out = cupy.empty((index.shape[0], *x.shape[1:]), x.dtype)
    if out.size:
        found = kernel(moving, "take", x.itemsize)
        index = cupy.ascontiguousarray(index)
        launch(found, -(-out.size // TILE), index, index.shape[0], x, math.prod(x.shape[1:]), out)
    return out


def put(x: Any, index: Any, n: int) -> Any:
    """The entries of `x` at `index`, which has no place twice, among zeros; what is beyond `n` is dropped."""
    out = cupy.zeros((n, *x.shape[1:]), x.dtype)
    if out.size and x.size:
        x, index = map(cupy.ascontiguousarray, (x, index))
        found = kernel(moving, "put", x.itemsize)
        launch(found, -(-x.size // TILE), index, index.shape[0], x, n, math.prod(x.shape[1:]), out)
    return out


def nonzero(mask: Any) -> Any:
    """Where a mask is true. Waits for the device: the length of the result is a value."""
    total = mask.shape[0]
    if not total:
        return cupy.empty(0, np.int64)
    mask = cupy.ascontiguousarray(mask)
    begins = cupy.zeros(-(-total // TILE) + 1, np.int64)
    launch(kernel(moving, "marked", 8), begins.shape[0] - 1, mask, total, begins[1:])
    begins = cupy.cumsum(begins, dtype=np.int64)
    out = cupy.empty(int(begins[-1]), np.int64)
    if out.size:
        launch(kernel(moving, "places", 8), begins.shape[0] - 1, mask, total, begins, out)
    return distinct(out)
