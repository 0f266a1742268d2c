"""The protocol on NumPy's arrays with compiled kernels where NumPy takes several passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged_numba import _elementwise, _moving, _reducing, _scattering, _sorting
from ragged_numba._compiling import is_plain
from ragged_numpy import NumpyBackend
from ragged_numpy._backend import ALONE
from ragged_numpy._blocks import BLOCK, is_blockwise

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.compilation._program import Plan, Program
    from ragged.rows import Ranges, Rows, Segments

__all__ = ["NumbaBackend"]

FEW = 4096
"""Below this many elements NumPy is done before a kernel is found, and nothing need be compiled."""
NUMBERS = {np.dtype(name): name for name in ("float64", "float32", "int64")}
"""What kernels reduce; the others are NumPy's."""
BYTES = np.dtype(np.uint8)


def movable(x: Any, n: int) -> bool:
    """Whether kernels move the elements of `x`, of which there are `n` to come."""
    return n >= FEW and x.ndim == 1 and x.itemsize in _moving.BITS and x.dtype.kind != "O" and is_plain(x)


def reducible(x: Any, rows: Any) -> bool:
    """Whether kernels reduce the rows (or groups) of `x`."""
    structure = rows.ids if rows.offsets is None else rows.offsets
    return x.shape[0] >= FEW and x.ndim == 1 and x.dtype in NUMBERS and is_plain(x, structure)


def least(dtype: Any, largest: bool) -> Any:
    """The number that is no maximum (or minimum) unless it is the only one."""
    if dtype.kind == "f":
        return dtype.type(-np.inf if largest else np.inf)
    return np.iinfo(dtype).min if largest else np.iinfo(dtype).max


def extrema(x: Any, rows: Any, identity: Any, largest: bool) -> Any:
    """The maximum (or minimum) of each row or group."""
    if rows.offsets is None:
        return _scattering.group_extrema(x, rows, identity, largest)
    return _reducing.extrema(x, rows, identity, least(x.dtype, largest), largest)


class NumbaBackend(NumpyBackend):
    """Eager arrays on the CPU, NumPy's own: dense results belong to NumPy, which joins whatever it meets."""

    name = "numba"
    compiles = "recorded, and computed in loops that store no intermediates"
    traces_floats = True

    def compile(self, program: Program, plan: Plan) -> Callable[[list[Any]], list[Any]]:
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
        whole = x.shape[0] < 2 * BLOCK or x.ndim > 1 or rows.offsets is None
        if whole or not is_blockwise(f, options):
            return f(self, x, rows, *options)
        return _elementwise.in_blocks(self, ALONE, f, x, rows, options)  # type: ignore[arg-type]

    # ------------------------------------------------------------------ reductions

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        if not reducible(x, rows):
            return super().segment_sum(x, rows)
        return _scattering.group_sums(x, rows) if rows.offsets is None else _reducing.sums(x, rows)  # type: ignore[arg-type]

    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        return extrema(x, rows, identity, True) if reducible(x, rows) else super().segment_max(x, rows, identity)

    def segment_min(self, x: Any, rows: Segments, identity: Any) -> Any:
        return extrema(x, rows, identity, False) if reducible(x, rows) else super().segment_min(x, rows, identity)

    def segment_argmax(self, x: Any, rows: Rows, largest: bool = True) -> Any:
        if rows.total > _reducing.SHORT * rows.nrows and reducible(x, rows):  # a scattered pass is NumPy's, too
            return _reducing.arg_extrema(x, rows, largest)
        return super().segment_argmax(x, rows, largest)

    def segment_count(self, mask: Any, rows: Segments) -> Any:
        if rows.offsets is not None and mask.shape[0] >= FEW and mask.ndim == 1 and is_plain(mask, rows.offsets):
            return _reducing.sums(mask.view(BYTES), rows)  # type: ignore[arg-type]
        return super().segment_count(mask, rows)

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
        if ranges._index is None and movable(x, ranges.rows.total) and is_plain(ranges.starts, ranges.rows.offsets):
            return _moving.gather_ranges(x, ranges)
        return super().take_ranges(x, ranges)

    def interleave(self, arrays: Any, ranges: Ranges) -> Any:
        if len(arrays) == 2 and all(movable(x, ranges.rows.total) for x in arrays) and ranges.step == 1:
            return _moving.gather_ranges(arrays[0], ranges, arrays[1])
        return super().interleave(arrays, ranges)

    def expand(self, x: Any, rows: Rows) -> Any:
        if not movable(x, rows.total) or not is_plain(rows.offsets):
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
