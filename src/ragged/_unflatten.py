"""Values cut into lists by counts, which are used up from one branch of the layout to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._capacity import Capacity, grown
from ragged.errors import AxisError, DTypeError, StructureError, UnsupportedError
from ragged.nodes import (
    Flat,
    Lists,
    Node,
    Option,
    Record,
    Regular,
    Union,
    Unknown,
    is_text,
    no_unions,
    regular,
    rows_of,
    take,
    take_missing,
    to_regular_node,
)
from ragged.operands import move, operand
from ragged.rows import Rows, joined, owned
from ragged.sizes import differ, is_known
from ragged.traverse import depth_range, positive_axis, rebuild

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["Cutter"]


def is_nested(node: Any) -> bool:
    """Whether a node's entries are lists (no text)."""
    dense = isinstance(node, Flat) and node.data.ndim > 1
    return dense or (isinstance(node, Lists | Regular) and not is_text(node))


class Cutter:
    """One `unflatten`: the counts that are left, whether the axis was met, and whether the program checks them."""

    def __init__(self, b: Backend, counts: Any, axis: int, capacity: Capacity | None) -> None:
        self.b, self.axis, self.met, self.unsure = b, axis, False, False
        self.capacity = capacity
        self.size: int | None = None
        self.rows: Rows | None = None
        self.valid: Any = None
        self.nested: Lists | Regular | Flat | None = None
        counts, source, _ = operand(counts)
        if isinstance(counts, int | np.integer) and not isinstance(counts, bool):
            self.size = int(counts)
        elif is_nested(counts):
            self.source = source or b
            if self.source.home() is not b.home():
                counts, self.source = move(b, counts, source), b
            self.nested = counts
        elif isinstance(counts, Node) or (source is not None and source.owns(counts)):
            self.read(source or b, counts)
        else:
            raise DTypeError(f"unflatten: counts must be an integer or an array of integers, not {counts!r}")

    def read(self, source: Backend, counts: Any) -> None:
        """Take the counts from an array, which may be on a backend of its own."""
        if isinstance(counts, Option):
            self.valid, counts = joined(self.b, source.as_structure(counts.valid), source)[1], counts.content
        if isinstance(counts, Unknown):
            counts = Flat(source.full((counts.length,), 0, "int64"), counts.length)
        data = counts.data if isinstance(counts, Flat) else counts
        if isinstance(data, Node) or len(data.shape) > 1 or source.dtype(data).kind not in "iu":
            raise DTypeError(
                "unflatten: counts must be an integer, an array of integers, or lists of them as deep as the axis, "
                f"not {'lists or records' if isinstance(data, Node) else f'{source.dtype(data)} of shape {data.shape}'}"
            )
        if not len(data.shape):
            self.size = source.bound(source.as_structure(source.reshape(data, (1,))), None)
            return
        ops, lengths = joined(self.b, source.as_structure(data), source)
        lengths = ops.astype(lengths, "int64")
        if self.valid is not None:
            lengths = ops.where(self.valid, lengths, 0)
        if ops.violated(lengths < 0, "unflatten: counts must not be negative"):
            at = ops.bound(ops.flatnonzero(lengths < 0)[:1], None)
            count = ops.bound(lengths[at : at + 1], None)
            raise StructureError(f"unflatten: counts must not be negative, but counts[{at}] is {count}")
        self.rows = grown(ops, owned(ops, lengths), self.capacity)

    def cut(self, node: Node) -> Node:
        """The node's entries in lists, by the counts that come next."""
        self.met = True
        if self.size is not None:
            return self.cut_regularly(node)
        rows = self.rows
        assert rows is not None
        ops, n = rows.ops, node.length
        if not (is_known(n) and is_known(rows.total)):
            return self.cut_all(rows, node)
        at = ops.bound(ops.searchsorted(rows.offsets, ops.full((1,), n, "int64"), side="right"), None) - 1
        if ops.bound(rows.offsets[: at + 1], None) != n:
            raise StructureError(
                f"unflatten: counts do not fit: they sum to {rows.total}, and no list ends after the "
                f"{n} values there are along axis={self.axis}"
            )
        mine = rows if at == rows.nrows else Rows(ops, rows.offsets[: at + 1], at, n)
        self.rows = Rows(ops, rows.offsets[at:] - n, rows.nrows - at, rows.total - n)
        lists: Node = Lists(mine, node)
        if self.valid is not None:
            lists, self.valid = Option(self.valid[:at], lists), self.valid[at:]
        return lists

    def cut_all(self, rows: Rows, node: Node) -> Node:
        """The node's entries in lists, by all of the counts: which ones come next is not known."""
        differ(rows.total, node.length, "unflatten: the counts do not sum to the number of values")
        self.unsure = True
        lists: Node = Lists(rows, node)
        return lists if self.valid is None else Option(self.valid, lists)

    def cut_regularly(self, node: Node) -> Node:
        size, n = self.size, node.length
        if self.capacity is not None:
            self.capacity.hold(n)
        if size is not None and size > 0 and not is_known(n):
            n.at_least(size, f"unflatten: counts={size} is more than the values along axis={self.axis}")
            differ(n % size, 0, f"unflatten: the values do not divide into lists of {size}")
            return regular(self.b, node, size, n // size)
        if size is None or not 0 <= size <= n:
            raise StructureError(
                f"unflatten: counts={size} is negative or more than the {n} values along axis={self.axis}"
            )
        if (n % size if size else n) != 0:
            raise StructureError(f"unflatten: {n} values along axis={self.axis} do not divide into lists of {size}")
        return regular(self.b, node, size, n // size if size else 0)

    def inside(self, node: Any, axis: int) -> Any:
        """The layout with the values along an inner axis cut."""
        b = self.b
        if type(node) is Flat and node.data.ndim > 1:
            node = to_regular_node(b, node)
        here = positive_axis(node, axis)
        match node:
            case Union():
                raise no_unions(node, "unflatten")
            case Option(valid, content, parameters):
                ops = b.home(valid)
                some = self.inside(take(b, content, ops.flatnonzero(valid)), axis)
                index = ops.cumulative_sum(ops.astype(valid, "int64")) - 1
                spread = take_missing(b, some, ops.xp.maximum(index, 0), valid)
                return Option(spread.valid, spread.content, parameters)
            case Record(names, contents, length, parameters):
                return Record(names, tuple(self.inside(c, axis) for c in contents), length, parameters)
            case Lists() | Regular() if not is_text(node):
                if here == 1:
                    return self.cut_lists(node)
                return rebuild(b, node, self.inside(node.content, axis if here is None else here - 1))
        return node

    def cut_lists(self, node: Lists | Regular) -> Node:
        """Each list's values in lists of their own: every list must end where one of the counts does."""
        rows, content = rows_of(self.b, node)
        inner = self.cut(content)
        partition, _ = rows_of(self.b, inner.content if isinstance(inner, Option) else inner)  # type: ignore[arg-type]
        ops = rows.ops
        ends = ops.searchsorted(partition.offsets, rows.offsets, side="right") - 1
        fits = ops.take(partition.offsets, ends) == rows.offsets
        if ops.violated(~fits, "unflatten: counts do not fit the lists that they cut"):
            at = ops.bound(ops.flatnonzero(~fits)[:1], None) - 1
            raise StructureError(
                f"unflatten: counts do not fit the lists along axis={self.axis}: none ends with row {at}, "
                f"which has {ops.bound(rows.lengths[at : at + 1], None)} values"
            )
        # leading empty lists belong to the first row, so it begins with the first of them
        offsets = ops.concat([ops.full((1,), 0, "int64"), ends[1:]])
        return Lists(Rows(ops, offsets, rows.nrows, partition.nrows), inner)

    def by_lists(self, node: Any, counts: Any, axis: int) -> Node:
        """The values along an inner axis cut by counts in the same lists as theirs."""
        b = self.b
        if isinstance(node, Record):
            contents = tuple(self.by_lists(content, counts, axis) for content in node.contents)
            return Record(node.fields, contents, node.length, node.parameters)
        if isinstance(node, Option) or isinstance(counts, Option):
            raise UnsupportedError("unflatten: lists of counts go with lists that are not missing; drop_none first")
        if is_text(node) or not is_nested(node) or not is_nested(counts):
            raise AxisError(f"unflatten: lists of counts must reach axis={self.axis} of the array, and no deeper")
        (rows, content), (given, inner) = rows_of(b, node), rows_of(self.source, counts)
        if differ(given.nrows, rows.nrows, "unflatten: not as many lists of counts as lists"):
            raise StructureError(f"unflatten: there are {given.nrows} lists of counts for {rows.nrows} lists")
        if axis > 1:
            self.must_agree(rows, given.offsets, "counts")
            return Lists(rows, self.by_lists(content, inner, axis - 1))
        self.read(self.source, inner)
        assert self.rows is not None
        self.must_agree(rows, given.ops.take(self.rows.offsets, given.offsets), "values in all")
        lists: Node = Lists(self.rows, content)
        return Lists(given, lists if self.valid is None else Option(self.valid, lists))

    def must_agree(self, rows: Rows, offsets: Any, what: str) -> None:
        """Raise where lists of counts do not fit the lists that they cut, naming the first."""
        ops = rows.ops
        lengths = offsets[1:] - offsets[:-1]
        if not ops.agree(rows.lengths, lengths, "unflatten: counts do not fit the lists that they cut"):
            at = ops.bound(ops.flatnonzero(rows.lengths != lengths)[:1], None)
            there, given = (ops.bound(each[at : at + 1], None) for each in (rows.lengths, lengths))
            raise StructureError(
                f"unflatten: counts[{at}] do not fit the lists along axis={self.axis}: they are for {given} {what}, "
                f"there are {there}"
            )

    def finish(self, node: Node) -> Node:
        """The result, if the axis exists and all counts were used."""
        if not self.met:
            raise AxisError(f"unflatten: axis={self.axis} exceeds the depth of this array, {depth_range(node)[1]}")
        if self.rows is not None and not self.unsure and self.rows.nrows:
            raise StructureError(
                f"unflatten: {self.rows.nrows} counts (of {self.rows.total} values) are left over "
                f"after all values along axis={self.axis}"
            )
        return node
