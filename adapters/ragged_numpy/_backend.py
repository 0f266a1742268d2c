"""The protocol on NumPy: structure and content are both `numpy.ndarray`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.backend import Backend
from ragged_numpy._blocks import BLOCK, in_blocks, is_blockwise
from ragged_numpy._elementwise import call, call_over, choose
from ragged_numpy._kernels import argextremum, argsort, counts, reduce_groups, reduce_rows
from ragged_numpy._memory import LARGE, empty, full
from ragged_numpy._positions import SMALL, expand, ranges, row_ids, row_positions, take
from ragged_numpy._sorting import sort

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.rows import Rows, Segments


BOOLEAN = np.dtype(np.bool_)
FEW = 32
"""Below this many elements Python is done with them before NumPy has begun."""


def anything(empty: bool) -> Callable[[Any, Any], Any]:
    """Whether any of the row's values counts; `empty` where it has none."""
    return lambda sums, lengths: (sums > 0) | (lengths == 0) if empty else sums > 0


def everything(empty: bool) -> Callable[[Any, Any], Any]:
    """Whether all of the row's values count; `empty` where it has none."""
    return lambda sums, lengths: sums == lengths if empty else (sums == lengths) & (lengths > 0)


class NumpyBackend(Backend):
    """Eager arrays on the CPU."""

    name = "numpy"
    xp = np
    promotes = True
    over_numpy = True
    zero_copy = frozenset({"asarray", "to_numpy", "slice", "reshape"})

    def home(self, *arrays: Any) -> Backend:
        return self

    def owns(self, x: Any) -> bool:
        return isinstance(x, np.ndarray | np.generic)

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        return np.asarray(x, dtype)

    def to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        return np.asarray(x)

    def as_structure(self, x: Any) -> Any:
        return np.asarray(x)

    def dtype(self, x: Any) -> np.dtype[Any]:
        return x.dtype  # type: ignore[no-any-return]

    def astype(self, x: Any, dtype: Any) -> Any:
        x = np.asarray(x)
        if x.nbytes < LARGE or x.dtype == dtype:
            return x.astype(dtype, copy=False)
        out = empty(x.shape, np.dtype(dtype))
        np.copyto(out, x, casting="unsafe")
        return out

    def apply(self, name: str, *args: Any, valid: Any = None) -> Any:
        if valid is None:
            return call(name, args)
        with np.errstate(all="ignore"):  # what hides behind a missing value warns nobody
            return call(name, args)

    def apply_over(self, spare: Any, name: str, *args: Any) -> Any:
        return call_over(spare, name, args)

    def fused(self, f: Callable[..., Any], x: Any, rows: Segments, *options: Any, tangent: Any = None) -> Any:
        whole = x.shape[0] < 2 * BLOCK or x.ndim > 1 or rows.offsets is None
        if whole or not is_blockwise(f, options):
            return f(self, x, rows, *options)
        return in_blocks(self, ALONE, f, x, rows, options)  # type: ignore[arg-type]

    def take(self, x: Any, index: Any) -> Any:
        return take(x, index)

    def slice(self, x: Any, start: Any, stop: Any, step: int = 1) -> Any:
        return x[start:stop:step]

    def entry(self, x: Any, i: int) -> Any:
        return x[i]

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        if rows.offsets is None:
            return reduce_groups(np.add, x, rows.ids, rows.nrows, 0)
        if x.dtype.kind in "iu" and x.ndim == 1 and SMALL <= x.shape[0] < 8 * rows.nrows:
            return counts(x, rows, x.dtype, lambda sums, lengths: sums)  # type: ignore[arg-type]
        return reduce_rows(np.add, x, rows, 0)  # type: ignore[arg-type]

    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        if rows.offsets is None:
            return reduce_groups(np.maximum, x, rows.ids, rows.nrows, identity)
        if x.dtype.kind == "b" and x.ndim == 1 and x.shape[0] >= SMALL:
            return counts(x, rows, BOOLEAN, anything(identity))  # type: ignore[arg-type]
        return reduce_rows(np.maximum, x, rows, identity)  # type: ignore[arg-type]

    def segment_min(self, x: Any, rows: Segments, identity: Any) -> Any:
        if rows.offsets is None:
            return reduce_groups(np.minimum, x, rows.ids, rows.nrows, identity)
        if x.dtype.kind == "b" and x.ndim == 1 and x.shape[0] >= SMALL:
            return counts(x, rows, BOOLEAN, everything(identity))  # type: ignore[arg-type]
        return reduce_rows(np.minimum, x, rows, identity)  # type: ignore[arg-type]

    def segment_count(self, mask: Any, rows: Segments) -> Any:
        if rows.offsets is None or mask.shape[0] < SMALL:
            return self.segment_sum(mask.astype(np.int64), rows)
        return counts(mask, rows, np.dtype(np.int64), lambda sums, lengths: sums)  # type: ignore[arg-type]

    def segment_argmax(self, x: Any, rows: Rows, largest: bool = True) -> Any:
        if not x.shape[0]:
            return np.zeros(rows.nrows, np.int64)
        return argextremum(x, rows, largest)

    def segment_prod(self, x: Any, rows: Segments) -> Any:
        if rows.offsets is None:
            return reduce_groups(np.multiply, x, rows.ids, rows.nrows, 1)
        return reduce_rows(np.multiply, x, rows, 1)  # type: ignore[arg-type]

    def concat(self, arrays: Sequence[Any]) -> Any:
        n, x = sum(each.shape[0] for each in arrays), arrays[0]
        if n * x.itemsize < LARGE or any(each.dtype != x.dtype for each in arrays):
            return np.concatenate(arrays)
        return np.concatenate(arrays, out=empty((n, *x.shape[1:]), x.dtype))

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return choose(condition, x, y)

    def cumulative_sum(self, x: Any) -> Any:
        return np.cumsum(x, axis=0, dtype=x.dtype, out=empty(x.shape, x.dtype))

    def reshape(self, x: Any, shape: tuple[Any, ...]) -> Any:
        return x.reshape(shape) if shape else x.reshape(())[()]  # a 0-d value is a NumPy scalar

    def sum(self, x: Any, axes: tuple[int, ...]) -> Any:
        return np.sum(x, axis=axes, dtype=None if x.dtype.kind == "m" else x.dtype)  # durations keep their unit

    def full(self, shape: tuple[Any, ...], value: Any, dtype: Any) -> Any:
        return full(shape, value, np.dtype(dtype))

    def expand(self, x: Any, rows: Rows) -> Any:
        return expand(x, rows)

    def arange(self, n: Any) -> Any:
        return np.arange(n, dtype=np.int64)

    def repeat(self, x: Any, counts: Any, total: Any) -> Any:
        return np.repeat(x, counts)

    def ranges(self, starts: Any, rows: Rows, step: int = 1) -> Any:
        return ranges(starts, rows, step)

    def offsets_from_lengths(self, lengths: Any) -> Any:
        offsets = empty((lengths.shape[0] + 1,), np.dtype(np.int64))
        offsets[0] = 0
        lengths.cumsum(out=offsets[1:])
        return offsets

    def searchsorted(self, x: Any, values: Any, side: str = "left") -> Any:
        return np.searchsorted(x, values, side=side)  # type: ignore[call-overload]

    def flatnonzero(self, mask: Any, size: Any = None) -> Any:
        return np.flatnonzero(mask)

    def extremes(self, x: Any) -> tuple[Any, Any]:
        if x.size < FEW:
            values = x.tolist()
            return min(values), max(values)
        return int(x.min()), int(x.max())

    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        return argsort(x, rows, descending)

    def segment_sort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        return sort(x, rows, descending)

    def row_ids(self, rows: Rows) -> Any:
        return row_ids(rows)

    def row_positions(self, rows: Rows) -> Any:
        return row_positions(rows)


class OneRow(NumpyBackend):
    """What a fused function of a single row sees: its entry is never written out for each of its elements."""

    def expand(self, x: Any, rows: Rows) -> Any:
        return np.broadcast_to(x, (rows.total, *x.shape[1:]))


ALONE = OneRow()
