"""Softmax: the shares of each list's entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged._moments import softmax_of
from ragged._reduce import axis_of, keep, level_of, no_records
from ragged.errors import AxisError, DTypeError, UnsupportedError
from ragged.nodes import (
    Flat,
    Lists,
    Node,
    Option,
    Record,
    Regular,
    Union,
    Unknown,
    compress,
    is_text,
    no_unions,
    option,
    rows_of,
    take_missing,
    to_regular_node,
)
from ragged.operands import single, wrap
from ragged.rows import Rows
from ragged.traverse import depth_range, rebuild

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["softmax"]


def softmax(
    x: Any,
    axis: int = -1,
    *,
    keepdims: bool = False,
    mask_identity: bool = False,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """`exp(x) / sum(exp(x))` within each list along an axis, without overflow; the structure is that of `x`.

    Args:
        x: anything that becomes an array; missing values stay missing and count as absent.
        axis: the innermost axis, or one whose entries are dense: each column of `n * var * 4 * float64` has shares of
            its own along axis=1.
        keepdims: with `mask_identity`, empty lists stay and their numbers may be missing, as in Awkward.
        mask_identity: None instead of a list that is empty.

    Raises:
        AxisError: no such axis, or None.
        UnsupportedError: an axis that has lists of different lengths, or missing values, below it.

    >>> import ragged
    >>> ragged.softmax([[0.0, 0.0], [], [7.0]])
    <Array [[0.5, 0.5], [], [1]] type='3 * var * float64'>
    """
    b, node, dense = single(x)
    if type(axis) is not int:
        axis = axis_of(axis, "softmax")  # type: ignore[assignment]
        if axis is None:
            raise AxisError("softmax needs an axis: axis=-1, the innermost; for axis=None flatten the array first")
    level, depth = level_of(node, axis, "softmax")
    if level == depth - 1:
        result = softmax_lists(b, node, mask_identity and not keepdims)
    else:
        result = softmax_columns(b, node, axis, depth - 1 - level, mask_identity and not keepdims)
    if mask_identity and keepdims:
        result = optional(b, result)
    return wrap(b, result, dense, x, attrs=attrs, behavior=behavior)


def optional(b: Backend, node: Any) -> Node:
    """The node with numbers of a type that allows missing ones."""
    if isinstance(node, Flat) and node.data.ndim > 1:
        node = to_regular_node(b, node)
    if isinstance(node, Flat):
        return Option(b.home().full((node.length,), True, "bool"), node)
    if isinstance(node, Option) and isinstance(node.content, Flat) and node.content.data.ndim == 1:
        return node
    return rebuild(b, node, optional(b, node.content))


def softmax_lists(b: Backend, node: Node, mask_identity: bool) -> Node:
    """The softmax within each innermost list of a node (the node itself where it holds no lists)."""
    match node:
        case Flat(data) if data.ndim > 1:
            node = to_regular_node(b, node)
        case Option(valid, content, parameters) if depth_range(content)[1] > 1:
            return option(b, valid, softmax_lists(b, content, mask_identity), parameters)
        case Flat() | Unknown() | Option():
            return softmax_entries(b, node, Rows.regular(b.home(), 1, node.length))[0]
        case Lists() | Regular() if is_text(node):
            raise DTypeError("softmax has no meaning for text")
        case Record():
            raise no_records("softmax", node)
        case Union():
            raise no_unions(node, "softmax")
    assert isinstance(node, Lists | Regular)
    if depth_range(node)[1] > 2:
        return rebuild(b, node, softmax_lists(b, node.content, mask_identity))
    rows, content = rows_of(b, node)
    entries, counted = softmax_entries(b, content, rows)
    result = rebuild(b, node, entries)
    return option(b, counted.lengths > 0, result) if mask_identity else result


def softmax_entries(b: Backend, node: Node, rows: Rows) -> tuple[Node, Rows]:
    """The softmax of the entries of each row, and the rows of those that are not missing."""
    match node:
        case Flat(data, length):
            return Flat(softmax_of(b, data, rows), length), rows
        case Unknown():
            return Flat(b.full((0,), 0, "float64"), 0), rows
        case Option(valid, content):
            ops = b.home(valid)
            kept = keep(ops, rows, valid, None)
            entries, _ = softmax_entries(b, compress(b, content, valid), kept)
            index = ops.cumulative_sum(ops.astype(valid, "int64")) - 1
            return take_missing(b, entries, index, valid), kept
        case Record():
            raise no_records("softmax", node)
    raise DTypeError("softmax has no meaning for text")


def softmax_columns(b: Backend, node: Node, axis: int, below: int, mask_identity: bool) -> Node:
    """The softmax within each list whose entries are dense, with `below` axes."""
    match node:
        case Flat(data, length) if len(b.shape(data)) == below + 1:
            return Flat(softmax_of(b, data, Rows.regular(b.home(data), 1, length)), length)
        case Flat(data) if len(b.shape(data)) > below + 1:
            node = to_regular_node(b, node)
        case Option(valid, content, parameters):
            return option(b, valid, softmax_columns(b, content, axis, below, mask_identity), parameters)
    if not isinstance(node, Lists | Regular) or depth_range(node)[1] <= below:
        raise UnsupportedError(
            f"softmax along axis={axis} needs dense entries: no lists of different lengths and nothing missing below "
            f"it; for axis=-1 anything goes"
        )
    rows, content = rows_of(b, node)
    if not isinstance(content, Flat) or len(b.shape(content.data)) != below + 1:
        return rebuild(b, node, softmax_columns(b, content, axis, below, mask_identity))
    result = rebuild(b, node, Flat(softmax_of(b, content.data, rows), content.length))
    return option(b, rows.lengths > 0, result) if mask_identity else result
