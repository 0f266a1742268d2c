"""How a pass over rows is cut into pieces of equal work, whatever the rows: some of it is for rows, some for elements.

A path leads through all elements and all ends of rows in order; a piece is so many steps of it (Merrill and Garland's
merge path). After `d` steps, of which `i` were ends of rows, `d - i` elements are done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged_numba._compiling import kernel

if TYPE_CHECKING:
    from ragged.rows import Rows

__all__ = ["GRAIN", "LINE", "cuts_of"]

GRAIN = 1 << 16
"""Steps of a piece."""
LINE = np.dtype(np.int64)


@kernel("iI")
def find_cuts(offsets: Any, cuts: Any) -> None:
    """The ends of rows that are before each piece."""
    nrows = offsets.shape[0] - 1
    for piece in range(cuts.shape[0] - 1):
        steps = piece * GRAIN
        low, high = 0, nrows
        while low < high:
            middle = (low + high + 1) // 2
            if offsets[middle] + middle <= steps:
                low = middle
            else:
                high = middle - 1
        cuts[piece] = low
    cuts[-1] = nrows


def cuts_of(rows: Rows) -> Any:
    """For each piece of the path through the rows, and the end, how many rows have ended before."""
    cuts = np.empty(-(-(rows.total + rows.nrows) // GRAIN) + 1, np.int64)
    find_cuts[LINE](rows.offsets, cuts)
    return cuts
