"""NumPy's kernels over tensors on the CPU, in the same memory: passes that PyTorch has no fast form of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ragged.registry import get_backend
from ragged.rows import Groups
from ragged_torch._arrays import to_numpy
from ragged_torch._compat import is_batched_by_autograd, is_wrapped

if TYPE_CHECKING:
    from ragged.rows import Rows, Segments

__all__ = ["NUMPY", "is_fastest", "on_host", "ranges", "reduced", "row_ids", "row_positions"]

NUMPY: Any = get_backend("numpy")
SMALL = 1 << 14
"""Below this many elements the number of calls counts, not the passes."""
FLOATS = frozenset({torch.float32, torch.float64})


def is_fastest(x: torch.Tensor) -> bool:
    """Whether segments of `x` are reduced here: PyTorch takes twice the time for short rows, and more for unequal
    ones, which its threads cannot share."""
    return (
        x.ndim == 1
        and x.shape[0] >= SMALL
        and x.dtype in FLOATS
        and x.device.type == "cpu"
        and not (torch.compiler.is_compiling() or is_wrapped(x) or is_batched_by_autograd(x))
    )


def on_host(rows: Segments) -> Any:
    """Segments on NumPy, over the same structure."""
    if rows.offsets is None:
        return Groups(to_numpy(rows.ids), rows.nrows)
    return beside(rows)  # type: ignore[arg-type]


def beside(rows: Rows) -> Any:
    """Rows on NumPy, with the lengths that are kept, and the row numbers where a kernel reads them (short ones)."""
    found = rows.on(NUMPY)
    if found._lengths is None:
        found._lengths = to_numpy(rows.lengths)
    if found._ids is None and (rows._ids is not None or rows.total < 8 * rows.nrows):
        found._ids = to_numpy(rows.ids)
    return found


def reduced(x: torch.Tensor, rows: Rows, way: str, identity: float) -> torch.Tensor:
    """Sum, product, maximum or minimum of each segment, `identity` where one is empty; no derivative."""
    values, host = to_numpy(x), beside(rows)
    if way == "sum":
        found = NUMPY.segment_sum(values, host)
    elif way == "prod":
        found = NUMPY.segment_prod(values, host)
    else:
        found = (NUMPY.segment_max if way == "max" else NUMPY.segment_min)(values, host, identity)
    return torch.from_numpy(found)


def row_ids(rows: Rows) -> torch.Tensor:
    """For each element the number of its row."""
    return torch.from_numpy(NUMPY.row_ids(rows.on(NUMPY)))


def row_positions(rows: Rows) -> torch.Tensor:
    """For each element its position within its row."""
    return torch.from_numpy(NUMPY.row_positions(beside(rows)))


def ranges(starts: torch.Tensor, rows: Rows, step: int) -> torch.Tensor:
    """Numbers from `starts` on for each row."""
    return torch.from_numpy(NUMPY.ranges(to_numpy(starts), beside(rows), step))
