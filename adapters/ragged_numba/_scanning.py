"""Running sums and products within rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged_numba._access import get, put
from ragged_numba._compiling import kernel
from ragged_numba._paths import cuts_of
from ragged_numba._reducing import WIDE
from ragged_numba._threads import share
from ragged_numpy._memory import empty

if TYPE_CHECKING:
    from ragged.rows import Rows

__all__ = ["scan"]


@kernel("nniixXWb")
def scan_rows(first: int, last: int, cuts: Any, offsets: Any, x: Any, out: Any, identity: Any, multiply: bool) -> None:
    """What a row has summed up to (or multiplied) at each of its elements; a row is the piece's that it ends in."""
    for piece in range(first, last):
        for i in range(cuts[piece], cuts[piece + 1]):
            found = identity[0]
            for j in range(offsets[i], offsets[i + 1]):
                found = found * get(x, j) if multiply else found + get(x, j)
                put(out, j, found)


def scan(x: Any, rows: Rows, multiply: bool) -> Any:
    """The running sums (or products) within each row, of single precision taken in double."""
    cuts, out = cuts_of(rows), empty(x.shape, x.dtype)
    identity = np.full(1, int(multiply), WIDE.get(x.dtype, x.dtype))
    share(scan_rows[x.dtype], len(cuts) - 1, cuts, rows.offsets, x, out, identity, multiply)
    return out
