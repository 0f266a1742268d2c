"""The first item of a key, which applies to the array as a whole; the rest applies within each of its entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.errors import StructureError
from ragged.nodes import Flat, Lists, Node, Regular, is_text, option, regular, slice_node, take
from ragged.sizes import clipped, differ
from ragged.slicing._axis import is_full, regularise
from ragged.slicing._dense import basic, index_dense
from ragged.slicing._descend import descend, follow
from ragged.slicing._entry import child, within
from ragged.slicing._parts import expand, ground, wrap_shape
from ragged.slicing._plan import Indices

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["select"]


def select(b: Backend, node: Any, items: tuple[Any, ...]) -> tuple[Any, bool]:
    """What items select of the whole array: a node (or a 0-d value), and whether its one entry is the result."""
    if not items:
        return node, False
    head, rest = items[0], items[1:]
    if head is None:
        inner, single = select(b, node, rest)
        if not isinstance(inner, Node):
            return Flat(b.reshape(inner, (1,)), 1), False
        return (inner if single else regular(b, inner, inner.length, 1)), False
    if head is Ellipsis:
        return select(b, node, expand(node, items, 0))
    if type(node) is Flat and basic(items):
        data = index_dense(b, node.data, items, 0)
        kept = node.parameters if isinstance(head, slice) else None
        return (Flat(data, b.size(data), kept) if data.ndim else data), False
    if isinstance(head, int):
        return select_entry(b, node, within(head, node.length), rest)
    if isinstance(head, slice):
        return select_range(b, node, head, rest), False
    if isinstance(head, Indices):
        return select_indices(b, node, head, rest), False
    if differ(head.node.length, node.length, "a ragged index does not line up with the array"):
        raise StructureError(
            f"an index of {head.node.length} lists does not line up with an array of length {node.length}"
        )
    return follow(b, node, None, None, head.node, rest, {}), False


def select_entry(b: Backend, node: Any, i: Any, rest: tuple[Any, ...]) -> tuple[Any, bool]:
    """`select` with an int in front: within a list as a view, where that is what is asked for."""
    if rest and isinstance(rest[0], int | slice) and isinstance(node, Lists | Regular) and not is_text(node):
        return select(b, child(b, node, i), rest)
    return descend(b, node, b.home().arange(1) + i, None, None, rest, {}), True


def select_range(b: Backend, node: Any, key: slice, rest: tuple[Any, ...]) -> Node:
    """`select` with a slice in front: a view where it leaves nothing out between its ends."""
    start, stop, step, count = clipped(key, node.length)
    at = None
    if step != 1:
        at = b.home().arange(count) * step + start
    elif not is_full(key):
        node = slice_node(b, node, start, stop)
    return descend(b, node, at, None, None, rest, {})


def select_indices(b: Backend, node: Any, head: Indices, rest: tuple[Any, ...]) -> Node:
    """`select` with a flat index array in front."""
    ops, valid = head.ops, head.valid
    content, at = ground(b, ops, node, regularise(ops, head, node.length, "this array"), valid)
    out = (
        descend(b, content, at, valid, ops.arange(ops.size(at)), rest, {})
        if rest
        else take(b, content, at, None, valid)
    )
    if valid is not None:
        out = option(b, valid, out)
    return wrap_shape(b, out, head.shape[0], head.shape[1:]) if len(head.shape) > 1 else out
