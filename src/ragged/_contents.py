"""What an array holds: its entries one by one, and its buffers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ragged.nodes import Flat, Lists, Node, Option, Unknown, is_text, slice_node
from ragged.traverse import contents_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragged.array import Array
    from ragged.backend import Backend

__all__ = ["buffers", "entries", "nbytes"]


def entries(x: Array) -> Iterator[Any]:
    """The entries of an array in order, each as `x[i]` gives it; structure is read once."""
    return node_entries(x._backend, x.layout, x._attrs, x._behavior)


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


def buffers(node: Node) -> list[Any]:
    """The arrays of content and structure that a layout is made of."""
    own: list[Any] = []
    match node:
        case Flat(data):
            own = [data]
        case Lists(rows):
            own = [rows.offsets]
        case Option(valid):
            own = [valid]
    return own + [buffer for content in contents_of(node) for buffer in buffers(content)]


def nbytes(x: Array) -> int:
    """Bytes of content and structure; what several nodes share counts once."""
    return sum({id(buffer): int(buffer.nbytes) for buffer in buffers(x.layout)}.values())
