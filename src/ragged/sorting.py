"""Sorting along any axis: a constant permutation, found once, and one gather."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from ragged._reduce import align, axis_of, keep, level_of, no_records
from ragged._segments import gathered
from ragged._text_order import text_ranks
from ragged.errors import AxisError
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
    take,
    take_missing,
    to_regular_node,
)
from ragged.operands import single, wrap
from ragged.rows import Rows
from ragged.traverse import depth_range, positive_axis

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["argsort", "sort"]


def sort(
    array: Any, axis: int = -1, *, ascending: bool = True, stable: bool = True, behavior: Any = None, attrs: Any = None
) -> Any:
    """The array with the values along an axis in order; missing values last.

    NaN is the largest value, as in NumPy. Along an axis that is not the innermost, the first values of all lists are
    sorted, the second values, and so on: lists keep their lengths. Text is sorted byte by byte; in records each field
    is sorted by itself, and a negative axis is counted in each field.

    Args:
        array: anything that becomes an array.
        axis: 0 is the outermost axis; negative ones count from the innermost.
        ascending: False puts the largest first.
        stable: taken for Awkward's sake; equal values always keep their order.

    Raises:
        AxisError: no such axis, also in one field of records, or None.

    >>> import ragged
    >>> ragged.sort([[3, 1, 2], [], [5, 4]])
    <Array [[1, 2, 3], [], [4, 5]] type='3 * var * int64'>
    """
    return run("sort", array, axis, ascending, False, behavior, attrs)


def argsort(
    array: Any, axis: int = -1, *, ascending: bool = True, stable: bool = True, behavior: Any = None, attrs: Any = None
) -> Any:
    """Where along the axis the values of `sort` stand. Arguments as for `sort`.

    Along the innermost axis the result picks the values: `x[argsort(x)]`.

    Raises:
        AxisError: no such axis, or None.
        DTypeError: records.

    >>> import ragged
    >>> ragged.argsort([[3, 1, 2], [], [5, 4]])
    <Array [[1, 2, 0], [], [1, 0]] type='3 * var * int64'>
    """
    return run("argsort", array, axis, ascending, True, behavior, attrs)


def run(
    name: str, array: Any, axis: Any, ascending: bool, positions: bool, behavior: Any = None, attrs: Any = None
) -> Any:
    """What `sort` and `argsort` (`positions`) share: find the axis, and order its entries."""
    b, node, dense = single(array)
    if type(axis) is not int:
        axis = axis_of(axis, name)
        if axis is None:
            raise AxisError(f"{name} needs an axis: axis=-1, the innermost; for axis=None flatten the array first")
    sorter = Sorter(b, name, not ascending, positions, axis)
    if type(node) is Lists and (axis == 1 or axis == -1) and type(node.content) is Flat and not is_text(node):
        data = node.content.data
        if data.ndim == 1:
            result = Lists(node.rows, sorter.leaf(node.content, node.rows, None), node.parameters)
            return wrap(b, result, False, array, attrs=attrs, behavior=behavior)
    level_of(node, axis, name)
    return wrap(b, sorter.in_branches(node), dense, array, attrs=attrs, behavior=behavior)


@dataclass(slots=True)
class Sorter:
    """One call: what stays the same on the way down."""

    b: Backend
    name: str
    descending: bool
    positions: bool
    axis: int

    def in_branches(self, node: Node) -> Node:
        """The node ordered along the axis, which is counted in each field where fields differ in depth."""
        level = positive_axis(node, self.axis)
        if level is not None:
            return self.below(node, level)
        nearest = self.axis + depth_range(node)[0]
        match node:
            case Record(fields, contents, length, parameters) if not self.positions:
                return Record(fields, tuple(map(self.in_branches, contents)), length, parameters)
            case Record():
                raise no_records(self.name, node)
            case Option(valid, content, parameters) if nearest > 0:
                return option(self.b, valid, self.in_branches(content), parameters)
            case Lists() | Regular() if nearest > 1:
                return around(self.b, node, self.in_branches(node.content))
            case Lists() | Regular():  # these lists are the axis of some fields, and go around each
                return rejoined(self.b, node, tuple(map(self.in_branches, self.branches(node))))
            case Union():
                raise no_unions(node, self.name)
        raise AxisError(
            f"{self.name}: axis={self.axis} is that of missing records in one field and lies deeper in another; sort "
            "field by field, with x['field']"
        )

    def branches(self, node: Node) -> tuple[Node, ...]:
        """Lists of records as the same lists of each field."""
        match node:
            case Record() if self.positions:
                raise no_records(self.name, node)
            case Record(_, contents):
                return contents
            case Lists() | Regular():
                return tuple(around(self.b, node, each) for each in self.branches(node.content))
        return (self.in_branches(node),)  # missing records, or mixed types: says what is wrong

    def below(self, node: Node, level: int) -> Node:
        """Walk down to the node whose entries lie on the axis, and order it within its lists."""
        b = self.b
        if level == 0:
            return self.entries(node, Rows.regular(b.home(), 1, node.length), None)
        match node:
            case Flat():
                return self.below(to_regular_node(b, node), level)
            case Record(fields, contents, length, parameters) if not self.positions:
                for field, each in zip(node.names, contents, strict=True):
                    if depth_range(each)[1] <= level:
                        raise AxisError(f"{self.name}: axis={self.axis} exceeds the depth of the field {field!r}")
                return Record(fields, tuple(self.below(each, level) for each in contents), length, parameters)
            case Record():
                raise no_records(self.name, node)
            case Option(valid, content, parameters):
                return option(b, valid, self.below(content, level), parameters)
            case Union():
                raise no_unions(node, self.name)
            case Lists() | Regular() if level > 1:
                return around(b, node, self.below(node.content, level - 1))
            case Lists() | Regular():
                rows, content = rows_of(b, node)
                return around(b, node, self.entries(content, rows, None))
        raise AxisError(f"{self.name}: {type(node).__name__} has no axis below it")

    def entries(self, node: Node, segments: Any, places: Any) -> Node:
        """The entries of each segment in order. Lists are aligned: first entries are ordered, then second ones, …

        `places` is where each entry stands along the axis (None: where it stands in its contiguous segment).
        """
        b = self.b
        match node:
            case Flat(data) if data.ndim > 1:
                return self.aligned(to_regular_node(b, node), segments, places)
            case Lists() | Regular() if not is_text(node):
                return self.aligned(node, segments, places)
            case Record(fields, contents, length, parameters) if not self.positions:
                return Record(fields, tuple(self.entries(c, segments, places) for c in contents), length, parameters)
            case Record():
                raise no_records(self.name, node)
            case Union():
                raise no_unions(node, self.name)
            case Unknown():
                return Flat(b.full((0,), 0, "int64"), 0) if self.positions else node
        if segments.offsets is None:
            rows, order = gathered(b, segments)
            ops = rows.ops
            result = self.entries(take(b, node, order), rows, None if places is None else ops.take(places, order))
            return take(b, result, ops.segment_argsort(order, Rows.regular(ops, 1, node.length)))
        if isinstance(node, Option) and not (self.positions and is_value(node.content)):
            return self.missing_last(node, segments, places)
        return self.leaf(node, segments, places)

    def aligned(self, node: Lists | Regular, segments: Any, places: Any) -> Node:
        """Lists of one segment ordered entry by entry; each keeps its length."""
        rows, content = rows_of(self.b, node)
        groups, _ = align(rows, segments, node)
        if self.positions:
            places = rows.ops.take(segments.positions if places is None else places, rows.ids)
        return around(self.b, node, self.entries(content, groups, places))

    def missing_last(self, node: Option, rows: Rows, places: Any) -> Node:
        """Entries in order with the missing ones behind them: how many there are tells which, whatever the order."""
        ops = self.b.home(node.valid)
        kept = ops.flatnonzero(node.valid)
        there = keep(ops, rows, node.valid, kept)
        if self.positions:
            places = ops.take(rows.positions if places is None else places, kept)
        content = self.entries(compress(self.b, node.content, node.valid), there, places)
        valid = rows.positions < ops.take(there.lengths, rows.ids)
        index = ops.take(there.starts, rows.ids) + rows.positions
        return replace(take_missing(self.b, content, index, valid), parameters=node.parameters)

    def leaf(self, node: Node, rows: Rows, places: Any) -> Node:
        """Values in order: numbers or text, the missing ones last."""
        if not self.positions and type(node) is Flat:
            return Flat(self.b.segment_sort(node.data, rows, self.descending), node.length, node.parameters)
        order = self.order(node, rows)
        if not self.positions:
            return take(self.b, node, order)
        ops = self.b.home(order)
        if places is None:
            index = ops.apply("subtract", order, rows.ops.take(rows.starts, rows.ids))
        else:
            index = ops.take(places, order)
        return Flat(self.b.asarray(index), node.length)

    def order(self, node: Node, rows: Rows) -> Any:
        """The positions of the values of each row, in order (structure)."""
        match node:
            case Flat(data):
                return self.b.segment_argsort(data, rows, self.descending)
            case Option(valid, content):
                ops = self.b.home(valid)
                kept, missing = ops.flatnonzero(valid), ops.flatnonzero(~valid)
                first = self.order(compress(self.b, content, valid), keep(ops, rows, valid, kept))
                ops = self.b.home(kept, first)  # the order may be traced where what is missing is not
                order = ops.concat([ops.take(kept, first), missing])
                # the missing ones follow all others: stable by row, they come to the end of their rows
                back = ops.segment_argsort(ops.take(rows.ids, order), Rows.regular(rows.ops, 1, rows.total))
                return ops.take(order, back)
            case Lists() | Regular():
                return rows.ops.segment_argsort(text_ranks(self.b, node), rows, self.descending)
        raise TypeError(f"{type(node).__name__} has no order")


def is_value(node: Node) -> bool:
    """Whether the entries are numbers or text, not lists or records."""
    return is_text(node) or (isinstance(node, Flat) and node.data.ndim == 1)


def rejoined(b: Backend, node: Node, parts: tuple[Any, ...]) -> Node:
    """The lists of records `node` around the sorted contents of such lists of each field."""
    if isinstance(node, Record):
        return Record(node.fields, parts, node.length, node.parameters)
    content: Any = node.content  # type: ignore[union-attr]
    return around(b, cast("Lists", node), rejoined(b, content, tuple(rows_of(b, part)[1] for part in parts)))


def around(b: Backend, node: Lists | Regular, content: Node) -> Node:
    """The list node around other content of the same length."""
    if isinstance(node, Lists):
        return Lists(node.rows, content, node.parameters)
    return regular(b, content, node.size, node.length, node.parameters)
