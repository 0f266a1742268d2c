"""The protocol on NumPy: structure and content are both `numpy.ndarray`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.backend import Backend
from ragged.ufuncs import functions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.rows import Rows, Segments


class NumpyBackend(Backend):
    """Eager arrays on the CPU."""

    name = "numpy"
    xp = np

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

    def differentiating(self, x: Any) -> bool:
        return False

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
            return _scatter(np.add, x, rows, 0)
        if x.dtype == np.bool_:
            x = x.astype(np.int64)
        return _reduceat(np.add, x, rows, 0)

    def segment_max(self, x: Any, rows: Segments, identity: Any) -> Any:
        return _segments(np.maximum, x, rows, identity)

    def segment_min(self, x: Any, rows: Segments, identity: Any) -> Any:
        return _segments(np.minimum, x, rows, identity)

    def segment_prod(self, x: Any, rows: Segments) -> Any:
        return _segments(np.multiply, x, rows, 1)

    def concat(self, arrays: Sequence[Any]) -> Any:
        return np.concatenate(arrays)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return np.where(condition, x, y)

    def cumulative_sum(self, x: Any) -> Any:
        return np.cumsum(x, axis=0, dtype=x.dtype)

    def reshape(self, x: Any, shape: tuple[Any, ...]) -> Any:
        return x.reshape(shape) if shape else x.reshape(())[()]  # a 0-d value is a NumPy scalar

    def broadcast_to(self, x: Any, shape: tuple[Any, ...]) -> Any:
        return np.broadcast_to(x, shape)

    def sum(self, x: Any, axes: tuple[int, ...]) -> Any:
        return np.sum(x, axis=axes, dtype=x.dtype)

    def permute_dims(self, x: Any, axes: tuple[int, ...]) -> Any:
        return np.transpose(x, axes)

    def matmul(self, x: Any, y: Any) -> Any:
        return np.matmul(x, y)

    def full(self, shape: tuple[Any, ...], value: Any, dtype: Any) -> Any:
        return np.full(shape, value, dtype)

    def expand(self, x: Any, rows: Rows) -> Any:
        return np.repeat(x, rows.lengths, axis=0)

    def arange(self, n: Any) -> Any:
        return np.arange(n, dtype=np.int64)

    def repeat(self, x: Any, counts: Any, total: Any) -> Any:
        return np.repeat(x, counts)

    def offsets_from_lengths(self, lengths: Any) -> Any:
        offsets = np.empty(lengths.shape[0] + 1, np.int64)
        offsets[0] = 0
        np.cumsum(lengths, out=offsets[1:])
        return offsets

    def searchsorted(self, x: Any, values: Any, side: str = "left") -> Any:
        return np.searchsorted(x, values, side=side)  # type: ignore[call-overload]

    def flatnonzero(self, mask: Any, size: Any = None) -> Any:
        return np.flatnonzero(mask)

    def segment_argsort(self, x: Any, rows: Rows, descending: bool = False) -> Any:
        if descending:  # a stable descending order is the ascending one of the reversed array, reversed
            flipped = np.lexsort((x[::-1], -rows.ids[::-1]))[::-1]
            return x.shape[0] - 1 - flipped
        return np.lexsort((x, rows.ids))


def _reduceat(ufunc: np.ufunc, x: Any, rows: Any, identity: Any) -> Any:
    """`ufunc` over contiguous segments; `identity` where one is empty (reduceat itself would return an element)."""
    nrows = rows.nrows
    shape = (nrows, *x.shape[1:])
    if x.shape[0] == 0 or nrows == 0:
        return np.full(shape, identity, x.dtype)
    lengths = rows.lengths
    if lengths.min() > 0:
        return ufunc.reduceat(x, rows.starts, axis=0, dtype=x.dtype)
    full = np.flatnonzero(lengths)
    out = np.full(shape, identity, x.dtype)
    out[full] = ufunc.reduceat(x, rows.starts[full], axis=0, dtype=x.dtype)
    return out


def _scatter(ufunc: np.ufunc, x: Any, rows: Any, identity: Any) -> Any:
    """`ufunc` over segments in any order; ids equal to `nrows` are dropped."""
    nrows = rows.nrows
    if ufunc is np.add and x.ndim == 1 and x.dtype == np.float64:
        return np.bincount(rows.ids, x, nrows + 1)[:nrows]
    out = np.full((nrows + 1, *x.shape[1:]), identity, x.dtype)
    ufunc.at(out, rows.ids, x)
    return out[:nrows]


def _segments(ufunc: np.ufunc, x: Any, rows: Segments, identity: Any) -> Any:
    return (_reduceat if rows.offsets is not None else _scatter)(ufunc, x, rows, identity)
