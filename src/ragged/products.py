"""Tuples of one entry of each array's list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from ragged._capacity import Capacity, grown
from ragged.broadcasting import broadcast
from ragged.errors import AxisError, StructureError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, is_text, regular, rows_of, take, to_regular_node
from ragged.operands import operands, single, wrap
from ragged.records import columns_of, named, repeated
from ragged.rows import Rows
from ragged.sizes import larger
from ragged.structure import positions, without_missing
from ragged.traverse import positive_axis

if TYPE_CHECKING:
    from ragged.backend import Backend
    from ragged.nodes import Parameters

__all__ = ["argcartesian", "cartesian", "expanded", "too_many"]

LIMIT = 2**60


def too_many(name: str, count: Any, ops: Backend) -> None:
    """Refuse what no memory can hold.

    Raises:
        StructureError: `count` (a number, or a 0-d array) is beyond 2**60.
    """
    if ops.true(count > LIMIT):
        raise StructureError(
            f"{name}: there would be about {float(count):.3g} tuples, more than any memory holds; "
            "select fewer entries first, or do it part by part"
        )


def cartesian(
    arrays: Mapping[str, Any] | Sequence[Any],
    axis: int = 1,
    *,
    nested: bool | Sequence[Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    with_name: str | None = None,
    capacity: int | None = None,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Tuples (from a dict: records) of one entry of each array, all with all within the lists along `axis`.

    Args:
        nested: arrays (by position or name; True: all but the last) whose entries each get a list of their own.
        parameters, with_name: for the tuples.
        capacity: the most tuples that there may be (of three arrays and more also of the first ones alone), for which
            a program that `ragged.jit` compiles to fixed sizes has room; it is estimated where it is not given.

    Raises:
        AxisError: no such axis, or not the same one in all arrays.
        StructureError: arrays that do not line up, `nested` that names no array.
        OutOfRangeError: more tuples than `capacity`.

    >>> import ragged
    >>> ragged.cartesian([ragged.Array([[1, 2], [3]]), ragged.Array([["a", "b"], []])]).to_list()
    [[(1, 'a'), (1, 'b'), (2, 'a'), (2, 'b')], []]
    """
    names, values = columns_of(arrays, "cartesian")
    parameters = named(parameters, with_name)
    most = Capacity.of("cartesian", capacity)
    b, given, _ = operands(*values)
    nodes = [node if isinstance(node, Node) else repeated(b, node, 1) for node in given]
    position = _position(nodes, axis)
    kept = _kept(nested, names, len(nodes))
    if position == 0:
        tuples = _outermost(b, nodes, names, parameters, kept, most)
        return wrap(b, tuples, False, *values, attrs=attrs, behavior=behavior)

    def stop(inputs: Sequence[Any], depth: int) -> bool:
        return depth == position

    def act(b: Backend, inputs: Sequence[Any], valid: Any) -> Node:
        return _product(b, inputs, names, parameters, kept, most)

    (result,) = broadcast(b, nodes, act, name="cartesian", right_broadcast=False, stop=stop, dense_leaves=False)
    if len(kept) < len(nodes) - 1:
        result = _ragged_above(b, result, position - 1)
    return wrap(b, result, False, *values, attrs=attrs, behavior=behavior)


def argcartesian(
    arrays: Mapping[str, Any] | Sequence[Any],
    axis: int = 1,
    *,
    nested: bool | Sequence[Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    with_name: str | None = None,
    capacity: int | None = None,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """As `cartesian`, with each entry's position in its list in place of the entry.

    >>> import ragged
    >>> ragged.argcartesian([ragged.Array([[1, 2], [3]]), ragged.Array([["a", "b"], []])]).to_list()
    [[(0, 0), (0, 1), (1, 0), (1, 1)], []]
    """

    def index(x: Any) -> tuple[Any, int]:
        b, node, _ = single(x)
        here = positive_axis(node, axis)
        here = axis if here is None else here
        return wrap(b, positions(b, node, here), False, x), here

    names, values = columns_of(arrays, "argcartesian")
    indexes = [index(x) for x in values]
    if any(here != indexes[0][1] for _, here in indexes):
        raise AxisError(f"argcartesian: the arrays do not have the same depth for negative axis={axis}")
    columns: Any = [x for x, _ in indexes]
    if names is not None:
        columns = dict(zip(names, columns, strict=True))
    return cartesian(
        columns,
        indexes[0][1],
        nested=nested,
        parameters=parameters,
        with_name=with_name,
        capacity=capacity,
        behavior=behavior,
        attrs=attrs,
    )


def _position(nodes: Sequence[Any], axis: int) -> int:
    positions = [positive_axis(node, axis) for node in nodes]
    first = positions[0]
    if first is None:
        raise AxisError(f"cartesian: axis={axis} means different axes in the branches of the first array")
    if any(position != first for position in positions):
        raise AxisError(f"cartesian: the arrays do not have the same depth for negative axis={axis}")
    deepest = max(_list_depth(node) for node in nodes)
    if first >= deepest:
        raise AxisError(f"cartesian: axis={axis} exceeds the depth of the arrays, which is {deepest}")
    return first


def _list_depth(node: Any) -> int:
    """Number of axes down to numbers or records."""
    depth = 1
    while isinstance(node, Lists | Regular | Option) and not is_text(node):
        depth += not isinstance(node, Option)
        node = node.content
    return depth + (node.data.ndim - 1 if isinstance(node, Flat) else 0)


def _kept(nested: Any, names: tuple[str, ...] | None, n: int) -> set[int]:
    """Positions of the arrays whose entries get lists of their own."""
    if nested is None or nested is False:
        return set()
    if nested is True:
        return set(range(n - 1))
    if names is not None:
        if any(name not in names for name in nested) or len(nested) >= n:
            raise StructureError(
                f"cartesian: nested must name fewer arrays than there are, of {list(names)}; not {nested}"
            )
        return {names.index(name) for name in nested} - {n - 1}
    if any(not isinstance(i, int) or not 0 <= i < n - 1 for i in nested):
        raise StructureError(f"cartesian: nested must hold integers from 0 to {n - 2}, not {nested}")
    return set(nested)


def _outermost(
    b: Backend, nodes: Sequence[Node], names: Any, parameters: Parameters, kept: set[int], capacity: Capacity | None
) -> Node:
    ops = b.home()
    lengths = [node.length for node in nodes]
    total = prod(lengths)
    too_many("cartesian", total, ops)
    if capacity is not None:
        capacity.hold(total)
    columns, stride = [], total
    for node, length in zip(nodes, lengths, strict=True):
        length = larger(length, 1)
        stride = stride // length
        columns.append(take(b, node, (ops.arange(total) // larger(stride, 1)) % length))
    result: Node = Record(names, tuple(columns), total, parameters)
    for i in sorted(kept, reverse=True):
        size = lengths[i + 1]
        result = regular(b, result, size, result.length // larger(size, 1))
    return result


def _product(
    b: Backend, inputs: Sequence[Any], names: Any, parameters: Parameters, kept: set[int], capacity: Capacity | None
) -> Node:
    """In each row all entries of the first list, with each of them all of the second, and so on."""
    parts, valids, sizes = [], [], []
    joined = max((i for i in range(1, len(inputs)) if i - 1 not in kept), default=-1)
    for i, x in enumerate(inputs):
        rows, content, valid, size = _lists(b, x, i > joined)
        parts.append((rows, content))
        valids.append(valid)
        sizes.append(size if i > joined else None)
    levels = [parts[0][0]]
    ops = levels[0].ops
    columns: list[Any] = [parts[0][1] if type(parts[0][1]) is Flat else ops.arange(levels[0].total)]
    row = levels[0].ids  # of each tuple so far
    masks = [valids[0]]
    for (rows, content), valid in zip(parts[1:], valids[1:], strict=True):
        last = levels[-1]
        if isinstance(last.total, int) and isinstance(rows.longest, int) and last.total * rows.longest > LIMIT:
            too_many("cartesian", ops.xp.sum(ops.astype(ops.take(rows.lengths, row), "float64")), ops)
        level = grown(ops, ops.take(rows.lengths, row), capacity)
        columns = [expanded(b, column, level) for column in columns]
        index = ops.repeat(ops.take(rows.starts, row) - level.starts, level.lengths, level.total)
        index += ops.arange(level.total)
        columns.append(take(b, content, index) if type(content) is Flat else index)
        masks.append(None if valid is None else ops.take(valid, row))
        levels.append(level)
        if len(levels) < len(parts):
            row = ops.repeat(row, level.lengths, level.total)
    contents = tuple(
        column if isinstance(column, Flat) else take(b, content, column)
        for column, (_, content) in zip(columns, parts, strict=True)
    )
    return _in_lists(b, Record(names, contents, levels[-1].total, parameters), levels, masks, sizes, kept)


def _in_lists(b: Backend, record: Node, levels: list[Rows], masks: list[Any], sizes: list[Any], kept: set[int]) -> Node:
    """The tuples in the lists that are kept; levels below the last joined one stay regular where they are."""
    node = record
    at = len(levels) - 1
    while at >= 0:
        below = at
        rows = levels[at]
        while at > 0 and at - 1 not in kept:
            at -= 1
            rows = levels[at].flatten(rows)
        is_regular = below == at and sizes[at] is not None
        node = regular(b, node, sizes[at], rows.nrows) if is_regular else Lists(rows, node)
        if masks[at] is not None:
            node = Option(masks[at], node)
        at -= 1
    return node


def _lists(b: Backend, x: Any, may_be_regular: bool = True) -> tuple[Rows, Node, Any, Any]:
    """One input's rows and entries, which of its lists are there, and their size where it is one."""
    if type(x) is Option:
        rows, content, _, size = _lists(b, x.content)
        if size is None or not may_be_regular:
            rows, content = without_missing(b, x.valid, rows, content)
        return rows, content, x.valid, size
    if is_text(x):
        raise StructureError("cartesian: a text is one value; its characters are no list")
    if type(x) is Flat and len(x.data.shape) > 1:
        x = to_regular_node(b, x)
    if not isinstance(x, Lists | Regular):  # a shallower array's value joins as a list of one
        x = Regular(x, 1, x.length)
    rows, content = rows_of(b, x)
    return rows, content, None, x.size if isinstance(x, Regular) else None


def expanded(b: Backend, column: Any, level: Rows) -> Any:
    """Each entry of a column (dense values, or an index) repeated as long as its row of `level`."""
    if isinstance(column, Flat):
        return Flat(b.expand(column.data, level), level.total, column.parameters)
    return level.ops.repeat(column, level.lengths, level.total)


def _ragged_above(b: Backend, node: Any, depth: int) -> Any:
    """The outermost `depth` axes as ragged ones, as they are after lists below them were joined."""
    if depth == 0:
        return node
    match node:
        case Option(valid, content, parameters):
            return Option(valid, _ragged_above(b, content, depth), parameters)
        case Record(names, contents, length, parameters):
            return Record(names, tuple(_ragged_above(b, c, depth) for c in contents), length, parameters)
        case Lists() | Regular():
            rows, content = rows_of(b, node)
            return Lists(rows, _ragged_above(b, content, depth - 1), node.parameters)
        case _:
            return node
