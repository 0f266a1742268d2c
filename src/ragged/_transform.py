"""`transform`: a function applied to the nodes of a layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.errors import StructureError
from ragged.nodes import Lists, Node, Option, Record, Regular, Union, option
from ragged.operands import single, wrap
from ragged.traverse import rebuild

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["transform"]


def transform(transformation: Callable[..., Any], array: Any) -> Any:
    """The array with some of its nodes replaced.

    Args:
        transformation: called as `transformation(node, depth=..., backend=...)` for each node (see `ragged.nodes`),
            the outermost first; it gives a node of the same length to put in its place, or None to go on below.
        array: an array.

    Raises:
        StructureError: a replacement of another length.

    >>> import ragged
    >>> from ragged.nodes import Flat
    >>> def negated(node, **_):
    ...     return Flat(-node.data, node.length) if isinstance(node, Flat) else None
    >>> ragged.transform(negated, ragged.Array([[1, 2], [], [3]]))
    <Array [[-1, -2], [], [-3]] type='3 * var * int64'>
    """
    b, node, dense = single(array)
    return wrap(b, walk(b, transformation, node, 1), dense, array)


def walk(b: Backend, transformation: Callable[..., Any], node: Node, depth: int) -> Node:
    """The node's replacement, or the node around the replacements of what it holds."""
    result = transformation(node, depth=depth, backend=b)
    if result is not None:
        if not isinstance(result, Node):
            raise StructureError(f"a transformation returns a node or None, not a {type(result).__name__}")
        if result.length != node.length:
            raise StructureError(
                f"a transformation keeps the length: it put {result.length} entries in the place of {node.length}"
            )
        return result
    match node:
        case Lists() | Regular():
            return rebuild(b, node, walk(b, transformation, node.content, depth + 1))
        case Option(valid, content, parameters):
            return option(b, valid, walk(b, transformation, content, depth), parameters)
        case Record(fields, contents, length, parameters):
            inner = tuple(walk(b, transformation, content, depth) for content in contents)
            return Record(fields, inner, length, parameters)
        case Union(tags, index, contents, length, parameters):
            inner = tuple(walk(b, transformation, content, depth) for content in contents)
            return Union(tags, index, inner, length, parameters)
        case _:
            return node
