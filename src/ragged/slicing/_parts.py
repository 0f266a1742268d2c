"""What every step of a selection shares: the gather at its end, new axes, and what an Ellipsis stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged._merging import merge
from ragged.errors import AxisError
from ragged.nodes import Node, blank, option, regular, take
from ragged.sizes import is_known
from ragged.slicing._axis import tile
from ragged.slicing._plan import Indices, Ragged
from ragged.traverse import depth_range

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["count", "expand", "gathered", "ground", "new_axes", "too_many", "wrap_shape"]


def gathered(b: Backend, node: Any, at: Any, live: Any, memo: dict[Any, Any]) -> Node:
    """The selected entries themselves: the one gather."""
    return node if at is None else take(b, node, at, memo.setdefault("take", {}), live)


def count(b: Backend, node: Any, at: Any) -> Any:
    """How many entries are selected."""
    return node.length if at is None else b.home(at).size(at)


def wrap_shape(b: Backend, node: Node, n: Any, shape: tuple[int, ...]) -> Node:
    """`n` entries for each of which there are `shape` values in a row: regular axes."""
    for axis in reversed(range(len(shape))):
        length = n
        for size in shape[:axis]:
            length = length * size
        node = regular(b, node, shape[axis], length)
    return node


def ground(b: Backend, ops: Backend, content: Any, at: Any, live: Any) -> tuple[Any, Any]:
    """Content and positions in it, where all lists may be empty but missing values need something to stand on."""
    if live is None:
        return content, at
    if not is_known(content.length):
        return merge(b, [content, blank(b, content, 1)]), at
    if content.length == 0 and ops.size(at):
        return blank(b, content, 1), at * 0
    return content, at


def new_axes(b: Backend, ops: Backend, node: Node, head: Indices, n: Any) -> Node:
    """What a flat index array selected in each of `n` lists, as regular axes of the array's shape."""
    if head.valid is not None:
        node = option(b, tile(ops, head.valid, n, ops.size(head.index)), node)
    return wrap_shape(b, node, n, head.shape)


def too_many(items: tuple[Any, ...]) -> AxisError:
    """The error of a key that goes deeper than the array."""
    return AxisError(f"too many indices: nothing is left to index with {show(items[0])}, the values there are no lists")


def show(item: Any) -> str:
    """An item as a message names it."""
    if isinstance(item, Indices | Ragged):
        return "an index array"
    if isinstance(item, slice):
        parts = ["" if bound is None else str(bound) for bound in (item.start, item.stop, item.step)]
        return ":".join(parts if item.step is not None else parts[:2])
    return "..." if item is Ellipsis else str(item)


def expand(node: Node, items: tuple[Any, ...], outer: int = 1) -> tuple[Any, ...]:
    """Items that begin with an Ellipsis: without it where the rest begins here, else one axis on.

    `outer` is the number of axes of `node` that are behind the items already.
    """
    rest = items[1:]
    if not rest:
        return rest
    low, high = (depth - outer for depth in depth_range(node))
    wanted = sum(isinstance(item, int | slice | Indices) for item in rest)
    if low == high == wanted:
        return rest
    if wanted in (low, high):
        raise AxisError("an Ellipsis (...) needs values of one depth; index the fields or types one by one")
    return (slice(None), *items)
