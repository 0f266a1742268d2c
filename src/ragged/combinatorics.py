"""Tuples of distinct (or repeated) entries of each list."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Any

from ragged._capacity import Capacity, grown
from ragged.errors import AxisError, StructureError
from ragged.nodes import Flat, Lists, Node, Record, Regular, Unknown, is_text, regular, rows_of, take
from ragged.operands import single, wrap
from ragged.products import argcartesian, cartesian, expanded, too_many
from ragged.records import named
from ragged.rows import Ranges, Rows
from ragged.structure import positions
from ragged.traverse import positive_axis, visit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ragged.backend import Backend
    from ragged.nodes import Parameters

__all__ = ["argcartesian", "argcombinations", "cartesian", "combinations"]

MOST = 256
"""Slots that the tuples of combinations may have: each is an array of its own."""


def combinations(
    array: Any,
    n: int,
    *,
    replacement: bool = False,
    axis: int = 1,
    fields: Sequence[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    with_name: str | None = None,
    capacity: int | None = None,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """Tuples of `n` entries of each list along `axis`, each choice once, in lexicographic order.

    Args:
        replacement: whether an entry may be chosen several times.
        fields: names that make records of the tuples.
        parameters, with_name: for the tuples.
        capacity: the most tuples that there may be, for which a program that `ragged.jit` compiles to fixed sizes has
            room; it is estimated where it is not given.

    Raises:
        AxisError: no such axis.
        StructureError: `n` below 1 or above 256, fields that are not `n`, or more combinations than memory can hold.
        OutOfRangeError: more tuples than `capacity`.

    >>> import ragged
    >>> ragged.combinations(ragged.Array([[1, 2, 3], [], [4, 5]]), 2).to_list()
    [[(1, 2), (1, 3), (2, 3)], [], [(4, 5)]]
    """
    b, node, _ = single(array)
    most = Capacity.of("combinations", capacity)
    tuples = _combinations(b, node, n, replacement, axis, fields, named(parameters, with_name), most)
    return wrap(b, tuples, False, array, attrs=attrs, behavior=behavior)


def argcombinations(
    array: Any,
    n: int,
    *,
    replacement: bool = False,
    axis: int = 1,
    fields: Sequence[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    with_name: str | None = None,
    capacity: int | None = None,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """As `combinations`, with each entry's position in its list in place of the entry.

    >>> import ragged
    >>> ragged.argcombinations(ragged.Array([[1, 2, 3], [], [4, 5]]), 2).to_list()
    [[(0, 1), (0, 2), (1, 2)], [], [(0, 1)]]
    """
    b, node, _ = single(array)
    here = positive_axis(node, axis)
    axis = axis if here is None else here
    index = positions(b, node, axis)
    most = Capacity.of("argcombinations", capacity)
    tuples = _combinations(b, index, n, replacement, axis, fields, named(parameters, with_name), most)
    return wrap(b, tuples, False, array, attrs=attrs, behavior=behavior)


def _combinations(
    b: Backend,
    node: Node,
    n: int,
    replacement: bool,
    axis: int,
    fields: Sequence[str] | None,
    parameters: Parameters,
    capacity: Capacity | None,
) -> Node:
    if n < 1:
        raise StructureError(f"combinations: n must be at least 1, not {n}")
    if n > MOST:
        raise StructureError(f"combinations: n={n} slots are too many; a tuple has at most {MOST}, each its own array")
    if fields is not None and len(fields) != n:
        raise StructureError(f"combinations: there must be {n} fields, one a slot, not {list(fields)}")
    names = None if fields is None else tuple(fields)

    def choose(rows: Rows, content: Node) -> tuple[Rows, Record]:
        chosen, columns = _chosen(b, rows, content, n, replacement, capacity)
        return chosen, Record(names, tuple(columns), chosen.total, parameters)

    def action(node: Any, here: int | None) -> Node | None:
        if isinstance(node, Unknown):
            return node
        if here == 0:
            return choose(Rows.regular(b.home(), 1, node.length), node)[1]
        if here is None and isinstance(node, Record) and any(positive_axis(c, axis) == 0 for c in node.contents):
            raise AxisError(f"combinations: axis={axis} names the fields of records in some branches; take the fields")
        if here != 1 or not isinstance(node, Lists | Regular):
            return None
        if is_text(node):
            raise StructureError("combinations: a text is one value; its characters are no list")
        rows, content = rows_of(b, node)
        chosen, record = choose(rows, content)
        if isinstance(node, Lists):
            return Lists(chosen, record, node.parameters)
        size = comb(node.size + n - 1 if replacement else node.size, n)
        return regular(b, record, size, node.length, node.parameters)

    at_once = action(node, 1) if axis == 1 and type(node) is Lists else None
    return at_once if at_once is not None else visit(b, node, axis, action, "combinations")


def _chosen(
    b: Backend, rows: Rows, content: Node, n: int, replacement: bool, capacity: Capacity | None
) -> tuple[Rows, list[Node]]:
    """The rows of all choices, and the chosen entries slot by slot.

    One slot after another: each partial choice is followed by all entries that may come next. An entry that leaves too
    few behind it is never begun with, so no partial choice is made in vain.
    """
    _refuse_too_many(rows, n, replacement)
    ops = rows.ops
    step = 0 if replacement else 1
    pairs = _pairs(b, rows, content, step) if n == 2 else None
    if pairs is not None:
        if capacity is not None:
            capacity.hold(pairs[0].total)
        return pairs
    whole = n <= 2 or replacement
    level = rows if whole else Rows.from_lengths(ops, ops.xp.maximum(rows.lengths - (n - 1), 0), upper=rows.total)
    index = ops.arange(rows.total) if whole else ops.ranges(rows.starts, level)
    columns = [content if whole and type(content) is Flat else _entries(b, content, index)]
    ends = level.offsets
    spare = step if whole else 0  # an entry at the end of its row is begun with only where no later slot may miss one
    for slot in range(1, n):
        counts = ops.ranges(level.lengths - spare, level, -1)
        level, spare = grown(ops, counts, capacity), 0
        columns = [expanded(b, column, level) for column in columns]
        following = Ranges(index + step, level)
        ends = ops.take(level.offsets, ends)
        columns.append(_entries(b, content, following))
        index = following.index if slot < n - 1 else None
    chosen = Rows(ops, ends, rows.nrows, level.total)
    return chosen, [take(b, content, column) if not isinstance(column, Flat) else column for column in columns]


def _pairs(b: Backend, rows: Rows, content: Node, step: int) -> tuple[Rows, list[Node]] | None:
    """The same of pairs, where the backend has a kernel for them; None: slot by slot."""
    is_dense = type(content) is Flat and len(content.data.shape) == 1
    x, maker = (content.data, b) if isinstance(content, Flat) and is_dense else (None, rows.ops)
    if not isinstance(rows.total, int) or (x is not None and b.differentiating(x)):
        return None
    found = maker.segment_pairs(rows.ops.arange(rows.total) if x is None else x, rows, step)
    if found is None:
        return None
    *columns, chosen = found
    if x is None:
        return chosen, [take(b, content, column) for column in columns]
    return chosen, [Flat(column, chosen.total, content.parameters) for column in columns]


def _entries(b: Backend, content: Node, index: Any) -> Any:
    """Dense entries are gathered at once; of others the index is kept, so that they are gathered only once."""
    if type(content) is Flat:
        return take(b, content, index)
    return index.index if type(index) is Ranges else index


def _refuse_too_many(rows: Rows, n: int, replacement: bool) -> None:
    longest = rows.longest
    if not isinstance(longest, int) or not isinstance(rows.nrows, int):
        return
    bound = comb(longest + n - 1 if replacement else longest, n) if longest else 0
    if bound * rows.nrows > 2**48:  # the longest row in every row: only then is it worth counting exactly
        ops = rows.ops
        count = ops.astype(rows.lengths, "float64") * 0 + 1
        for slot in range(n):
            left = ops.astype(rows.lengths, "float64") + (slot if replacement else -slot)
            count = count * ops.xp.maximum(left, 0.0) / (slot + 1)
        too_many("combinations", ops.xp.sum(count), ops)
