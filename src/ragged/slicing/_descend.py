"""Items applied axis by axis: positions are composed on the way down, content is gathered once at the end.

On its way down a selection is a node together with `at` (positions in it, or None for all of it), `live` (bool: which
of them count, where an outer value may be missing; or None for all) and `turn` (which entry of the key's flat index
arrays each of them takes, once the first such array has been passed; or None). Each is int64 or bool structure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    is_text,
    no_unions,
    option,
    regular,
    rows_of,
    take,
    to_regular_node,
    with_parameters,
)
from ragged.rows import Ranges, Rows
from ragged.sizes import clipped
from ragged.slicing._axis import fit, is_full, match_rows, positions, regularise, repeat_each, step_in_rows, tile
from ragged.slicing._dense import basic, index_dense
from ragged.slicing._entry import within
from ragged.slicing._parts import count, expand, gathered, ground, new_axes, too_many
from ragged.slicing._plan import Indices, Ragged

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["descend", "follow"]

CHARACTERS = {"string": "char", "bytestring": "byte"}


def descend(b: Backend, node: Any, at: Any, live: Any, turn: Any, items: tuple[Any, ...], memo: dict[Any, Any]) -> Node:
    """What `items` select within each of the selected entries of `node`: a node of as many entries."""
    if not items:
        return gathered(b, node, at, live, memo)
    if type(at) is Ranges:
        at = at.index
    head = items[0]
    if head is None:
        if node.parameters is not None and isinstance(node, Flat):
            raise too_many(items)  # characters have no axes
        inner = descend(b, node, at, live, turn, items[1:], memo)
        return regular(b, inner, 1, count(b, node, at))
    if head is Ellipsis:
        items = expand(node, items)
        if not items or items[0] is not head:
            return descend(b, node, at, live, turn, items, memo)
    match node:
        case Lists():
            return in_lists(b, node, at, live, turn, items, memo)
        case Regular():
            return in_regular(b, node, at, live, turn, items)
        case Flat(data, length, parameters) if data.ndim > 1:
            if turn is None and basic(items):
                kept = None if type(items[0]) is int else parameters
                return gathered(b, Flat(index_dense(b, data, items, 1), length, kept), at, live, memo)
            return in_regular(b, to_regular_node(b, node), at, live, turn, items)
        case Option(valid, content, parameters):
            here = valid if at is None else b.home(valid, at).take(valid, at)
            alive = here if live is None else here & live
            return option(b, here, descend(b, content, at, alive, turn, items, {}), parameters)
        case Record(fields, contents, _, parameters):
            chosen = tuple(descend(b, content, at, live, turn, items, memo) for content in contents)
            kept = None if turn is not None and isinstance(head, Indices) else parameters
            return Record(fields, chosen, count(b, node, at), kept)
        case Union():
            raise no_unions(node, "indexing within its values")
        case Unknown() if isinstance(head, Indices) and not head.ops.size(head.index):
            return gathered(b, node, at, live, memo)  # nothing of nothing
    raise too_many(items)


def in_lists(
    b: Backend, node: Any, at: Any, live: Any, turn: Any, items: tuple[Any, ...], memo: dict[Any, Any]
) -> Node:
    """`descend` at ragged lists. Record fields that share rows share what is computed of them."""
    head, rest, rows, content = items[0], items[1:], node.rows, node.content
    if isinstance(head, Ragged):
        return across(b, node, at, live, head, rest)
    if is_text(node):
        if isinstance(head, slice) and rest and rest[0] is not Ellipsis:
            raise too_many(rest)  # a part of a text is a text, which has no axes
        whole = live is None and getattr(head, "valid", None) is None
        content = with_parameters(content, {"__array__": CHARACTERS[node.parameters["__array__"]]} if whole else None)
    if id(rows) not in memo:
        memo[id(rows)] = (*step_in_rows(rows, at, live, turn, head), {}, rows)  # kept alive: an id is not used twice
    new, at, live, turn, deeper, _ = memo[id(rows)]
    if isinstance(head, slice):
        return Lists(new, descend(b, content, at, live, turn, rest, deeper), node.parameters)
    content, at = ground(b, rows.ops, content, at, live)
    out = descend(b, content, at, live, turn, rest, deeper)
    return out if isinstance(head, int) or new is None else new_axes(b, rows.ops, out, head, new)


def in_regular(b: Backend, node: Any, at: Any, live: Any, turn: Any, items: tuple[Any, ...]) -> Node:
    """`descend` at lists of one size."""
    head, rest, content, size = items[0], items[1:], node.content, node.size
    if isinstance(head, Ragged):
        return across(b, node, at, live, head, rest)
    ops = b.home() if at is None else b.home(at)
    n = count(b, node, at)
    begins = (ops.arange(n) if at is None else at) * size
    if isinstance(head, int):
        return descend(b, content, begins + within(head, size, "each list of this axis"), live, turn, rest, {})
    if isinstance(head, slice):
        start, _, step, k = clipped(head, size)
        if at is None and step == 1 and (k == size or is_full(head)):
            inner = None
        else:
            inner = positions(ops, begins, n, ops.arange(k) * step + start, k)
        live, turn = repeat_each(ops, live, n, k), repeat_each(ops, turn, n, k)
        return regular(b, descend(b, content, inner, live, turn, rest, {}), k, n, node.parameters)
    index = regularise(ops, head, size, "each list of this axis")
    if turn is not None:
        return descend(b, content, begins + ops.take(index, turn), live, turn, rest, {})
    k = ops.size(index)
    live, turn = repeat_each(ops, live, n, k), tile(ops, ops.arange(k), n, k)
    if head.valid is not None:
        valid = tile(ops, head.valid, n, k)
        live = valid if live is None else live & valid
    content, inner = ground(b, ops, content, positions(ops, begins, n, index, k), live)
    return new_axes(b, ops, descend(b, content, inner, live, turn, rest, {}), head, n)


def across(b: Backend, node: Any, at: Any, live: Any, index: Ragged, rest: tuple[Any, ...]) -> Node:
    """A ragged index that stands after the first item of a key: it applies to each list, entry by entry."""
    ops, k, n = index.ops, index.node.length, count(b, node, at)
    rows, content = rows_of(b, node)
    inner = fit(ops, rows, at, live, k)
    repeated = index.node if n == 1 else take(ops, index.node, tile(ops, ops.arange(k), n, k))
    live = repeat_each(ops, live, n, k)
    content, inner = ground(b, ops, content, inner, live)
    return Regular(follow(b, content, inner, live, repeated, rest, {}), k, n, node.parameters)


def follow(b: Backend, node: Any, at: Any, live: Any, index: Any, rest: tuple[Any, ...], memo: dict[Any, Any]) -> Node:
    """What a ragged `index` selects within each of the selected entries of `node`, and `rest` within that.

    `index` is lists (or missing ones) of structure, as many as there are selected entries.

    Raises:
        StructureError: lists of the index that do not line up with the array's.
        AxisError: an index deeper than the array.
        OutOfRangeError: an integer beyond its list.
    """
    if isinstance(index, Option):
        alive = index.valid if live is None else index.valid & live
        return option(b, index.valid, follow(b, node, at, alive, index.content, rest, {}))
    match node:
        case Lists():
            return follow_rows(b, node, at, live, index, rest, memo)
        case Flat(data, _, parameters) if data.ndim > 1:
            return follow(b, to_regular_node(b, node), at, live, index, rest, memo)
        case Regular(content, size, length, parameters):
            rows = Rows.regular(index.rows.ops, length, size)
            return follow_rows(b, Lists(rows, content, parameters), at, live, index, rest, memo)
        case Option(valid, content, parameters):
            here = valid if at is None else b.home(valid, at).take(valid, at)
            alive = here if live is None else here & live
            return option(b, here, follow(b, content, at, alive, index, rest, {}), parameters)
        case Record(fields, contents):
            chosen = tuple(follow(b, content, at, live, index, rest, memo) for content in contents)
            return Record(fields, chosen, index.rows.nrows)
        case Union():
            raise no_unions(node, "a ragged index")
    raise AxisError("too many indices: the ragged index has more axes than the array")


def follow_rows(
    b: Backend, node: Any, at: Any, live: Any, index: Any, rest: tuple[Any, ...], memo: dict[Any, Any]
) -> Node:
    """`follow` at ragged lists. Record fields that share rows share what is computed of them."""
    rows, content = node.rows, node.content
    if id(rows) not in memo:
        memo[id(rows)] = (*match_rows(rows, at, live, index), {}, rows)
    new, at, live, deeper_index, deeper, _ = memo[id(rows)]
    if deeper_index is not None:
        return Lists(new, follow(b, content, at, None, deeper_index, rest, deeper), node.parameters)
    if live is None:
        return Lists(new, descend(b, content, at, None, None, rest, deeper))
    content, at = ground(b, rows.ops, content, at, live)
    kept = None if is_text(node) else node.parameters  # characters with missing ones among them are no text
    return Lists(new, option(b, live, descend(b, content, at, live, None, rest, deeper)), kept)
