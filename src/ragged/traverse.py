"""Depth, axes, and the one way to reach the nodes that an axis names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.errors import AxisError
from ragged.nodes import (
    Flat,
    Lists,
    Node,
    Option,
    Record,
    Regular,
    Union,
    is_text,
    no_unions,
    option,
    regular,
    to_regular_node,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["depth_range", "first_flat", "positive_axis", "rebuild", "visit"]


def depth_range(node: Node) -> tuple[int, int]:
    """The least and greatest number of axes of the node's branches (text counts as a value)."""
    match node:
        case Flat(data):
            return data.ndim, data.ndim
        case Lists() | Regular():
            if is_text(node):
                return 1, 1
            low, high = depth_range(node.content)
            return low + 1, high + 1
        case Option(_, content):
            return depth_range(content)
        case Record(_, contents) | Union(_, _, contents):
            if not contents:
                return 1, 1
            ranges = [depth_range(content) for content in contents]
            return min(low for low, _ in ranges), max(high for _, high in ranges)
        case _:
            return 1, 1


def positive_axis(node: Node, axis: int) -> int | None:
    """`axis` counted from this node's outermost; None where a negative one means different things in its branches."""
    if axis >= 0:
        return axis
    low, high = depth_range(node)
    if low == high:
        if axis + low < 0:
            raise AxisError(f"axis={axis} exceeds the depth of this array, which is {low}")
        return axis + low
    return None


def first_flat(node: Node) -> Flat | None:
    """The first dense node below `node`, if there is one."""
    match node:
        case Flat():
            return node
        case Lists(_, content) | Regular(content) | Option(_, content):
            return first_flat(content)
        case Record(_, contents) | Union(_, _, contents):
            return next((flat for flat in map(first_flat, contents) if flat is not None), None)
        case _:
            return None


def rebuild(b: Backend, node: Node, content: Node) -> Node:
    """A list or option node around another content of the same length."""
    match node:
        case Lists(rows, _, parameters):
            return Lists(rows, content, parameters)
        case Regular(_, size, length, parameters):
            return regular(b, content, size, length, parameters)
        case Option(valid, _, parameters):
            return option(b, valid, content, parameters)
    raise TypeError(f"{type(node).__name__} has no content to replace")


def visit(
    b: Backend, node: Node, axis: int, action: Callable[[Any, int | None], Node | None], name: str = "this operation"
) -> Node:
    """The layout with the nodes that `action` answers replaced by its answer; the others are walked through.

    `action(node, here)` is asked from the outermost node inwards; `here` is the axis counted from that node (0: its
    own entries; 1: the lists that it holds), or None where a negative axis means different things in its branches.
    Dense nodes with trailing axes are shown as `Regular`.

    Raises:
        AxisError: a leaf (number, text) that `action` does not answer: there is no such axis.
    """
    return _visit(b, node, axis, action, name, (node, axis))


def _visit(b: Backend, node: Node, axis: int, action: Any, name: str, given: tuple[Node, int]) -> Node:
    # A function of its own: one within `visit` that calls itself would keep the array until garbage is collected.
    if type(node) is Flat and node.data.ndim > 1:
        node = to_regular_node(b, node)
    here = axis if axis >= 0 else positive_axis(node, axis)
    answer = action(node, here)
    if answer is not None:
        return answer  # type: ignore[no-any-return]
    below = axis if here is None else here
    match node:
        case Record(fields, contents, length, parameters) if contents:
            columns = tuple(_visit(b, each, below, action, name, given) for each in contents)
            return Record(fields, columns, length, parameters)
        case Option():
            return rebuild(b, node, _visit(b, node.content, below, action, name, given))
        case Lists() | Regular() if not is_text(node):
            return rebuild(b, node, _visit(b, node.content, below if here is None else here - 1, action, name, given))
        case Union():
            raise no_unions(node, name)
    top, axis = given
    raise AxisError(f"{name}: axis={axis} exceeds the depth of this array, which is {depth_range(top)[1]}")


def contents_of(node: Node) -> tuple[Any, ...]:
    """The nodes directly below."""
    match node:
        case Lists(_, content) | Regular(content) | Option(_, content):
            return (content,)
        case Record(_, contents) | Union(_, _, contents):
            return contents
        case _:
            return ()
