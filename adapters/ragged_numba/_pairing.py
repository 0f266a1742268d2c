"""All pairs within rows: both entries in one pass, eight pairs written at once, over what comes next."""

from __future__ import annotations

from typing import Any

from ragged.rows import Rows
from ragged_numba._access import get, put
from ragged_numba._compiling import kernel
from ragged_numba._moving import BITS, copy
from ragged_numba._paths import cuts_of
from ragged_numba._threads import share
from ragged_numpy._memory import empty

__all__ = ["pairs"]


@kernel("nniiixnXX")
def pair_rows(
    first: int, last: int, cuts: Any, offsets: Any, ends: Any, x: Any, step: int, left: Any, right: Any
) -> None:
    """Each element with those that come after it in its row, and with itself where the step is 0."""
    for piece in range(first, last):
        stop = ends[cuts[piece + 1]]
        for i in range(cuts[piece], cuts[piece + 1]):
            at, end = get(ends, i), get(offsets, i + 1)
            for j in range(get(offsets, i), end):
                after, value = at + end - j - step, get(x, j)
                if after - at <= 8 and at + 8 <= stop:
                    for k in range(8):
                        put(left, at + k, value)
                else:
                    for k in range(at, after):
                        put(left, k, value)
                copy(x, j + step, right, at, after, stop)
                at = after


def pairs(x: Any, rows: Rows, step: int) -> tuple[Any, Any, Rows]:
    """The first and the second of all pairs within each row, and the rows of pairs."""
    lengths = rows.lengths
    chosen = Rows.from_lengths(rows.ops, lengths * (lengths + (1 - 2 * step)) // 2)
    bits, cuts = BITS[x.itemsize], cuts_of(chosen)
    left, right = empty((chosen.total,), x.dtype), empty((chosen.total,), x.dtype)
    arrays = cuts, rows.offsets, chosen.offsets, x.view(bits), step, left.view(bits), right.view(bits)
    share(pair_rows[bits], len(cuts) - 1, *arrays)
    return left, right, chosen
