"""Softmax: the shares of each list's entries."""

from __future__ import annotations

from dataclasses import dataclass
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
from ragged.traverse import rebuild

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
    level, _ = level_of(node, axis, "softmax")
    result = Softmax(b, axis, mask_identity and not keepdims).lists(node, level)
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


@dataclass(frozen=True, slots=True)
class Softmax:
    """One call: what stays the same on the way down."""

    b: Backend
    axis: int
    mask_identity: bool

    def lists(self, node: Node, level: int) -> Node:
        """The softmax within each list that lies `level` below the node's own entries (0: the node is one list)."""
        b = self.b
        match node:
            case Record():
                raise no_records("softmax", node)
            case Union():
                raise no_unions(node, "softmax")
            case Option(valid, content, parameters) if level:
                return option(b, valid, self.lists(content, level), parameters)
            case Flat() if level:
                node = to_regular_node(b, node)
        if level == 0:
            return self.entries(node, Rows.regular(b.home(), 1, node.length))[0]
        assert isinstance(node, Lists | Regular)
        rows, content = rows_of(b, node)
        if level > 1:
            return rebuild(b, node, self.lists(content, level - 1))
        shares, counted = self.entries(content, rows)
        result = rebuild(b, node, shares)
        return option(b, counted.lengths > 0, result) if self.mask_identity else result

    def entries(self, node: Node, rows: Rows) -> tuple[Node, Rows]:
        """The softmax of the entries of each row, and the rows of those that are not missing."""
        b = self.b
        match node:
            case Flat(data, length):
                return Flat(softmax_of(b, data, rows), length), rows
            case Unknown():
                return Flat(b.full((0,), 0, "float64"), 0), rows
            case Option(valid, content):
                ops = b.home(valid)
                kept = keep(ops, rows, valid, ops.flatnonzero(valid))
                shares, _ = self.entries(compress(b, content, valid), kept)
                index = ops.cumulative_sum(ops.astype(valid, "int64")) - 1
                return take_missing(b, shares, index, valid), kept
            case Record():
                raise no_records("softmax", node)
            case Union():
                raise no_unions(node, "softmax")
        if is_text(node):
            raise DTypeError("softmax has no meaning for text")
        raise UnsupportedError(
            f"softmax along axis={self.axis} needs dense entries: no lists of different lengths and nothing missing "
            f"below it; for axis=-1 anything goes"
        )
