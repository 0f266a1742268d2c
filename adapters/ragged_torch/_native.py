"""PyTorch's nested tensors as layouts, over the same memory wherever a layout can lie in it.

Autograd goes through: a nested tensor's values are taken by `values()`, which is differentiable, and gathered by the
backend. None of its own operations is used.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from ragged.errors import StructureError, UnsupportedError
from ragged.nodes import Flat, Lists, Node, regular
from ragged.operands import common_backend, move, single
from ragged.registry import backend_of_dense, get_backend
from ragged.rows import Rows
from ragged.validation import check_lengths, check_offsets
from ragged_torch._sources import rows_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.backend import Backend

__all__ = ["backend_of", "from_nested", "on_torch"]


def from_nested(x: torch.Tensor) -> Node | None:
    """The layout of a nested tensor, jagged or strided; None of a dense one.

    Raises:
        StructureError: offsets or lengths that do not fit the values (PyTorch looks only when it takes it apart).
        UnsupportedError: a sparse tensor.
    """
    if x.is_nested:
        return from_jagged(x) if x.layout == torch.jagged else from_strided(x)
    if x.layout != torch.strided:
        raise UnsupportedError(f"ragged has no arrays of the layout {x.layout}; use x.to_dense()")
    return None


def backend_of(values: torch.Tensor) -> Backend:
    """The backend of a tensor's device."""
    b = backend_of_dense(values)
    assert b is not None
    return b


def on_torch(x: Any) -> tuple[Backend, Node]:
    """An array's layout on PyTorch (NumPy's goes there), and the backend of its device.

    Raises:
        BackendMismatchError: an array of another framework.
    """
    b, node, _ = single(x)
    target = common_backend([b, get_backend("torch")]) if b.base.name != "torch" else b
    return target, move(target, node, b)


def from_jagged(x: Any) -> Node:
    """Lists at the ragged dimension: over the tensor's own values where these lie row after row, else over a copy."""
    values, offsets, lengths, axis = x.values(), x.offsets(), x.lengths(), x._ragged_idx
    b = backend_of(values)
    ops = b.home(values)
    total = values.shape[axis - 1]
    if axis == 1 and lengths is None:
        rows = rows_from(offsets, lambda: Rows(ops, check_offsets(ops, offsets, total)))
        if rows.total > total:
            check_offsets(ops, offsets, total)
        return Lists(rows, Flat(values if rows.total == total else b.slice(values, 0, rows.total), rows.total))
    inner = tuple(values.shape[: axis - 1])
    starts, each = spans(ops, offsets, lengths, total)
    source = offsets if lengths is None else lengths
    copies = math.prod(inner)
    rows = rows_from(source, lambda: Rows.from_lengths(ops, outer(ops, each, [0] * copies)), copies)
    if axis == 1 and rows.total == total and ops.equal(starts, rows.starts):
        return Lists(rows, Flat(values, total))  # no holes after all
    first = outer(ops, starts, [copy * total for copy in range(copies)])
    flat = b.reshape(values, (copies * total, *values.shape[axis:]))
    node: Node = Lists(rows, Flat(b.take(flat, ops.ranges(first, rows)), rows.total))
    for i in range(len(inner) - 1, -1, -1):
        node = regular(b, node, inner[i], each.shape[0] * math.prod(inner[:i]))
    return node


def spans(ops: Backend, offsets: Any, lengths: Any, total: int) -> tuple[Any, Any]:
    """Where each row of a jagged tensor begins, and how long it is; with lengths there may be holes between rows.

    Raises:
        StructureError: a row outside of the values.
    """
    if lengths is None:
        offsets = check_offsets(ops, offsets, total)
        return offsets[:-1], offsets[1:] - offsets[:-1]
    starts, lengths = ops.astype(offsets[:-1], "int64"), check_lengths(ops, lengths)
    outside = (starts < 0) | (starts + lengths > total)
    if ops.true(ops.xp.any(outside)):
        i = int(ops.flatnonzero(outside)[0])
        place = f"{int(starts[i])}:{int(starts[i] + lengths[i])}"
        raise StructureError(f"row {i} of the nested tensor is {place} of its values, of which there are {total}")
    return starts, lengths


def outer(ops: Backend, x: Any, shifts: Sequence[int]) -> Any:
    """Each entry of `x` plus each of the shifts, those of one entry side by side."""
    steps = ops.asarray(torch.tensor(shifts, dtype=torch.int64))
    return ops.reshape(x[:, None] + steps[None, :], (x.shape[0] * len(shifts),))


def from_strided(x: Any) -> Node:
    """Lists over the tensor's own values where these lie one after another, else over a copy.

    Trailing dimensions of one size are regular, and so are leading ones above a ragged one; the first is ragged where
    none is.
    """
    values, sizes = x.values(), x._nested_tensor_size()
    b = backend_of(values)
    ops = b.home(values)
    if sizes.ndim < 2 or sizes.shape[1] == 0:  # nothing, or numbers
        return Flat(values, values.shape[0])
    sizes = ops.asarray(sizes)
    regular_sizes = fixed(ops, sizes)
    last = max(k for k, size in enumerate(regular_sizes) if size is None)
    if x.is_contiguous():
        levels = partitions(ops, sizes[:, : last + 1])
    else:
        levels = partitions(ops, sizes)
        strides, starts = ops.asarray(x._nested_tensor_strides()), ops.asarray(x._nested_tensor_storage_offsets())
        values = b.take(values, places(ops, strides, starts, levels))
    trailing = tuple(size for size in regular_sizes[last + 1 :] if size is not None)
    total = levels[last].total
    node: Node = Flat(b.reshape(values, (total, *trailing)), total)
    for rows, size in zip(levels[last::-1], regular_sizes[last::-1], strict=True):
        node = Lists(rows, node) if size is None else regular(b, node, size, rows.nrows)
    return node


def fixed(ops: Backend, sizes: Any) -> list[int | None]:
    """For each dimension its size where it is regular."""
    n, ndim = sizes.shape
    same = [n > 0 and ops.true((sizes[:, k] == sizes[:1, k]).all()) for k in range(ndim)]
    ragged = [k for k in range(ndim) if not same[k]] or [0]
    return [int(sizes[0, k]) if same[k] and k not in ragged else None for k in range(ndim)]


def partitions(ops: Backend, sizes: Any) -> list[Rows]:
    """The rows of each dimension over the entries of the next."""
    levels = [Rows.from_lengths(ops, sizes[:, 0])]
    ids = ops.arange(sizes.shape[0])
    for k in range(1, sizes.shape[1]):
        ids = ops.take(ids, levels[-1].ids)
        levels.append(Rows.from_lengths(ops, ops.take(sizes[:, k], ids)))
    return levels


def places(ops: Backend, strides: Any, starts: Any, levels: Sequence[Rows]) -> Any:
    """Where in the buffer each number lies."""
    ids, index = ops.arange(starts.shape[0]), starts
    for k, rows in enumerate(levels):
        ids = ops.take(ids, rows.ids)
        index = ops.take(index, rows.ids) + rows.positions * ops.take(strides[:, k], ids)
    return index
