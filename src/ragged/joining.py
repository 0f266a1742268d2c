"""Arrays joined along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged._merging import merge
from ragged.array import Array
from ragged.broadcasting import broadcast
from ragged.errors import AxisError, StructureError
from ragged.nodes import Flat, Lists, Node, Option, Regular, is_text, regular, rows_of, take
from ragged.operands import operands, wrap
from ragged.records import repeated
from ragged.registry import backend_of_dense
from ragged.rows import Ranges, Rows
from ragged.sizes import differ, is_known
from ragged.structure import flatten, without_missing
from ragged.traverse import depth_range, positive_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.backend import Backend

__all__ = ["concat", "concatenate", "stack"]


def concatenate(arrays: Any, axis: int = 0, *, mergebool: bool = True, behavior: Any = None, attrs: Any = None) -> Any:
    """The arrays joined along `axis`: one after another (0), or list by list.

    Args:
        arrays: a sequence of arrays (for an inner axis also scalars, which join each list), or one array whose
            lists are joined.
        mergebool: whether booleans and numbers join, as numbers.

    Raises:
        AxisError: no such axis, or not the same one in all arrays.
        StructureError: lists that do not line up.
        UnsupportedError: types that only a union could hold together.

    >>> import ragged
    >>> x = ragged.Array([[1.0, 2.0], [], [3.0]])
    >>> ragged.concatenate([x, [[10], [20], []]], axis=1)
    <Array [[1, 2, 10], [20], [3]] type='3 * var * float64'>
    """
    if (isinstance(arrays, Array) or backend_of_dense(arrays) is not None) and axis == 0:
        return flatten(arrays, 1)
    b, nodes, dense = operands(*arrays)
    position = _position(nodes, axis)
    if position == 0:
        entries = [node if isinstance(node, Node) else repeated(b, node, 1) for node in nodes]
        return wrap(b, merge(b, entries, mergebool), dense, *arrays, attrs=attrs, behavior=behavior)
    if position == 1 and all(type(node) is Lists and node.length == nodes[0].length for node in nodes):
        return wrap(b, _side_by_side(b, nodes, mergebool), False, *arrays, attrs=attrs, behavior=behavior)

    def stop(inputs: Sequence[Any], depth: int) -> bool:
        if any(isinstance(x, Node) and depth_range(x) == (1, 1) for x in inputs):
            raise AxisError(f"concatenate: at least one array is not deep enough to have axis={axis}")
        return depth == position and all(_is_lists(x) or not isinstance(x, Node) for x in inputs)

    def act(b: Backend, inputs: Sequence[Any], valid: Any) -> Node:
        return _side_by_side(b, inputs, mergebool)

    (joined,) = broadcast(b, nodes, act, name="concatenate", right_broadcast=False, stop=stop, dense_leaves=False)
    return wrap(b, joined, dense, *arrays, attrs=attrs, behavior=behavior)


concat = concatenate


def stack(arrays: Any, axis: int = 0) -> Any:
    """The arrays as the entries of a new axis; all have one structure.

    Raises:
        AxisError: no such axis.
        StructureError: arrays of different lengths.

    >>> import ragged
    >>> ragged.stack([ragged.Array([[1, 2], [3]]), ragged.Array([[4, 5], [6]])]).to_list()
    [[[1, 2], [3]], [[4, 5], [6]]]
    """
    b, nodes, dense = operands(*arrays)
    if not nodes or not all(isinstance(node, Node) for node in nodes):
        raise StructureError("stack: give at least one array, and no scalars")
    lengths = [node.length for node in nodes]
    if any(differ(length, lengths[0], "stack: arrays of different lengths") for length in lengths):
        at = next(i for i, length in enumerate(lengths) if length != lengths[0])
        raise StructureError(f"stack: array 0 has length {lengths[0]}, but array {at} has length {lengths[at]}")
    if axis in (0, -1 - depth_range(nodes[0])[1]):
        return wrap(b, regular(b, merge(b, nodes, name="stack"), lengths[0], len(nodes)), dense, *arrays)
    if axis == 1:
        columns = [regular(b, node, 1, node.length) for node in nodes]
        return wrap(b, _side_by_side(b, columns, True), dense, *arrays)
    raise AxisError(f"stack: axis={axis}; a new axis can only be the first (0) or the second (1)")


def _position(nodes: Sequence[Any], axis: int) -> int:
    """The axis counted from the outermost one, which must be the same in all arrays."""
    arrays = [node for node in nodes if isinstance(node, Node)]
    if not arrays:
        raise StructureError("concatenate: need at least one array to concatenate")
    deepest = max(depth_range(node)[1] for node in arrays)
    positions = [positive_axis(node, axis) for node in arrays]
    first = positions[0]
    if first is None or not 0 <= first < deepest:
        raise AxisError(f"concatenate: axis={axis} is beyond the depth of the arrays ({deepest}), or ambiguous")
    if any(position != first for position in positions):
        raise AxisError(f"concatenate: the arrays do not have the same depth for negative axis={axis}")
    return first


def _is_lists(node: Any) -> bool:
    if type(node) is Option:
        node = node.content
    if type(node) is Flat:
        return len(node.data.shape) > 1
    return isinstance(node, Lists | Regular) and not is_text(node)


def _size(b: Backend, node: Any) -> Any:
    """The one size of regular lists, None for ragged ones."""
    if type(node) is Flat:
        return b.shape(node.data)[1]
    return node.size if isinstance(node, Regular) else None


def _side_by_side(b: Backend, inputs: Sequence[Any], mergebool: bool) -> Node:
    """In each row the values of all inputs, one input after another (a scalar joins each row, a missing list none)."""
    n = next(x.length for x in inputs if isinstance(x, Node))
    parts: list[tuple[Rows, Node]] = []
    sizes: list[Any] = []
    for x in inputs:
        if not isinstance(x, Node):
            x = Regular(repeated(b, x, n), 1, n)
        if not _is_lists(x):
            raise AxisError("concatenate: at least one array is not deep enough")
        if isinstance(x, Option):
            size = _size(b, x.content)
            parts.append(without_missing(b, x.valid, *rows_of(b, x.content)))  # type: ignore[arg-type]
            sizes.append(None if not is_known(size) or size else size)
        else:
            parts.append(rows_of(b, x))
            sizes.append(_size(b, x))
    contents = [content for _, content in parts]
    numbers = [content.data for content in contents if type(content) is Flat and content.parameters is None]
    are_alike = len(numbers) == len(contents) and len({(b.dtype(x), x.ndim) for x in numbers}) == 1
    if are_alike and numbers[0].ndim == 1 and not is_known(n) and all(type(size) is int for size in sizes):
        return regular(b, Flat(_columns(b, numbers, sizes, n), n * sum(sizes)), sum(sizes), n)
    ranges, rows = _interleaved(b, [rows for rows, _ in parts])
    if are_alike and numbers[0].ndim == 1:
        content: Node = Flat(b.interleave(numbers, ranges), ranges.rows.total)
    else:
        content = take(b, merge(b, contents, mergebool), ranges)
    if all(size is not None for size in sizes):
        return regular(b, content, sum(sizes), n)
    return Lists(rows, content)


def _columns(b: Backend, numbers: Sequence[Any], sizes: Sequence[int], n: Any) -> Any:
    """The values of regular lists side by side: as matrices, which a program that is compiled can join without an
    index."""
    turned = [b.permute_dims(b.reshape(x, (n, size)), (1, 0)) for x, size in zip(numbers, sizes, strict=True)]
    return b.reshape(b.permute_dims(b.concat(turned), (1, 0)), (n * sum(sizes),))


def _interleaved(b: Backend, parts: Sequence[Rows]) -> tuple[Ranges, Rows]:
    """Where the values of each joined row lie in the parts' contents put one after another; and the joined rows."""
    ops = b.home(*[rows.offsets for rows in parts])
    offsets, starts, base = parts[0].offsets, [parts[0].starts], parts[0].total
    for rows in parts[1:]:
        offsets = offsets + rows.offsets
        starts.append(rows.starts + base)
        base = base + rows.total
    joined = Rows(ops, offsets, parts[0].nrows, base)
    pieces = joined.nrows * len(parts)
    lengths = ops.reshape(ops.xp.stack([rows.lengths for rows in parts], axis=1), (pieces,))
    begins = ops.reshape(ops.xp.stack(starts, axis=1), (pieces,))
    return Ranges(begins, Rows.from_lengths(ops, lengths, base)), joined
