"""What an array holds: its entries one by one, and its buffers."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.nodes import Flat, Lists, Node, Option, Unknown, is_text, slice_node
from ragged.traverse import contents_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragged.array import Array
    from ragged.backend import Backend

__all__ = ["entries", "nbytes"]


def entries(x: Array) -> Iterator[Any]:
    """The entries of an array in order, each as `x[i]` gives it; structure is read once.

    A framework that compiles or launches something for each slice is asked for the whole content once, and given
    each entry back, unless derivatives flow through it.
    """
    b, node = x._backend, x.layout
    if b.over_numpy or b.level or any(b.differentiating(flat.data) for flat in flats(node)):
        return node_entries(b, node, x._attrs, x._behavior)
    from ragged.interchange import on_numpy
    from ragged.registry import get_backend

    host = node_entries(get_backend("numpy"), on_numpy(b, node), x._attrs, x._behavior)
    return (returned(b, entry) for entry in host)


def flats(node: Node) -> list[Flat]:
    """The dense nodes of a layout."""
    if isinstance(node, Flat):
        return [node]
    return [flat for content in contents_of(node) for flat in flats(content)]


def returned(b: Backend, entry: Any) -> Any:
    """An entry that was taken on NumPy as one of the backend that its array lives on."""
    from ragged.array import Array, Record
    from ragged.operands import move

    if isinstance(entry, Record):
        return Record(returned(b, entry._array))
    if isinstance(entry, Array):
        return Array._of(move(b, entry.layout, entry._backend), b, entry._attrs, entry._behavior)
    return b.asarray(entry) if isinstance(entry, np.generic) else entry


def node_entries(b: Backend, node: Node, attrs: Any, behavior: Any) -> Iterator[Any]:
    """The entries of a node."""
    from ragged.slicing._entry import entry, finish

    if isinstance(node, Flat) and node.data.ndim == 1 and not b.level:
        return iter(node.data)
    if is_text(node):
        from ragged.array import Array
        from ragged.interchange import to_list

        return iter(to_list(Array._of(node, b)))
    match node:
        case Unknown(n):
            return iter([None] * int(n))
        case Option(valid, content):
            present = b.home(valid).to_numpy(valid).tolist()
            inner = node_entries(b, content, attrs, behavior)
            return (value if here else None for here, value in zip(present, inner, strict=True))
        case Lists(rows, content):
            bounds = rows.ops.to_numpy(rows.offsets).tolist()
            ranges = pairwise(bounds)
            return (finish(b, slice_node(b, content, low, high), attrs, behavior) for low, high in ranges)
        case _:
            return (entry(b, node, i, attrs, behavior) for i in range(int(node.length)))


def nbytes(x: Array) -> int:
    """Bytes of content and structure; what several nodes share counts once."""
    sizes: dict[int, int] = {}
    stack: list[Any] = [x.layout]
    while stack:
        node = stack.pop()
        stack += contents_of(node)
        match node:
            case Flat(data):
                owner, array = x._backend, data
            case Lists(rows):
                owner, array = rows.ops, rows.offsets
            case Option(valid):
                owner, array = x._backend.home(valid), valid
            case _:
                continue
        sizes[id(array)] = math.prod(array.shape) * owner.dtype(array).itemsize
    return sum(sizes.values())
