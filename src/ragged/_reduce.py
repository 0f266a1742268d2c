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
from ragged.rows import Groups, Rows, never_empty
from ragged.sizes import is_known
from ragged.traverse import depth_range

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["Reducer", "Run", "align", "axis_of", "flat_leaf", "keep", "level_of", "no_records", "reduce"]


@dataclass(frozen=True, slots=True)
class Reducer:
    """One reducer, seen at its leaves.

    `segment(b, x, segments, initial)` gives one value a segment; a `positional` one gives the index in `x` of the
    chosen element instead (anything where a segment is empty). `full(b, x)`, where there is one, is a faster way to
    reduce all of a 1-d `x`. `trailing(b, x)` tells whether `segment` takes values with trailing axes. `unknown` is the
    dtype that stands for no type at all; `text` tells whether a text counts, as one value.
    """

    name: str
    segment: Callable[..., Any]
    unknown: str = "float64"
    positional: bool = False
    full: Callable[[Backend, Any], Any] | None = None
    trailing: Callable[[Backend, Any], bool] = lambda b, x: False
    text: bool = False


def axis_of(axis: Any, name: str) -> int | None:
    """`axis` as a Python int, or None."""
    if axis is None or type(axis) is int:
        return axis
    if isinstance(axis, bool) or not hasattr(axis, "__index__"):
        raise AxisError(f"{name}: axis={axis!r} is neither an integer nor None")
    return operator.index(axis)


def level_of(node: Node, axis: int, name: str) -> tuple[int, int]:
    """`axis` counted from the outermost, and the depth of the array."""
    low, depth = depth_range(node)
    level = axis if axis >= 0 else axis + low
    if not 0 <= level < depth:
        raise AxisError(f"{name}: axis={axis} exceeds the depth of this array, which is {depth}")
    return level, depth


def reduce(
    r: Reducer,
    array: Any,
    axis: Any,
    keepdims: bool,
    mask_identity: bool,
    initial: Any = None,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """The reduction of an array along an axis (or over everything), as every public reducer returns it."""
    b, node, dense = single(array, number=axis is None and not keepdims)
    result = Run(b, r, mask_identity, initial, b).along(node, axis, keepdims)
    return wrap(b, result, dense, array, attrs=attrs, behavior=behavior)


@dataclass(slots=True)
class Run:
    """One call of a reducer: what stays the same on the way down.

    `walker` is the backend of the content that is walked; it is not `b` where that content only numbers the entries.
    """

    b: Backend
    r: Reducer
    mask_identity: bool
    initial: Any
    walker: Backend

    def along(self, node: Node, axis: Any, keepdims: bool) -> Any:
        """The reduction along an axis, or of everything: a node or a 0-d value."""
        b, name = self.b, self.r.name
        if type(axis) is not int:
            axis = axis_of(axis, name)
        if axis is None:
            return self.everything(node, keepdims)
        if type(node) is Lists and (axis == 1 or axis == -1) and type(node.content) is Flat:
            data = node.content.data
            if data.ndim == 1 and not is_text(node):
                result = self.leaf(data, node.rows, None)
                return regular(b, result, 1, node.rows.nrows) if keepdims else result
        level, depth = level_of(node, axis, name)
        if depth == 1:
            return self.everything(node, keepdims)
        if level == 0:
            result = self.node(node, Rows.regular(b.home(), 1, node.length), None)
            return result if keepdims else only_list(b, result)
        return self.below(node, level, keepdims)

    def below(self, node: Node, level: int, keepdims: bool) -> Node:
        """Walk down to the lists whose entries lie on the axis, and rebuild the levels above them."""
        b = self.b
        match node:
            case Record():
                raise no_records(self.r.name, node)
            case Union():
                raise no_unions(node, self.r.name)
            case Option(valid, content, parameters):
                return option(b, valid, self.below(content, level, keepdims), parameters)
            case Flat():
                return self.below(to_regular_node(self.walker, node), level, keepdims)
            case Lists(rows, content) if level > 1:
                return Lists(rows, self.below(content, level - 1, keepdims))
            case Regular(content, size, length) if level > 1:
                return regular(b, self.below(content, level - 1, keepdims), size, length)
            case Lists() | Regular():
                rows, content = rows_of(self.walker, node)
                result = self.node(content, rows, None)
                return regular(b, result, 1, rows.nrows) if keepdims else result
        raise TypeError(f"{type(node).__name__} has no axis below it")

    def everything(self, node: Node, keepdims: bool) -> Any:
        """All values reduced to one (0-d), or None where there is nothing and that is masked."""
        b = self.b
        flat = flat_leaf(self.walker, node)
        if type(flat) is Flat and not keepdims:
            if self.mask_identity and flat.length == 0:
                return None
            if self.r.full is not None and self.initial is None:
                if self.mask_identity:
                    b.expect_some(flat.length, self.r.name)
                return self.r.full(b, flat.data)
        result = self.node(flat, Rows.regular(b.home(), 1, flat.length), None)
        if keepdims:
            for _ in range(depth_range(node)[1] - 1):
                result = regular(b, result, 1, 1)
            return result
        if isinstance(result, Option):
            ops = b.home(result.valid)
            if ops.known(result.valid) and not ops.true(result.valid[0]):
                return None
            b.expect_some(result.valid[0], self.r.name)  # where nobody knows yet, nothing gives the reducer's identity
            result = result.content
        return only_list(b, result)

    def node(self, node: Node, segments: Any, positions: Any) -> Node:
        """One value a segment of the node's entries. Lists are aligned by position within each segment.

        `positions` is where each entry stands along the reduced axis (None: where it stands in its contiguous segment).
        """
        b = self.b
        match node:
            case Flat(data):
                if data.ndim == 1 or (not self.mask_identity and self.r.trailing(b, data)):
                    return self.leaf(data, segments, positions)
                return self.aligned(to_regular_node(self.walker, node), segments, positions)
            case Lists() | Regular():
                return self.aligned(node, segments, positions)
            case Option(valid, content):
                ops = b.home(valid)
                kept = ops.flatnonzero(valid)
                if self.r.positional:
                    positions = ops.take(segments.positions if positions is None else positions, kept)
                content = compress(self.walker, content, valid)
                return self.node(content, keep(ops, segments, valid, kept), positions)
            case Unknown():
                return self.leaf(b.full((0,), 0, self.r.unknown), segments, positions)
            case Record():
                raise no_records(self.r.name, node)
        raise no_unions(node, self.r.name)

    def aligned(self, node: Lists | Regular, segments: Any, positions: Any) -> Node:
        """Lists reduced entry by entry: the first entries of a segment's lists together, then the second ones, …"""
        if is_text(node):
            if not self.r.text:
                raise DTypeError(f"{self.r.name} has no meaning for text")
            return self.leaf(self.b.full((node.length,), True, "bool"), segments, positions)
        rows, content = rows_of(self.walker, node)
        groups, out = align(rows, segments, node)
        if self.r.positional:
            positions = rows.ops.take(segments.positions if positions is None else positions, rows.ids)
        result = self.node(content, groups, positions)
        return Lists(out, result) if isinstance(node, Lists) else regular(self.b, result, node.size, segments.nrows)

    def leaf(self, x: Any, segments: Any, positions: Any) -> Node:
        """One value a segment of dense `x`, missing where the segment is empty if that is masked."""
        b, r = self.b, self.r
        values = r.segment(b, x, segments, self.initial)
        if not (self.mask_identity or r.positional):
            return Flat(values, segments.nrows)
        filled = nonempty(b, segments)
        if r.positional:
            values = b.asarray(along_axis(b.home(values), values, segments, positions, filled))
        flat = Flat(values, segments.nrows)
        return Option(filled, flat) if self.mask_identity else flat


def align(rows: Rows, segments: Any, node: Lists | Regular) -> tuple[Groups, Rows]:
    """The elements of a segment's lists (whose rows are given) grouped by position, and the rows of these groups."""
    ops = rows.ops
    regular_size = node.size if isinstance(node, Regular) else None
    if segments.offsets is not None and segments.nrows == 1:
        longest = rows.longest if regular_size is None else regular_size
        return Groups(rows.positions, longest), Rows.regular(ops, 1, longest)
    if regular_size is None:
        out = Rows.from_lengths(ops, ops.segment_max(rows.lengths, segments, 0), upper=rows.total)
    else:
        out = Rows.regular(ops, segments.nrows, regular_size)
    starts = ops.take(ops.take(out.starts, segments.ids), rows.ids)
    return Groups(starts + rows.positions, out.total), out


def along_axis(ops: Backend, index: Any, segments: Any, positions: Any, filled: Any) -> Any:
    """Where the elements at `index` stand along the reduced axis; -1 for an empty segment."""
    if positions is None:
        index = ops.apply("subtract", index, segments.offsets[:-1])
    elif not is_known(n := ops.size(positions)) or n:
        index = ops.take(never_empty(ops, positions), ops.where(filled, index, 0))
    return ops.where(filled, index, -1)


def nonempty(b: Backend, segments: Any) -> Any:
    """Which segments hold anything: a boolean a segment."""
    if segments.offsets is not None:
        return segments.lengths > 0
    ops = b.home(segments.ids)
    ones = ops.full((ops.size(segments.ids),), True, "bool")
    return ops.segment_max(ones, segments, False)


def keep(ops: Backend, segments: Any, valid: Any, kept: Any) -> Any:
    """The segments of the entries that are valid (`kept` are their indices)."""
    if segments.offsets is None:
        return Groups(ops.take(segments.ids, kept), segments.nrows)
    return Rows.from_lengths(ops, ops.segment_count(valid, segments), ops.size(kept))


def only_list(b: Backend, node: Node) -> Any:
    """The one entry of a node of length 1: a node of its own, or a 0-d value."""
    match node:
        case Flat(data):
            shape = b.shape(data)
            return Flat(b.reshape(data, shape[1:]), shape[1]) if len(shape) > 1 else b.reshape(data, ())
        case Lists(_, content) | Regular(content):
            return content
    raise TypeError(f"{type(node).__name__} is no list")


def no_records(name: str, node: Record) -> DTypeError:
    """The error of a reducer that meets records."""
    return DTypeError(f"{name} has no meaning for records (fields {list(node.names)}); reduce one field, as x[field]")


def flat_leaf(b: Backend, node: Node) -> Node:
    """All values in one list: every level above the leaves flattened away, missing lists dropped."""
    while True:
        match node:
            case Flat(data) if data.ndim > 1:
                n = node.length
                for size in b.shape(data)[1:]:
                    n = n * size
                return Flat(b.reshape(data, (n,)), n)
            case Lists() | Regular() if not is_text(node):
                node = node.content
            case Option(valid, content) if depth_range(content)[1] > 1:
                node = compress(b, content, valid)
            case _:
                return node
