"""One walk for all reducers: an axis becomes segments once, then each leaf is reduced in one primitive."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragged.errors import AxisError, DTypeError
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
    regular,
    rows_of,
    to_regular_node,
)
from ragged.operands import single, wrap
from ragged.rows import Groups, Rows
from ragged.traverse import depth_range

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend
    from ragged.rows import Segments

__all__ = ["Reducer", "axis_of", "flat_leaf", "reduce"]


@dataclass(frozen=True, slots=True)
class Reducer:
    """One reducer, seen at its leaves.

    `segment(b, x, segments, initial)` gives one value a segment; a `positional` one gives the index in `x` of the
    chosen element instead (anything where a segment is empty). `full(b, x)`, where there is one, is a faster way to
    reduce all of a 1-d `x`. `trailing(b, x)` tells whether `segment` takes values with trailing axes. `unknown` is the
    dtype that stands for no type at all.
    """

    name: str
    segment: Callable[..., Any]
    unknown: str = "float64"
    positional: bool = False
    full: Callable[[Backend, Any], Any] | None = None
    trailing: Callable[[Backend, Any], bool] = lambda b, x: False


def axis_of(axis: Any, name: str) -> int | None:
    """`axis` as a Python int, or None."""
    if axis is None or type(axis) is int:
        return axis
    if isinstance(axis, bool) or not hasattr(axis, "__index__"):
        raise AxisError(f"{name}: axis={axis!r} is neither an integer nor None")
    return operator.index(axis)


def reduce(r: Reducer, array: Any, axis: Any, keepdims: bool, mask_identity: bool, initial: Any = None) -> Any:
    """The reduction of an array along an axis (or over everything), as every public reducer returns it."""
    b, node, dense = single(array)
    if type(axis) is not int:
        axis = axis_of(axis, r.name)
    if axis is None:
        return over_all(r, b, node, keepdims, mask_identity, initial, dense)
    if type(node) is Lists and type(node.content) is Flat and (axis == 1 or axis == -1) and not is_text(node):
        if (data := node.content.data).ndim == 1:
            result = leaf(r, b, data, node.rows, None, mask_identity, initial)
            return wrap(b, regular(b, result, 1, result.length) if keepdims else result)
    low, depth = depth_range(node)
    level = axis if axis >= 0 else axis + depth
    if low != depth and axis < 0:
        level = axis + low
    if not 0 <= level < max(depth, 1):
        raise AxisError(f"{r.name}: axis={axis} exceeds the depth of this array, which is {depth}")
    if depth == 1:
        return over_all(r, b, node, keepdims, mask_identity, initial, dense)

    if level == 0:
        result = reduce_node(r, b, node, Rows.regular(b.home(), 1, node.length), None, mask_identity, initial)
        return wrap(b, result if keepdims else only_list(b, result), dense)

    def along(content: Node, segments: Any) -> Node:
        result = reduce_node(r, b, content, segments, None, mask_identity, initial)
        return regular(b, result, 1, segments.nrows) if keepdims else result

    return wrap(b, below(r, b, node, level, along), dense)


def below(r: Reducer, b: Backend, node: Node, level: int, along: Callable[[Node, Any], Node]) -> Node:
    """Walk down to the lists whose entries lie on the axis, and rebuild the levels above them."""
    match node:
        case Record():
            raise no_records(r, node)
        case Union():
            raise no_unions(node, r.name)
        case Option(valid, content, parameters):
            return option(b, valid, below(r, b, content, level, along), parameters)
        case Flat():
            node = to_regular_node(b, node)
            return below(r, b, node, level, along)
        case Lists(rows, content) if level > 1:
            return Lists(rows, below(r, b, content, level - 1, along))
        case Regular(content, size, length) if level > 1:
            return regular(b, below(r, b, content, level - 1, along), size, length)
    rows, content = rows_of(b, node)  # type: ignore[arg-type]
    return along(content, rows)


def only_list(b: Backend, node: Node) -> Any:
    """The one list of a node of length 1, as a node of its own."""
    if type(node) is Flat:
        shape = node.data.shape
        return Flat(b.reshape(node.data, shape[1:]), shape[1]) if len(shape) > 1 else b.reshape(node.data, ())
    if isinstance(node, Lists | Regular):
        return node.content
    raise TypeError(f"{type(node).__name__} is no list")


def no_records(r: Reducer, node: Record) -> DTypeError:
    """The error of a reducer that meets records."""
    return DTypeError(f"{r.name} has no meaning for records (fields {list(node.names)}); reduce one field, as x[field]")


def flat_leaf(r: Reducer, b: Backend, node: Node) -> Node:
    """All values in one list: everything above the leaves flattened away, missing lists dropped."""
    while True:
        match node:
            case Flat(data) if data.ndim > 1:
                n = node.length
                for size in data.shape[1:]:
                    n = n * size
                return Flat(b.reshape(data, (n,)), n)
            case Lists() | Regular() if not is_text(node):
                node = node.content
            case Option(valid, content) if depth_range(content)[1] > 1:
                node = compress(b, content, valid)
            case Record():
                raise no_records(r, node)
            case _:
                return node


def over_all(r: Reducer, b: Backend, node: Node, keepdims: bool, mask_identity: bool, initial: Any, dense: bool) -> Any:
    """Everything reduced to one value (0-d), or None where there is nothing and that is masked."""
    flat = flat_leaf(r, b, node)
    if type(flat) is Flat and r.full is not None and initial is None and not keepdims:
        if not mask_identity or flat.length:
            return r.full(b, flat.data)
    ops = b.home()
    result = reduce_node(r, b, flat, Rows.regular(ops, 1, flat.length), None, mask_identity, initial)
    if keepdims:
        for _ in range(depth_range(node)[1] - 1):
            result = regular(b, result, 1, 1)
        return wrap(b, result, dense)
    if isinstance(result, Option):
        if not b.home(result.valid).true(result.valid[0]):
            return None
        result = result.content
    return wrap(b, only_list(b, result), dense)


def reduce_node(
    r: Reducer, b: Backend, node: Node, segments: Any, positions: Any, mask_identity: bool, initial: Any
) -> Node:
    """One value a segment of the node's entries. Lists are aligned by position within each segment.

    `positions` is where each entry stands along the reduced axis (None: where it stands in its contiguous segment).
    """
    match node:
        case Flat(data):
            if data.ndim == 1 or (r.trailing(b, data) and not mask_identity):
                return leaf(r, b, data, segments, positions, mask_identity, initial)
            return reduce_node(r, b, to_regular_node(b, node), segments, positions, mask_identity, initial)
        case Option(valid, content):
            if r.positional and positions is None:
                positions = segments.positions
            ops = b.home(valid)
            kept = ops.flatnonzero(valid)
            if positions is not None:
                positions = ops.take(positions, kept)
            content = compress(b, content, valid)
            return reduce_node(r, b, content, keep(ops, segments, valid, kept), positions, mask_identity, initial)
        case Lists() | Regular():
            return aligned(r, b, node, segments, positions, mask_identity, initial)
        case Unknown():
            empty = Flat(b.full((0,), 0, r.unknown), 0)
            return reduce_node(r, b, empty, segments, positions, mask_identity, initial)
        case Record():
            raise no_records(r, node)
        case _:
            raise no_unions(node, r.name)


def keep(ops: Backend, segments: Any, valid: Any, kept: Any) -> Any:
    """The segments of the entries that are valid (`kept` are their indices)."""
    if segments.offsets is None:
        return Groups(ops.take(segments.ids, kept), segments.nrows)
    return Rows.from_lengths(ops, ops.segment_sum(ops.astype(valid, "int64"), segments))


def aligned(
    r: Reducer, b: Backend, node: Any, segments: Any, positions: Any, mask_identity: bool, initial: Any
) -> Node:
    """Lists reduced entry by entry: the first entries of a segment's lists together, then the second ones, …"""
    rows, content = rows_of(b, node)
    ops = rows.ops
    of_list = segments.ids
    if isinstance(node, Lists):
        longest = ops.segment_max(rows.lengths, segments, 0)
        out = Rows.from_lengths(ops, longest)
    else:
        out = Rows.regular(ops, segments.nrows, node.size)
    groups = Groups(ops.take(ops.take(out.starts, of_list), rows.ids) + rows.positions, out.total)
    if r.positional:
        positions = ops.take(segments.positions if positions is None else positions, rows.ids)
    result = reduce_node(r, b, content, groups, positions, mask_identity, initial)
    if isinstance(node, Lists):
        return Lists(out, result)
    return regular(b, result, node.size, segments.nrows)


def leaf(r: Reducer, b: Backend, x: Any, segments: Segments, positions: Any, mask_identity: bool, initial: Any) -> Node:
    """One value a segment of dense `x`, missing where the segment is empty if that is masked."""
    values = r.segment(b, x, segments, initial)
    filled = nonempty(b, segments) if mask_identity or r.positional else None
    if r.positional:
        ops = b.home(values)
        if positions is None:
            values = values - segments.offsets[:-1]
        elif ops.size(positions):
            values = ops.take(positions, ops.where(filled, values, 0))
        values = b.asarray(ops.where(filled, values, -1))
    flat = Flat(values, segments.nrows)
    return Option(filled, flat) if mask_identity else flat


def nonempty(b: Backend, segments: Any) -> Any:
    """Which segments hold anything: a boolean a segment."""
    if segments.offsets is not None:
        return segments.lengths > 0
    ops = b.home(segments.ids)
    ones = ops.full((ops.size(segments.ids),), True, "bool")
    return ops.segment_max(ones, segments, False)
