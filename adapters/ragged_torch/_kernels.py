"""Gathers and segment kernels, made of torch's own differentiable primitives.

Numbers that PyTorch stores but does not compute with (uint16, uint32, uint64) are moved and added as signed ones of
their width: the bits of the result are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ragged_torch._dtypes import LAME, signed, unsigned

if TYPE_CHECKING:
    from ragged.rows import Rows, Segments

__all__ = ["ordered", "ranges", "repeat", "row_ids", "row_positions", "segment_extremum", "segment_sum", "take"]


def take(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """`x[index]` along axis 0."""
    return unsigned(torch.index_select(signed(x), 0, index), x.dtype)


def repeat(x: torch.Tensor, counts: torch.Tensor, total: int) -> torch.Tensor:
    """Each entry as many times as it says, `total` in all."""
    return unsigned(torch.repeat_interleave(signed(x), counts, dim=0, output_size=total), x.dtype)


def row_ids(rows: Rows) -> torch.Tensor:
    """The row of each element: a running count of the rows begun (a third of the time of `repeat_interleave`)."""
    offsets = rows.offsets
    begun = torch.zeros(rows.total + 1, dtype=torch.int64, device=offsets.device)
    inner = offsets[1:-1]
    return torch.cumsum(torch.index_add(begun, 0, inner, torch.ones_like(inner))[:-1], 0)


def row_positions(rows: Rows) -> torch.Tensor:
    """The position of each element in its row."""
    count = torch.arange(rows.total, device=rows.offsets.device)
    return count - torch.index_select(rows.starts, 0, rows.ids)


def ranges(starts: torch.Tensor, rows: Rows, step: int) -> torch.Tensor:
    """Numbers from `starts` on for each row: a running sum of steps, with a jump where a row begins."""
    shift = starts - rows.starts * step
    steps = torch.full((rows.total + 1,), step, dtype=torch.int64, device=shift.device)
    first = torch.full((1,), step, dtype=torch.int64, device=shift.device)
    jumps = torch.diff(shift, prepend=first)  # rows that are empty begin where the next one does
    return torch.cumsum(torch.index_add(steps, 0, rows.starts, jumps)[:-1], 0)


def segment_sum(x: torch.Tensor, rows: Segments) -> torch.Tensor:
    """Sum by segment; ids equal to the number of rows are dropped."""
    y = signed(x)
    n = rows.nrows + (rows.offsets is None)
    start = torch.zeros((n, *x.shape[1:]), dtype=y.dtype, device=x.device)
    total = torch.index_add(start, 0, rows.ids, y)
    return unsigned(total if n == rows.nrows else total[: rows.nrows], x.dtype)


def ordered(x: torch.Tensor) -> torch.Tensor:
    """Numbers in the order of `x`, in a dtype that PyTorch compares."""
    if x.dtype == torch.bool:
        return x.to(torch.uint8)
    if x.dtype == torch.uint64:
        return x.view(torch.int64) ^ torch.iinfo(torch.int64).min
    return x.to(torch.int64) if x.dtype in LAME else x


def disordered(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The way back from `ordered`."""
    if dtype == torch.uint64:
        return (x ^ torch.iinfo(torch.int64).min).view(torch.uint64)
    return x.to(dtype)


def segment_extremum(x: torch.Tensor, rows: Segments, identity: Any, largest: bool) -> torch.Tensor:
    """Maximum (or minimum) by segment, `identity` where one is empty; NaN wins."""
    n = rows.nrows + (rows.offsets is None)
    start = ordered(torch.full((n, *x.shape[1:]), identity, dtype=x.dtype, device=x.device))
    y = ordered(x)
    ids = rows.ids.reshape(-1, *(1,) * (x.ndim - 1)).expand(x.shape)
    way = "amax" if largest else "amin"
    best = torch.scatter_reduce(start, 0, ids, y, way, include_self=False)
    return disordered(best if n == rows.nrows else best[: rows.nrows], x.dtype)
