"""`ragged.pad_to`: an array of fixed sizes, whose padding is rows of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged._merging import merge
from ragged.compilation._buckets import chooser
from ragged.errors import DTypeError, OutOfRangeError
from ragged.nodes import (
    Flat,
    Lists,
    Node,
    Option,
    Record,
    Regular,
    Union,
    Unknown,
    blank,
    filled_like,
    is_text,
    no_unions,
)
from ragged.operands import single, wrap
from ragged.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragged.backend import Backend

__all__ = ["pad_to"]


def pad_to(x: Any, capacity: Any = None) -> tuple[Any, Any]:
    """`x` with rows of padding behind its own, so that its sizes are those given; and which rows are its own.

    The first row of padding takes all elements of padding, the others are empty. Padding is 0, and None where values
    can be missing; nothing flows back from it. So what a framework compiled for these sizes serves all smaller arrays.

    Args:
        x: an array.
        capacity: the number of rows, then the number of elements of each ragged axis, fields in their order (lists that
            share their rows count once; text is a value). Or a function from a size to its capacity, which is asked
            for one row and one list more than there are, to hold the padding; by default the size classes of `jit`.

    Returns:
        The padded array, and a dense array of booleans, True for the rows of `x`.

    Raises:
        OutOfRangeError: `x` is larger, or has elements of padding and no row for them.
        DTypeError: not one number for the rows and one for each ragged axis.

    >>> import ragged
    >>> padded, valid = ragged.pad_to(ragged.Array([[1.0, 2.0], [], [3.0]]), (5, 8))
    >>> padded
    <Array [[1, 2], [], [3], [0, 0, 0, 0, 0], []] type='5 * var * float64'>
    >>> valid
    array([ True,  True,  True, False, False])
    """
    b, node, dense = single(x)
    axes = ragged_axes(node, {})
    is_exact = isinstance(capacity, int | tuple | list)
    sizes = exact(capacity, len(axes)) if is_exact else chosen(capacity, node, list(axes.values()))
    padding = Padding(b, dict(zip(axes, sizes[1:], strict=True)))
    n = node.length
    more = shortfall(sizes[0], n, "row")
    padded = merge(b, [node, padding.entries(node, more)])
    return wrap(b, padded, dense, x), b.asarray(b.home().arange(n + more) < n)


def ragged_axes(node: Node, found: dict[int, tuple[int, bool]]) -> dict[int, tuple[int, bool]]:
    """The partitions of an array (by identity), outermost first: how many elements, and whether these are lists."""
    match node:
        case Lists(rows, content) if not is_text(node):
            is_outer = found.get(id(rows), (0, False))[1] or bool(ragged_axes(content, {}))
            found[id(rows)] = rows.total, is_outer
            ragged_axes(content, found)
        case Regular(content) | Option(_, content):
            ragged_axes(content, found)
        case Record(_, contents):
            for content in contents:
                ragged_axes(content, found)
    return found


def exact(capacity: int | Sequence[int], axes: int) -> list[int]:
    """The sizes as the caller gave them."""
    sizes = [capacity] if isinstance(capacity, int) else list(capacity)
    if len(sizes) != axes + 1 or not all(isinstance(size, int) for size in sizes):
        raise DTypeError(
            f"capacity={capacity!r}, but this array wants {axes + 1}: the number of rows, and the number of elements "
            f"of each of its ragged axes ({axes})"
        )
    return sizes


def chosen(capacity: Callable[[int], int] | None, node: Node, axes: Sequence[tuple[int, bool]]) -> list[int]:
    """The sizes that a function gives, with a list for padding wherever there is an axis below."""
    choose = chooser(capacity)
    return [choose(node.length + bool(axes)), *(choose(total + is_outer) for total, is_outer in axes)]


def shortfall(capacity: int, size: int, what: str) -> int:
    """How much padding makes up the capacity."""
    if capacity < size:
        raise OutOfRangeError(f"a capacity of {capacity} cannot hold the array's {size} {what}s")
    return capacity - size


class Padding:
    """Entries of padding for each node of a layout; lists that share their rows share those of the padding."""

    def __init__(self, b: Backend, capacities: dict[int, int]) -> None:
        self.b = b
        self.capacities = capacities
        self.made: dict[int, Rows] = {}

    def rows(self, rows: Rows, n: int) -> Rows:
        """`n` lists, of which the first takes all elements that are missing from the capacity."""
        if id(rows) not in self.made:
            more = shortfall(self.capacities[id(rows)], rows.total, "element")
            if more and not n:
                raise OutOfRangeError(
                    f"there are {more} elements of padding, and no list to hold them; the capacity of the axis before "
                    "must be larger than its size"
                )
            ops = rows.ops
            lengths = ops.where(ops.arange(n) == 0, more, 0)
            self.made[id(rows)] = Rows.from_lengths(ops, lengths)
        return self.made[id(rows)]

    def entries(self, node: Node, n: int) -> Node:
        """`n` entries to go behind those of a node."""
        match node:
            case Flat(data, _, parameters):
                return Flat(filled_like(self.b, data, n, 0), n, parameters)
            case Lists(rows, content, parameters) if not is_text(node):
                new = self.rows(rows, n)
                return Lists(new, self.entries(content, new.total), parameters)
            case Regular(content, size, _, parameters) if not is_text(node):
                return Regular(self.entries(content, n * size), size, n, parameters)
            case Record(fields, contents, _, parameters):
                return Record(fields, tuple(self.entries(each, n) for each in contents), n, parameters)
            case Option(_, content, parameters):
                missing = self.b.home().full((n,), False, "bool")
                return Option(missing, self.entries(content, n), parameters)
            case Union():
                raise no_unions(node, "pad_to")
            case Unknown():
                return Unknown(n, node.parameters)
        return blank(self.b, node, n)
