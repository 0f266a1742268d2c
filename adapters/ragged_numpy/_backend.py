"""The protocol on NumPy: structure and content are both `numpy.ndarray`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.backend import Backend
from ragged.ufuncs import functions
from ragged_numpy._kernels import (
    SMALL,
    argextremum,
    argsort,
    counts,
    ranges,
    reduce_groups,
    reduce_rows,
    row_ids,
    row_positions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.rows import Rows, Segments


class NumpyBackend(Backend):
    """Eager arrays on the CPU."""

    name = "numpy"
    xp = np
    promotes = True
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
        return np.asarray(x).astype(dtype, copy=False)

    def apply(self, name: str, *args: Any, valid: Any = None) -> Any:
        if valid is None:
            return functions[name](*args)
        with np.errstate(all="ignore"):  # what hides behind a missing value warns nobody
            return functions[name](*args)

    def take(self, x: Any, index: Any) -> Any:
        return x.take(index, axis=0)

    def slice(self, x: Any, start: Any, stop: Any, step: int = 1) -> Any:
        return x[start:stop:step]

    def entry(self, x: Any, i: int) -> Any:
        return x[i]

    def segment_sum(self, x: Any, rows: Segments) -> Any:
        if rows.offsets is None:
            return reduce_groups(np.add, x, rows.ids, rows.nrows, 0)
        if x.dtype.kind in "iu" and x.ndim == 1 and SMALL <= x.shape[0] < 8 * rows.nrows:
            return counts(x, rows)  # type: ignore[arg-type]
        return reduce_rows(np.add, x, rows, 0)  # type: ignore[arg-type]

    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        if rows.offsets is None:
            return reduce_groups(np.maximum, x, rows.ids, rows.nrows, identity)
        if x.dtype.kind == "b" and x.ndim == 1 and x.shape[0] >= SMALL:
            return np.where(rows.lengths == 0, identity, counts(x, rows) > 0)  # type: ignore[attr-defined, arg-type]
        return reduce_rows(np.maximum, x, rows, identity)  # type: ignore[arg-type]

    def segment_min(self, x: Any, rows: Segments, identity: Any) -> Any:
        if rows.offsets is None:
            return reduce_groups(np.minimum, x, rows.ids, rows.nrows, identity)
        if x.dtype.kind == "b" and x.ndim == 1 and x.shape[0] >= SMALL:
            lengths = rows.lengths  # type: ignore[attr-defined]
            return np.where(lengths == 0, identity, counts(x, rows) == lengths)  # type: ignore[arg-type]
        return reduce_rows(np.minimum, x, rows, identity)  # type: ignore[arg-type]

    def segment_count(self, mask: Any, rows: Segments) -> Any:
        if rows.offsets is None or mask.shape[0] < SMALL:
            return self.segment_sum(mask.astype(np.int64), rows)
        return counts(mask, rows).astype(np.int64)  # type: ignore[arg-type]

    def segment_argmax(self, x: Any, rows: Rows, largest: bool = True) -> Any:
        if not x.shape[0]:
            return np.zeros(rows.nrows, np.int64)
        return argextremum(x, rows, largest)

    def segment_prod(self, x: Any, rows: Segments) -> Any:
        if rows.offsets is None:
            return reduce_groups(np.multiply, x, rows.ids, rows.nrows, 1)
        return reduce_rows(np.multiply, x, rows, 1)  # type: ignore[arg-type]

    def concat(self, arrays: Sequence[Any]) -> Any:
        return np.concatenate(arrays)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return np.where(condition, x, y)

    def cumulative_sum(self, x: Any) -> Any:
        return np.cumsum(x, axis=0, dtype=x.dtype)

    def reshape(self, x: Any, shape: tuple[Any, ...]) -> Any:
        return x.reshape(shape) if shape else x.reshape(())[()]  # a 0-d value is a NumPy scalar

    def sum(self, x: Any, axes: tuple[int, ...]) -> Any:
        return np.sum(x, axis=axes, dtype=None if x.dtype.kind == "m" else x.dtype)  # durations keep their unit

    def full(self, shape: tuple[Any, ...], value: Any, dtype: Any) -> Any:
        return np.full(shape, value, dtype)

    def expand(self, x: Any, rows: Rows) -> Any:
        return np.repeat(x, rows.lengths, axis=0)

    def arange(self, n: Any) -> Any:
        return np.arange(n, dtype=np.int64)

    def repeat(self, x: Any, counts: Any, total: Any) -> Any:
        return np.repeat(x, counts)

    def ranges(self, starts: Any, rows: Rows, step: int = 1) -> Any:
        return ranges(starts, rows, step)

    def offsets_from_lengths(self, lengths: Any) -> Any:
        offsets = np.empty(lengths.shape[0] + 1, np.int64)
        offsets[0] = 0
        lengths.cumsum(out=offsets[1:])
        return offsets

    def searchsorted(self, x: Any, values: Any, side: str = "left") -> Any:
        return np.searchsorted(x, values, side=side)  # type: ignore[call-overload]

    def flatnonzero(self, mask: Any, size: Any = None) -> Any:
        return np.flatnonzero(mask)

    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        return argsort(x, rows, descending)

    def row_ids(self, rows: Rows) -> Any:
        return row_ids(rows)

    def row_positions(self, rows: Rows) -> Any:
        return row_positions(rows)
