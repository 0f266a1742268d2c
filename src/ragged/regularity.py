"""Ragged axes made regular, and regular ones ragged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.errors import StructureError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, is_text, regular, rows_of, take_missing
from ragged.operands import single, wrap
from ragged.structure import present
from ragged.traverse import positive_axis, visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["from_regular", "to_packed", "to_regular"]


def to_regular(array: Any, axis: int | None = 1, *, behavior: Any = None, attrs: Any = None) -> Any:
    """The array with the lists along `axis` (None: along all axes) as a regular axis, as in `3 * 2 * float64`.

    Raises:
        AxisError: no such axis.
        StructureError: lists of different lengths; the message names the first row that disagrees.

    >>> import ragged
    >>> ragged.to_regular(ragged.Array([[1, 2], [3, 4]]))
    <Array [[1, 2], [3, 4]] type='2 * 2 * int64'>
    """
    b, node, dense = single(array)
    return wrap(b, _changed(b, node, axis, _closed, "to_regular"), dense, array, attrs=attrs, behavior=behavior)


def from_regular(array: Any, axis: int | None = 1, *, behavior: Any = None, attrs: Any = None) -> Any:
    """The array with the regular axis `axis` (None: all of them) as a ragged one, as in `3 * var * float64`.

    Raises:
        AxisError: no such axis.

    >>> import ragged
    >>> ragged.from_regular(ragged.to_regular(ragged.Array([[1, 2], [3, 4]])))
    <Array [[1, 2], [3, 4]] type='2 * var * int64'>
    """
    b, node, dense = single(array)

    def opened(b: Backend, node: Lists | Regular) -> Node:
        return Lists(*rows_of(b, node), node.parameters)

    return wrap(b, _changed(b, node, axis, opened, "from_regular"), dense, array, attrs=attrs, behavior=behavior)


def to_packed(array: Any, *, behavior: Any = None, attrs: Any = None) -> Any:
    """The array without unused content; layouts never hold any, so this is the array itself.

    >>> import ragged
    >>> ragged.to_packed(ragged.Array([[1, 2], [3]]))
    <Array [[1, 2], [3]] type='2 * var * int64'>
    """
    b, node, dense = single(array)
    return wrap(b, node, dense, array, attrs=attrs, behavior=behavior)


def _changed(b: Backend, node: Node, axis: int | None, change: Callable[..., Node], name: str) -> Node:
    if axis is None:
        every: Node = _every(b, node, change)
        return every
    if positive_axis(node, axis) == 0:
        return node

    def action(node: Any, here: int | None) -> Node | None:
        if here != 1:
            return None
        if type(node) is Option and change is _closed and isinstance(node.content, Lists):
            return _closed_where_present(b, node)
        return change(b, node) if isinstance(node, Lists | Regular) and not is_text(node) else None

    return visit(b, node, axis, action, name)


def _every(b: Backend, node: Any, change: Callable[..., Node]) -> Any:
    match node:
        case Flat(data) if data.ndim > 1 and change is not _closed:
            rows, content = rows_of(b, node)
            return Lists(rows, _every(b, content, change), node.parameters)
        case Lists(rows, content, parameters) if not is_text(node):
            return change(b, Lists(rows, _every(b, content, change), parameters))
        case Regular(content, size, length, parameters) if not is_text(node):
            return change(b, Regular(_every(b, content, change), size, length, parameters))
        case Option(valid, content, parameters):
            if change is _closed:
                inner = _every(b, present(b, node), change)
                return _spread(b, inner, valid, parameters)
            return Option(valid, _every(b, content, change), parameters)
        case Record(names, contents, length, parameters):
            return Record(names, tuple(_every(b, content, change) for content in contents), length, parameters)
        case _:
            return node


def _closed(b: Backend, node: Lists | Regular) -> Node:
    """The lists as ones of one size."""
    if isinstance(node, Regular):
        return regular(b, node.content, node.size, node.length, node.parameters)
    rows = node.rows
    ops, size = rows.ops, rows.longest
    fits = rows.lengths == size
    if ops.violated(~fits, "to_regular: the lists are not of one length"):
        first = ops.bound(rows.offsets[:2], None)
        at = ops.bound(ops.flatnonzero(rows.lengths != first)[:1], None)
        length = ops.bound(rows.lengths[at : at + 1], None)
        raise StructureError(
            f"to_regular: row 0 has {first} values, but row {at} has {length}; "
            "pad_none(..., clip=True) makes lists of one size"
        )
    return regular(b, node.content, size, rows.nrows, node.parameters)


def _closed_where_present(b: Backend, node: Option) -> Node:
    """Missing lists have no length that could disagree."""
    return _spread(b, _closed(b, present(b, node)), node.valid, node.parameters)  # type: ignore[arg-type]


def _spread(b: Backend, some: Node, valid: Any, parameters: Any) -> Option:
    ops = b.home(valid)
    index = ops.xp.maximum(ops.cumulative_sum(ops.astype(valid, "int64")) - 1, 0)
    spread = take_missing(b, some, index, valid)
    return Option(spread.valid, spread.content, parameters)
