"""Layouts as PyTorch's nested tensors, over the same memory wherever these can lie in it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from ragged.errors import UnsupportedError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Union, Unknown, is_text
from ragged.rows import Rows
from ragged_torch._native import on_torch
from ragged_torch._sources import offsets_of, remember

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["to_jagged", "to_nested", "to_strided"]

WAYS_OUT = {
    "text": "take the numbers apart from it, for example one field of the records",
    "records": "take one field at a time, x['name'].to_native(); ragged_torch.collate keeps several in a dict",
    "missing values": "fill them with ragged.fill_none, or leave them out with ragged.drop_none",
    "mixed types": "take its parts by type",
    "lists of unknown type": "give it a type, for example with ragged.values_astype(x, 'float32')",
}


def obstacle(what: str, axis: int, way: str | None = None, layout: str = "jagged") -> UnsupportedError:
    """The error of what a nested tensor cannot hold."""
    way = WAYS_OUT[what] if way is None else way
    return UnsupportedError(f"a nested tensor of layout torch.{layout} cannot hold {what} (at axis={axis}); {way}")


def refused(node: Node, axis: int, layout: str) -> UnsupportedError | None:
    """What is wrong with this node itself, in either layout."""
    match node:
        case _ if is_text(node):
            return obstacle("text", axis, layout=layout)
        case Record():
            return obstacle("records", axis, layout=layout)
        case Option():
            return obstacle("missing values", axis, layout=layout)
        case Union():
            return obstacle("mixed types", axis, layout=layout)
        case Unknown():
            return obstacle("lists of unknown type", axis, layout=layout)
    return None


def to_nested(x: Any, layout: torch.layout = torch.jagged) -> torch.Tensor:
    """A nested tensor over the content of an array, in either layout; gradients flow through it.

    Args:
        x: an array of numbers.
        layout: `torch.jagged`, for one ragged axis, as `x.to_native()` gives it; or `torch.strided`, for entries that
            are rectangles, each of its own size.

    Raises:
        UnsupportedError: the first thing that the layout cannot hold, and the way out.

    >>> import ragged, ragged_torch, torch
    >>> x = ragged.Array([[[1.0], [2.0]], [[3.0, 4.0]]], backend="torch")
    >>> [each.shape for each in ragged_torch.to_nested(x, layout=torch.strided).unbind()]
    [torch.Size([2, 1]), torch.Size([1, 2])]
    """
    b, node = on_torch(x)
    if layout not in (torch.jagged, torch.strided):
        raise UnsupportedError(f"a nested tensor is of layout torch.jagged or torch.strided, not {layout}")
    return to_jagged(b, node) if layout == torch.jagged else to_strided(b, node)


def to_jagged(b: Backend, node: Node) -> torch.Tensor:
    """A nested tensor of the jagged layout: one ragged dimension, at 1 or below regular ones.

    At 1 it shares the content's memory and the offsets: arrays that share their `Rows` give tensors that PyTorch takes
    for aligned.

    Raises:
        UnsupportedError: the first thing that this layout cannot hold, and the way out.
    """
    inner: list[int] = []
    length, content = node.length, node
    while isinstance(node, Regular) and not is_text(node):
        inner.append(node.size)
        node = node.content
    axis = len(inner) + 1
    wrong = refused(node, axis - 1, "jagged")
    if wrong is None and isinstance(node, Lists):
        wrong = refused(node.content, axis, "jagged")
        content = node.content
        if wrong is None and not isinstance(content, Flat):
            way = (
                f"join the two with ragged.flatten(x, axis={axis + 1}); where each entry is a rectangle, "
                "ragged_torch.to_nested(x, layout=torch.strided) holds it"
            )
            wrong = obstacle("a second ragged axis", axis + 1, way)
    if wrong is not None:
        raise wrong
    if isinstance(node, Flat):  # regular throughout, under parameters
        dense: torch.Tensor = b.reshape(node.data, (length, *inner, *node.data.shape[1:]))
        return dense
    assert isinstance(node, Lists) and isinstance(content, Flat)
    if inner:
        return below_regular(b, node.rows, content.data, length, inner)
    remember(node.rows.offsets, node.rows)
    return torch.nested.nested_tensor_from_jagged(content.data, node.rows.offsets)


def below_regular(b: Backend, rows: Rows, data: Any, length: int, inner: list[int]) -> torch.Tensor:
    """A jagged tensor with the ragged dimension behind regular ones: its values hold each of their places in turn."""
    ops, copies, axis = rows.ops, math.prod(inner), len(inner) + 1
    lengths = ops.reshape(rows.lengths, (length, copies))
    each = lengths[:, 0] if copies else ops.full((length,), 0, "int64")
    different = (lengths != each[:, None]).any(1)
    if ops.true(different.any()):
        i = int(ops.flatnonzero(different)[0])
        way = "a ragged axis at 1 may have any lengths; join the axes above it with ragged.flatten"
        raise obstacle(f"lists of different lengths within entry {i}", axis, way)
    offsets = offsets_of(rows, copies, lambda: ops.offsets_from_lengths(each))
    total = rows.total // copies if copies else 0
    starts = ops.reshape(ops.permute_dims(ops.reshape(rows.starts, (length, copies)), (1, 0)), (length * copies,))
    order = Rows.from_lengths(ops, ops.reshape(ops.broadcast_to(each[None, :], (copies, length)), (length * copies,)))
    values = b.reshape(b.take(data, ops.ranges(starts, order)), (*inner, total, *data.shape[1:]))
    return torch.nested.nested_tensor_from_jagged(values, offsets, jagged_dim=axis)


def to_strided(b: Backend, node: Node) -> torch.Tensor:
    """A nested tensor of the strided layout: every entry a rectangle of its own, over the content's memory.

    Raises:
        UnsupportedError: the first thing that this layout cannot hold, and the way out.
    """
    ops, length = b.home(), node.length
    groups = Rows.regular(ops, length, 1)  # of the entries of this level, by the entry of the whole
    sizes: list[Any] = []
    while not isinstance(node, Flat):
        wrong = refused(node, len(sizes), "strided")
        if wrong is not None:
            raise wrong
        assert isinstance(node, Lists | Regular)
        if isinstance(node, Regular):
            sizes.append(ops.full((length,), node.size, "int64"))
            groups = Rows(ops, groups.offsets * node.size, length, node.length * node.size)
        else:
            sizes.append(size_of_all(ops, node.rows.lengths, groups, len(sizes) + 1))
            groups = groups.flatten(node.rows)
        node = node.content
    sizes += [ops.full((length,), size, "int64") for size in node.data.shape[1:]]
    if length == 0 or not sizes:
        raise obstacle("no lists at all", 0, "x.to_native() gives the jagged layout, or a dense tensor", "strided")
    table = torch.stack(sizes, 1).cpu()
    strides_and_starts = torch._nested_compute_contiguous_strides_offsets(table)
    return torch._nested_view_from_buffer(b.reshape(node.data, (-1,)), table, *strides_and_starts)


def size_of_all(ops: Backend, lengths: Any, groups: Rows, axis: int) -> Any:
    """The one length that all lists of a group have, for each group."""
    if groups.total == 0:
        return ops.full((groups.nrows,), 0, "int64")
    first = ops.take(lengths, ops.xp.clip(groups.starts, max=groups.total - 1))
    different = lengths != ops.take(first, groups.ids)
    if ops.true(different.any()):
        i = int(ops.take(groups.ids, ops.flatnonzero(different)[:1])[0])
        raise obstacle(f"lists of different lengths within entry {i}", axis, "join them with ragged.flatten", "strided")
    return ops.where(groups.lengths > 0, first, 0)
