"""Elements that run on within each row: their positions are made inside of the kernel that gathers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged_jax import _kernels
from ragged_jax._index import INT32, WORTH_KEEPING, as_index, ids_of, narrowed

if TYPE_CHECKING:
    from ragged.rows import Ranges

__all__ = ["take_ranges"]


def take_ranges(x: Any, ranges: Ranges, device: Any) -> Any:
    """`x[ranges.index]`; on the host only numbers a row are made, unless there are few elements."""
    rows, starts, step = ranges.rows, ranges.starts, ranges.step
    size = x.shape[0]
    if rows.total < WORTH_KEEPING or not isinstance(starts, np.ndarray):
        return _kernels.take(x, as_index(ranges.index, size))
    last = size - 1 if ranges.last is None else ranges.last
    dtype = np.int32 if size <= INT32 else np.int64
    if rows._longest is not None and rows._longest * rows.nrows == rows.total:
        return _kernels.take_windows(x, narrowed(starts, size), rows._longest, dtype(step), dtype(last))
    # 32 bits may overflow in the shift, but what is added then brings them back
    shift = narrowed(starts - rows.starts * step, size)
    return _kernels.take_runs(x, shift, ids_of(rows, device), dtype(step), dtype(last))
