"""Running sums and products along an axis, list by list.

They are taken in doubling steps within the lists: a running sum over everything, less what it was where the list
begins, would lose the digits of small numbers after large ones, and let NaN out of its list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._namespace import dtype_called
from ragged._reduce import axis_of
from ragged.errors import AxisError, DTypeError, UnsupportedError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Unknown, is_text, regular, rows_of
from ragged.operands import single, wrap
from ragged.rows import Rows
from ragged.traverse import depth_range, visit

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["cumulative_prod", "cumulative_sum"]


def cumulative_sum(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """The sum of each list's values up to and with each of them. Missing values add nothing and stay missing.

    Args:
        x: an array.
        axis: along which the sums run; an array of one axis needs none.
        dtype: of the sums; by default the values' own, for booleans and short integers 64 bits.
        include_initial: begin each list with 0, the sum of none.

    Raises:
        AxisError: no such axis.
        UnsupportedError: an axis of lists (sums run over numbers).

    >>> import ragged
    >>> ragged.cumulative_sum(ragged.Array([[1, 2, 3], [], [4, 5]]), axis=1)
    <Array [[1, 3, 6], [], [4, 9]] type='3 * var * int64'>
    """
    return run("cumulative_sum", x, axis, dtype, include_initial)


def cumulative_prod(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    """The product of each list's values up to and with each of them. Arguments as for `cumulative_sum`.

    >>> import ragged
    >>> ragged.cumulative_prod(ragged.Array([[1, 2, 3], [], [4, 5]]), axis=1)
    <Array [[1, 2, 6], [], [4, 20]] type='3 * var * int64'>
    """
    return run("cumulative_prod", x, axis, dtype, include_initial)


def run(name: str, x: Any, axis: Any, dtype: Any, include_initial: bool) -> Any:
    """What the two share: find the axis, and scan its lists."""
    b, node, dense = single(x)
    if axis is None and depth_range(node)[1] > 1:
        raise AxisError(
            f"{name} needs an axis where there are several: axis=-1, the innermost, or flatten the array first"
        )
    where = 0 if axis is None else axis_of(axis, name)
    if where is None:
        raise AxisError(f"{name} needs an axis, not {axis!r}")
    scan = Scan(b, name, None if dtype is None else dtype_called(dtype), include_initial)
    result = visit(b, node, where, scan.at, name)
    return wrap(b, result, dense, x)


@dataclass(frozen=True, slots=True)
class Scan:
    """One call: what stays the same on the way down."""

    b: Backend
    name: str
    dtype: Any
    include_initial: bool

    def at(self, node: Any, here: int | None) -> Node | None:
        """The answer for `visit`: the scanned lists, or None above them."""
        if here == 0 and not isinstance(node, Record):
            if isinstance(node, Regular) and not is_text(node):  # what `visit` makes of a dense node
                node = regular(self.b, node.content, node.size, node.length, node.parameters)
            one = Rows.regular(self.b.home(), 1, node.length)
            return self.of(node, one, self.longer(one))
        if here != 1 or not isinstance(node, Lists | Regular):
            return None
        rows, content = rows_of(self.b, node)
        longer = self.longer(rows)
        scanned = self.of(content, rows, longer)
        if isinstance(node, Regular):
            return regular(self.b, scanned, node.size + self.include_initial, node.length)
        return Lists(longer, scanned)

    def longer(self, rows: Rows) -> Rows:
        """The rows of the result: with one entry more each where the initial ones are included."""
        if not self.include_initial:
            return rows
        return Rows.from_lengths(rows.ops, rows.lengths + 1, upper=rows.total + rows.nrows)

    def of(self, content: Any, rows: Rows, longer: Rows) -> Node:
        """The scanned numbers of all lists."""
        if is_text(content):
            raise DTypeError(f"{self.name}: text has no sums and products")
        match content:
            case Flat(data, _, parameters):
                return Flat(self.values(data, rows, longer, None), longer.total, parameters)
            case Option(valid, Flat(data)):
                found = Flat(self.values(data, rows, longer, valid), longer.total)
                if self.include_initial:
                    ops = longer.ops
                    valid = ops.take(ops.concat([ops.full((1,), True, "bool"), valid]), self.places(rows, longer))
                return Option(valid, found)
            case Record(fields, contents, _, parameters):
                inner = tuple(self.of(each, rows, longer) for each in contents)
                return Record(fields, inner, longer.total, parameters)
            case Unknown():
                return Unknown(longer.total)
        raise UnsupportedError(
            f"{self.name} runs over numbers, not over lists; give the innermost axis, axis=-1, or exchange the axes "
            "where the lists are equally long (x.mT)"
        )

    def values(self, x: Any, rows: Rows, longer: Rows, valid: Any) -> Any:
        """The running sums or products of the values, `valid` ones."""
        b, identity = self.b, int(self.name == "cumulative_prod")
        x = b.astype(x, self.dtype or accumulated(b.dtype(x)))
        if valid is not None:
            x = b.where(self.over(valid, x), x, identity)
        x = self.scanned(x, rows, identity)
        if not self.include_initial:
            return x
        first = b.full((1, *b.shape(x)[1:]), identity, b.dtype(x))
        return b.take(b.concat([first, x]), self.places(rows, longer))

    def places(self, rows: Rows, longer: Rows) -> Any:
        """Where the entries of the longer lists come from, the first of all being the initial one."""
        ops, at = rows.ops, longer.positions
        return ops.where(at > 0, ops.take(rows.starts, longer.ids) + at, 0)

    def scanned(self, x: Any, rows: Rows, identity: int) -> Any:
        """Each value combined with those before it in its row, which in each step are twice as many."""
        if identity == 0 and rows.nrows == 1:
            return self.b.cumulative_sum(x)
        if not self.b.differentiating(x):
            native = self.b.segment_scan(x, rows, identity == 1)
            if native is not None:
                return native

        def reach(b: Backend, x: Any, rows: Rows, step: Any) -> Any:
            first = b.full((step, *b.shape(x)[1:]), identity, b.dtype(x))
            before = b.concat([first, b.slice(x, 0, rows.total - step)])
            inside = b.where(self.over(rows.positions >= step, x), before, identity)
            return b.apply("multiply" if identity else "add", x, inside)

        return self.b.doubled(reach, x, rows)

    def over(self, condition: Any, x: Any) -> Any:
        """A condition on entries in the shape that broadcasts over their trailing axes."""
        ops = self.b.home(condition)
        return ops.reshape(condition, (ops.size(condition), *(1 for _ in self.b.shape(x)[1:])))


def accumulated(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of sums and products: 64 bits for integers and booleans, as in NumPy."""
    return np.dtype("uint64" if dtype.kind == "u" else "int64") if dtype.kind in "biu" else dtype
