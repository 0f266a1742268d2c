"""Orders and first extrema within segments: constants, so that nothing here has a derivative."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ragged_torch._compat import is_wrapped
from ragged_torch._kernels import ordered, segment_extremum
from ragged_torch._segments import best

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragged.rows import Rows

__all__ = ["argextremum", "argsort", "lexical", "sort"]

SMALL = 4096
"""Below this many elements the number of calls counts, not the passes."""


def argsort(x: torch.Tensor, rows: Rows, descending: bool) -> torch.Tensor:
    """Stable order of each contiguous segment, as positions in `x`."""
    x = ordered(x)
    sizes = lengths_of(x, rows)
    if sizes is None:
        return lexical(x, rows.ids, descending)
    order = torch.arange(x.shape[0], device=x.device)
    for index in lines(rows, sizes):
        found = torch.sort(gathered(x, index), dim=1, stable=True, descending=descending).indices
        order.scatter_(0, index.view(-1), (found + index[:, :1]).view(-1))
    return order


def sort(x: torch.Tensor, rows: Rows, descending: bool) -> torch.Tensor:
    """The values of each contiguous segment in order."""
    sizes = lengths_of(x, rows)
    if sizes is None:
        return torch.index_select(x, 0, lexical(x, rows.ids, descending))
    values = x.clone()
    for index in lines(rows, sizes):
        found = torch.sort(gathered(x, index), dim=1, stable=True, descending=descending).values
        values.scatter_(0, index.view(-1), found.view(-1))
    return values


def lengths_of(x: torch.Tensor, rows: Rows) -> dict[int, int] | None:
    """How many rows of each length there are; None where they are not sorted length by length."""
    n = x.shape[0]
    if is_wrapped(x) or n < SMALL or x.device.type != "cpu":
        return None
    if rows.longest * rows.nrows == n:
        return {rows.longest: rows.nrows}
    if rows.longest * 64 > n:
        return None
    sizes = {length: size for length, size in enumerate(torch.bincount(rows.lengths).tolist()) if size}
    return sizes if len(sizes) * 128 <= n else None


def lines(rows: Rows, sizes: dict[int, int]) -> Iterator[torch.Tensor]:
    """For each length of rows, from 2 on, where their elements are: a line for each row."""
    starts = rows.starts
    if len(sizes) > 1:
        lengths = rows.lengths.to(torch.int16) if rows.longest < 2**15 else rows.lengths
        starts = starts[torch.sort(lengths, stable=True).indices]
    end = 0
    for length, size in sizes.items():
        begins, end = starts[end : end + size], end + size
        if length > 1:
            yield begins[:, None] + torch.arange(length, device=starts.device)


def gathered(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """`x[index]` for an index of two axes (torch's own is slow)."""
    return torch.index_select(x, 0, index.view(-1)).view(index.shape)


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
