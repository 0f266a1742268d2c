"""Elements that run on within each row: their positions are made inside of the kernel that gathers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged_jax import _kernels
from ragged_jax._index import INT32, as_index, ids_of, narrowed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.rows import Ranges

__all__ = ["take_ranges"]


WORTH_A_KERNEL = 1 << 15
"""Below this many elements the host makes their positions in less time than a kernel takes to begin."""


def take_ranges(arrays: Sequence[Any], ranges: Ranges, device: Any) -> Any:
    """`x[ranges.index]` of the arrays put one after another; on the host only numbers a row are made, unless there are
    few elements."""
    rows, starts, step, last = ranges.rows, ranges.starts, ranges.step, ranges.last
    size = arrays[0].shape[0] if len(arrays) == 1 else sum(x.shape[0] for x in arrays)
    reach = size if last is None else size + rows.total  # before what lies beyond the last one is brought back
    if rows.total < WORTH_A_KERNEL or reach > INT32 or not isinstance(starts, np.ndarray):
        x = arrays[0] if len(arrays) == 1 else _kernels.concat(list(arrays))
        return _kernels.take(x, as_index(ranges.index, size, device))
    last = size - 1 if last is None else last
    if rows.width is not None:
        return _kernels.take_windows(list(arrays), narrowed(starts, size), rows.width, np.int32(step), np.int32(last))
    # the shift may overflow 32 bits, but what the kernel adds brings it back
    shift = narrowed(starts - rows.starts * step, size)
    return _kernels.take_runs(list(arrays), shift, ids_of(rows, device), np.int32(step), np.int32(last))
