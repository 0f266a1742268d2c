"""The protocol on NumPy's arrays with compiled kernels where NumPy takes several passes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import config

from ragged._segments import least
from ragged_numba import _elementwise, _moving, _pairing, _reducing, _scanning, _scattering, _sorting
from ragged_numba._compiling import is_plain
from ragged_numpy import NumpyBackend
from ragged_numpy._backend import ALONE, anything, everything
from ragged_numpy._blocks import is_blockwise

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.compilation._program import Plan, Program
    from ragged.rows import Ranges, Rows, Segments

__all__ = ["NumbaBackend"]

FEW = sys.maxsize if config.DISABLE_JIT else 4096
"""Below this many elements NumPy is done before a kernel is found, and nothing need be compiled."""
NUMBERS = {np.dtype(name): name for name in ("float64", "float32", "int64")}
"""What kernels reduce; the others are NumPy's."""
BYTES = np.dtype(np.uint8)


def movable(x: Any, n: int) -> bool:
    """Whether kernels move the elements of `x`, of which there are `n` to come."""
    return n >= FEW and x.ndim == 1 and x.itemsize in _moving.BITS and x.dtype.kind != "O" and is_plain(x)


def reducible(x: Any, rows: Any) -> bool:
    """Whether kernels reduce the rows (or groups) of `x`: not rows of one element, of which NumPy makes a copy."""
    if x.shape[0] < FEW or x.ndim > 1 or x.dtype not in NUMBERS:
        return False
    return is_plain(x, rows.ids) if rows.offsets is None else is_plain(x, rows.offsets) and width_of(rows) != 1


def width_of(rows: Any) -> int:
    """The length of all rows where they have one, else 0: then they are a matrix, and NumPy's vectors are many numbers
    at once."""
    if not rows.nrows or rows.total % rows.nrows or rows.longest * rows.nrows != rows.total:
        return 0
    return int(rows.longest)


def has_extrema(x: Any, rows: Any) -> bool:
    """Whether kernels find the extrema of rows (or groups) of `x`: of long rows NumPy's vectors do."""
    return reducible(x, rows) and (rows.offsets is None or rows.total <= _reducing.SHORT * rows.nrows)


def countable(x: Any, rows: Any) -> bool:
    """Whether kernels count what is true in each row."""
    if rows.offsets is None or x.shape[0] < FEW or x.ndim > 1:
        return False
    return is_plain(x, rows.offsets) and width_of(rows) != 1


def extrema(x: Any, rows: Any, identity: Any, largest: bool) -> Any:
    """The maximum (or minimum) of each row or group."""
    if rows.offsets is None:
        return _scattering.group_extrema(x, rows, identity, largest)
    return _reducing.extrema(x, rows, identity, x.dtype.type(least(x.dtype, largest)), largest)


class NumbaBackend(NumpyBackend):
    """Eager arrays on the CPU, NumPy's own: dense results belong to NumPy, which joins whatever it meets."""

    name = "numba"
    compiles = "recorded, and computed in loops that store no intermediates"
    traces_floats = True

    def compile(self, program: Program, plan: Plan) -> Callable[[list[Any]], list[Any]]:
        if config.DISABLE_JIT:  # nothing is, for whoever looks for a fault
            return program
        from ragged_numba._fusion import Fused

        return Fused(self, program)

    # ------------------------------------------------------------------ elementwise

    def apply(self, name: str, *args: Any, valid: Any = None) -> Any:
        if valid is None:
            return _elementwise.apply(name, args)
        with np.errstate(all="ignore"):
            return _elementwise.apply(name, args)

    def apply_over(self, spare: Any, name: str, *args: Any) -> Any:
        return _elementwise.apply_over(spare, name, args)

    def fused(self, f: Callable[..., Any], x: Any, rows: Segments, *options: Any, tangent: Any = None) -> Any:
        whole = x.shape[0] < 2 * _elementwise.BLOCK or x.ndim > 1 or rows.offsets is None
        if whole or not is_blockwise(f, options):
            return f(self, x, rows, *options)
        return _elementwise.in_blocks(self, ALONE, f, x, rows, options)  # type: ignore[arg-type]

    # ------------------------------------------------------------------ reductions

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        if not reducible(x, rows):
            return super().segment_sum(x, rows)
        return _scattering.group_sums(x, rows) if rows.offsets is None else _reducing.sums(x, rows)  # type: ignore[arg-type]

    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        if x.dtype == bool and countable(x, rows):
            return anything(identity)(self.segment_count(x, rows), rows.lengths)  # type: ignore[attr-defined]
        return extrema(x, rows, identity, True) if has_extrema(x, rows) else super().segment_max(x, rows, identity)

    def segment_min(self, x: Any, rows: Segments, identity: Any) -> Any:
        if x.dtype == bool and countable(x, rows):
            return everything(identity)(self.segment_count(x, rows), rows.lengths)  # type: ignore[attr-defined]
        return extrema(x, rows, identity, False) if has_extrema(x, rows) else super().segment_min(x, rows, identity)

    def segment_argmax(self, x: Any, rows: Rows, largest: bool = True) -> Any:
        # of short rows in a scattered pass, which is NumPy's, too
        if rows.total > _reducing.SHORT * rows.nrows and reducible(x, rows) and not width_of(rows):
            return _reducing.arg_extrema(x, rows, largest)
        return super().segment_argmax(x, rows, largest)

    def segment_count(self, mask: Any, rows: Segments) -> Any:
        if countable(mask, rows):
            return _reducing.sums(mask.view(BYTES), rows)  # type: ignore[arg-type]
        return super().segment_count(mask, rows)

    def segment_scan(self, x: Any, rows: Rows, multiply: bool = False) -> Any:
        return _scanning.scan(x, rows, multiply) if reducible(x, rows) else None

    # ------------------------------------------------------------------ order

    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        if rows.total < _sorting.LONG * rows.nrows and reducible(x, rows):
            return _sorting.argsort(x, rows, descending)
        return super().segment_argsort(x, rows, descending)

    def segment_sort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        if rows.total < _sorting.LONG * rows.nrows and reducible(x, rows):
            return _sorting.sort(x, rows, descending)
        return super().segment_sort(x, rows, descending)

    # ------------------------------------------------------------------ moves

    def take(self, x: Any, index: Any) -> Any:
        if index.ndim == 1 and movable(x, index.shape[0]) and index.dtype == np.int64 and is_plain(index):
            return _moving.gather(x, index)
        return super().take(x, index)

    def take_ranges(self, x: Any, ranges: Ranges) -> Any:
        rows = ranges.rows
        if ranges._index is None and movable(x, rows.total) and is_plain(ranges.starts, rows.offsets):
            if ranges.last is None and width_of(rows) == 1:
                return self.take(x, ranges.starts)
            return _moving.gather_ranges(x, ranges)
        return super().take_ranges(x, ranges)

    def interleave(self, arrays: Any, ranges: Ranges) -> Any:
        movables = len(arrays) == 2 and all(movable(x, ranges.rows.total) for x in arrays)
        if movables and ranges.step == 1 and ranges.last is None and is_plain(ranges.starts, ranges.rows.offsets):
            return _moving.gather_ranges(arrays[0], ranges, arrays[1])
        return super().interleave(arrays, ranges)

    def segment_pairs(self, x: Any, rows: Rows, step: int) -> Any:
        return _pairing.pairs(x, rows, step) if movable(x, rows.total) and is_plain(rows.offsets) else None

    def expand(self, x: Any, rows: Rows) -> Any:
        if not movable(x, rows.total) or not is_plain(rows.offsets) or width_of(rows):
            return super().expand(x, rows)
        return _moving.expand(x, rows) if rows._ids is None else _moving.gather(x, rows._ids)

    # ------------------------------------------------------------------ structure

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        n = np.size(condition)
        if n < FEW or condition.ndim != 1 or condition.dtype != bool:
            return super().where(condition, x, y)
        dtype = np.result_type(x, y)
        arrays = [np.atleast_1d(np.asarray(each, dtype)) for each in (x, y)]
        sizes = sorted(each.size for each in arrays)
        if sizes in ([1, n], [n, n]) and all(movable(each, n) for each in arrays) and is_plain(condition):
            return _moving.choose(condition, *arrays)
        return super().where(condition, x, y)

    def ranges(self, starts: Any, rows: Rows, step: int = 1) -> Any:
        if rows.total >= FEW and starts.dtype == np.int64 and is_plain(starts, rows.offsets):
            return _moving.ranges(starts, rows, step)
        return super().ranges(starts, rows, step)

    def row_ids(self, rows: Rows) -> Any:
        return _moving.row_ids(rows) if rows.total >= FEW and is_plain(rows.offsets) else super().row_ids(rows)

    def row_positions(self, rows: Rows) -> Any:
        if rows.total >= FEW and is_plain(rows.offsets):
            return _moving.row_positions(rows)
        return super().row_positions(rows)
