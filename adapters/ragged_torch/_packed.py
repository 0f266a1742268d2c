"""PyTorch's packed sequences (what its recurrent networks take) as layouts and back; gradients flow both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils.rnn import PackedSequence

from ragged.errors import StructureError, UnsupportedError
from ragged.nodes import Flat, Lists, Node
from ragged.partitions import one_axis
from ragged.rows import Rows
from ragged_torch._native import backend_of, on_torch

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["PackedSequence", "from_packed", "to_packed_sequence"]


def from_packed(x: PackedSequence) -> Node:
    """The rows of a packed sequence, in the order that they had before they were sorted.

    Raises:
        StructureError: batch sizes or indices that do not fit the data.
    """
    b = backend_of(x.data)
    ops = b.home(x.data)
    steps = ops.asarray(x.batch_sizes)
    nrows = int(x.batch_sizes[0]) if x.batch_sizes.numel() else 0
    check(ops, steps, x.data.shape[0])
    place = ops.arange(nrows) if x.unsorted_indices is None else ops.asarray(x.unsorted_indices)
    if place.shape[0] != nrows or not ops.equal(ops.xp.sort(place), ops.arange(nrows)):
        raise StructureError(f"unsorted_indices is no order of the {nrows} rows of the packed sequence")
    sorted_lengths = steps.shape[0] - ops.searchsorted(ops.xp.flip(steps, axis=0), ops.arange(nrows), "right")
    rows = Rows.from_lengths(ops, ops.take(sorted_lengths, place), x.data.shape[0])
    index = ops.take(ops.offsets_from_lengths(steps), rows.positions) + ops.take(place, rows.ids)
    return Lists(rows, Flat(b.take(x.data, index), rows.total))


def check(ops: Backend, steps: Any, total: int) -> None:
    """Batch sizes are positive, never grow, and add up to the data."""
    if ops.true((steps < 1).any()) or ops.true((steps[1:] > steps[:-1]).any()):
        raise StructureError(f"the batch sizes of a packed sequence are positive and never grow, not {steps.tolist()}")
    if int(steps.sum()) != total:
        raise StructureError(f"the batch sizes add up to {int(steps.sum())}, but there are {total} entries of data")


def to_packed_sequence(x: Any) -> PackedSequence:
    """The rows as a `PackedSequence`, for PyTorch's recurrent networks; gradients flow through it.

    Args:
        x: an array with one ragged axis, of numbers or vectors.

    Raises:
        UnsupportedError: a row without entries, which no packed sequence holds.
        StructureError: not one ragged axis.

    >>> import ragged, ragged_torch
    >>> packed = ragged_torch.to_packed_sequence(ragged.Array([[1.0], [2.0, 3.0]], backend="torch"))
    >>> packed.data, packed.batch_sizes
    (tensor([2., 1., 3.], dtype=torch.float64), tensor([2, 1]))
    >>> ragged.from_native(packed)
    <Array [[1], [2, 3]] type='2 * var * float64' backend='torch'>
    """
    b, node = on_torch(x)
    rows, valid, flat = one_axis(b, node)
    if valid is not None:
        raise UnsupportedError("a packed sequence cannot hold missing values; use ragged.drop_none or ragged.fill_none")
    ops, n = rows.ops, rows.nrows
    empty = rows.lengths == 0
    if n == 0 or ops.true(empty.any()):
        which = f"row {int(ops.flatnonzero(empty)[0])} has none" if n else "there is no row"
        raise UnsupportedError(f"a packed sequence holds rows of at least one entry, but {which}; leave such rows out")
    order = torch.argsort(rows.lengths, descending=True, stable=True)
    ascending = ops.xp.flip(ops.take(rows.lengths, order), axis=0)
    steps = n - ops.searchsorted(ascending, ops.arange(rows.longest), "right")
    times = Rows.from_lengths(ops, steps, rows.total)
    index = ops.take(ops.take(rows.starts, order), times.positions) + times.ids
    return PackedSequence(b.take(flat.data, index), steps.cpu(), order, torch.argsort(order))
