"""Orders and first extrema within segments: constants, so that nothing here has a derivative."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ragged_torch._compat import is_wrapped
from ragged_torch._kernels import ordered, segment_extremum
from ragged_torch._segments import best

if TYPE_CHECKING:
    from ragged.rows import Rows

__all__ = ["argextremum", "argsort"]

SMALL = 4096
"""Below this many elements the number of calls counts, not the passes."""


def argsort(x: torch.Tensor, rows: Rows, descending: bool) -> torch.Tensor:
    """Stable order of each contiguous segment, as positions in `x`."""
    x = ordered(x)
    if is_wrapped(x) or x.shape[0] < SMALL or x.device.type != "cpu":
        return lexical(x, rows.ids, descending)
    if rows.longest * rows.nrows == rows.total:
        return sorted_lines(x.view(rows.nrows, -1), rows.starts, descending).view(-1)
    sizes = torch.bincount(rows.lengths).tolist()
    if sum(map(bool, sizes)) * 128 > x.shape[0]:
        return lexical(x, rows.ids, descending)
    lengths = rows.lengths.to(torch.int16) if rows.longest < 2**15 else rows.lengths
    starts = rows.starts[torch.sort(lengths, stable=True).indices]
    order = torch.arange(x.shape[0], device=x.device)
    end = sum(sizes[:2])
    for length, size in enumerate(sizes[2:], 2):
        begins, end = starts[end : end + size], end + size
        if size:
            index = begins[:, None] + torch.arange(length, device=x.device)
            lines = torch.index_select(x, 0, index.view(-1)).view(size, length)
            order.scatter_(0, index.view(-1), sorted_lines(lines, begins, descending).view(-1))
    return order


def sorted_lines(x: torch.Tensor, begins: torch.Tensor, descending: bool) -> torch.Tensor:
    """Stable order of each line of a matrix, as positions that count from the lines' beginnings."""
    return torch.sort(x, dim=1, stable=True, descending=descending).indices + begins[:, None]


def lexical(x: torch.Tensor, ids: torch.Tensor, descending: bool) -> torch.Tensor:
    """Stable order within each segment, by values and then segments."""
    order = torch.sort(x, stable=True, descending=descending).indices
    by_segment = torch.sort(torch.index_select(ids, 0, order), stable=True).indices
    return torch.index_select(order, 0, by_segment)


def argextremum(x: torch.Tensor, rows: Rows, largest: bool) -> torch.Tensor:
    """Where each segment has its first maximum (or minimum; NaN wins); 0 where it is empty."""
    x = ordered(x)
    if x.is_floating_point():
        found = best(x, rows, "max" if largest else "min")
    else:
        limits = torch.iinfo(x.dtype)
        found = segment_extremum(x, rows, limits.min if largest else limits.max, largest)
    ties = (x == torch.index_select(found, 0, rows.ids)) | (x != x)
    hits = torch.nonzero(ties).view(-1)
    first = torch.zeros(rows.nrows, dtype=torch.int64, device=x.device)
    return torch.scatter_reduce(first, 0, torch.index_select(rows.ids, 0, hits), hits, "amin", include_self=False)
