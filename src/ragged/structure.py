"""How lists are counted, joined to one and cut again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.errors import AxisError, StructureError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Union, Unknown, is_text, no_unions, rows_of, take
from ragged.operands import single, wrap
from ragged.rows import Rows
from ragged.traverse import positive_axis, visit

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["flatten", "num"]


def num(array: Any, axis: int = 1) -> Any:
    """Lengths of the lists along `axis`, int64; the length of the array itself for axis 0.

    Raises:
        AxisError: no such axis.

    >>> import ragged
    >>> ragged.num(ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]]))
    <Array [3, 0, 2] type='3 * int64'>
    """
    b, node, dense = single(array)
    if axis == 1 and type(node) is Lists:
        return wrap(b, Flat(b.asarray(node.rows.lengths), node.rows.nrows))
    if positive_axis(node, axis) == 0:
        return node.length

    def lengths(node: Any, here: int | None) -> Node | None:
        if here != 1 or not isinstance(node, Lists | Regular):
            return None
        if isinstance(node, Lists):
            return Flat(b.asarray(node.rows.lengths), node.length)
        return Flat(b.full((node.length,), node.size, "int64"), node.length)

    return wrap(b, visit(b, node, axis, lengths, "num"), dense)


def flatten(array: Any, axis: int | None = 1) -> Any:
    """The array with one level of lists fewer: the lists along `axis` joined (missing ones dropped).

    Axis 0 drops missing values of the outermost axis; None joins all lists and fields into one flat array.

    Raises:
        AxisError: no such axis.
        StructureError: the lists along the axis are texts, or records.

    >>> import ragged
    >>> ragged.flatten(ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]]))
    <Array [1, 2, 3, 4, 5] type='5 * float64'>
    """
    b, node, dense = single(array)
    if axis == 1 and type(node) is Lists and node.parameters is None:
        return wrap(b, node.content)
    if axis is None:
        raise AxisError("flatten: axis=None is not there yet")
    if positive_axis(node, axis) == 0:
        return wrap(b, _outermost_present(b, node), dense)
    return wrap(b, _flattened(b, node, axis)[1], dense)


def _outermost_present(b: Backend, node: Node) -> Node:
    if isinstance(node, Unknown):
        return Flat(b.full((0,), 0, "float64"), 0)
    if isinstance(node, Option):
        return _outermost_present(b, present(b, node))
    return node


def present(b: Backend, node: Option) -> Node:
    """The content that is not missing."""
    return take(b, node.content, b.home(node.valid).flatnonzero(node.valid))


def _flattened(b: Backend, node: Node, axis: int) -> tuple[Rows | None, Node]:
    """The node without the lists along `axis`; their rows where they are the node's own."""
    here = positive_axis(node, axis)
    below = axis if here is None else here - 1
    match node:
        case Union():
            raise no_unions(node, "flatten")
        case Unknown():
            return Rows.regular(b.home(), 0, 0), Unknown()
        case Option(valid, content, parameters):
            rows, inner = _flattened(b, content, axis)
            if rows is None:
                return None, Option(valid, inner, parameters)
            return _without_missing(b, valid, rows, inner)
        case Record(names, contents, length):
            if here == 1:
                raise StructureError("flatten: records have no lists along this axis to join; flatten their fields")
            flat = tuple(_flattened(b, content, axis)[1] for content in contents)
            return None, Record(names, flat, length)
        case Flat(data) if data.ndim == 1:
            raise AxisError(f"flatten: axis={axis} exceeds the depth of this array")
    rows, content = rows_of(b, node)
    if here == 1:
        if is_text(node):
            raise StructureError("flatten: a text is one value, its characters are no list; convert it to lists first")
        return rows, content
    if is_text(node):
        raise AxisError(f"flatten: axis={axis} exceeds the depth of this array")
    joined, inner = _flattened(b, content, below)
    return None, Lists(rows if joined is None else rows.flatten(joined), inner, node.parameters)


def _without_missing(b: Backend, valid: Any, rows: Rows, content: Node) -> tuple[Rows, Node]:
    """Missing lists made empty; what they hid is left behind."""
    ops = rows.ops
    kept = Rows.from_lengths(ops, ops.where(valid, rows.lengths, 0))
    if kept.total == rows.total:
        return rows, content
    shift = rows.starts - kept.starts
    return kept, take(b, content, ops.arange(kept.total) + ops.repeat(shift, kept.lengths, kept.total))
