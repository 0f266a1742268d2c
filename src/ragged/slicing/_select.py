"""Items applied axis by axis: positions are composed on the way down, content is gathered once at the end.

On its way down a selection is a node together with `at` (positions in it, or None for all of it), `live` (bool: which
of them count, where an outer value may be missing; or None for all) and `turn` (which entry of the key's flat index
arrays each of them takes, once the first such array has been passed; or None). Each is int64 or bool structure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.errors import AxisError, StructureError
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
    is_text,
    no_unions,
    option,
    regular,
    rows_of,
    slice_node,
    take,
    to_regular_node,
    with_parameters,
)
from ragged.rows import Rows
from ragged.slicing._axis import fit, is_full, match_rows, positions, regularise, repeat_each, step_in_rows, tile
from ragged.slicing._dense import basic, index_dense
from ragged.slicing._entry import child, within
from ragged.slicing._plan import Indices, Ragged
from ragged.traverse import depth_range

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["select"]

CHARACTERS = {"string": "char", "bytestring": "byte"}


def gathered(b: Backend, node: Any, at: Any, live: Any, memo: dict[Any, Any]) -> Node:
    """The selected entries themselves: the one gather."""
    return node if at is None else take(b, node, at, memo.setdefault("take", {}), live)


def count(b: Backend, node: Any, at: Any) -> Any:
    """How many entries are selected."""
    return node.length if at is None else b.home(at).size(at)


def wrap_shape(b: Backend, node: Node, n: Any, shape: tuple[int, ...]) -> Node:
    """`n` entries for each of which there are `shape` values in a row: regular axes."""
    for axis in reversed(range(len(shape))):
        length = n
        for size in shape[:axis]:
            length = length * size
        node = regular(b, node, shape[axis], length)
    return node


def ground(b: Backend, ops: Backend, content: Any, at: Any) -> tuple[Any, Any]:
    """Content and positions in it, where all lists may be empty but missing values need something to stand on."""
    if isinstance(content.length, int) and content.length == 0 and ops.size(at):
        return blank(b, content, 1), at * 0
    return content, at


def descend(b: Backend, node: Any, at: Any, live: Any, turn: Any, items: tuple[Any, ...], memo: dict[Any, Any]) -> Node:
    """What `items` select within each of the selected entries of `node`: a node of as many entries."""
    if not items:
        return gathered(b, node, at, live, memo)
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


def too_many(items: tuple[Any, ...]) -> AxisError:
    """The error of a key that goes deeper than the array."""
    return AxisError(f"too many indices: nothing is left to index with {show(items[0])}, the values there are no lists")


def show(item: Any) -> str:
    """An item as a message names it."""
    if isinstance(item, Indices | Ragged):
        return "an index array"
    if isinstance(item, slice):
        parts = ["" if bound is None else str(bound) for bound in (item.start, item.stop, item.step)]
        return ":".join(parts if item.step is not None else parts[:2])
    return "..." if item is Ellipsis else str(item)


def expand(node: Node, items: tuple[Any, ...], outer: int = 1) -> tuple[Any, ...]:
    """Items that begin with an Ellipsis: without it where the rest begins here, else one axis on.

    `outer` is the number of axes of `node` that are behind the items already.
    """
    rest = items[1:]
    if not rest:
        return rest
    low, high = (depth - outer for depth in depth_range(node))
    wanted = sum(isinstance(item, int | slice | Indices) for item in rest)
    if low == high == wanted:
        return rest
    if wanted in (low, high):
        raise AxisError("an Ellipsis (...) needs values of one depth; index the fields or types one by one")
    return (slice(None), *items)


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
        memo[id(rows)] = (*step_in_rows(rows, at, live, turn, head), {})
    new, at, live, turn, deeper = memo[id(rows)]
    if isinstance(head, slice):
        return Lists(new, descend(b, content, at, live, turn, rest, deeper), node.parameters)
    content, at = ground(b, rows.ops, content, at)
    out = descend(b, content, at, live, turn, rest, deeper)
    return out if isinstance(head, int) or new is None else new_axes(b, rows.ops, out, head, new)


def new_axes(b: Backend, ops: Backend, node: Node, head: Indices, n: Any) -> Node:
    """What a flat index array selected in each of `n` lists, as regular axes of the array's shape."""
    if head.valid is not None:
        node = option(b, tile(ops, head.valid, n, ops.size(head.index)), node)
    return wrap_shape(b, node, n, head.shape)


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
        chosen = range(*head.indices(size))
        k = len(chosen)
        if at is None and k == size and chosen.step == 1:
            inner = None
        else:
            inner = positions(ops, begins, n, ops.arange(k) * chosen.step + chosen.start, k)
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
    content, inner = ground(b, ops, content, positions(ops, begins, n, index, k))
    return new_axes(b, ops, descend(b, content, inner, live, turn, rest, {}), head, n)


def across(b: Backend, node: Any, at: Any, live: Any, index: Ragged, rest: tuple[Any, ...]) -> Node:
    """A ragged index that stands after the first item of a key: it applies to each list, entry by entry."""
    ops, k, n = index.ops, index.node.length, count(b, node, at)
    rows, content = rows_of(b, node)
    inner = fit(ops, rows, at, live, k)
    repeated = index.node if n == 1 else take(ops, index.node, tile(ops, ops.arange(k), n, k))
    live = repeat_each(ops, live, n, k)
    content, inner = ground(b, ops, content, inner)
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
        memo[id(rows)] = (*match_rows(rows, at, live, index), {})
    new, at, live, deeper_index, deeper = memo[id(rows)]
    if deeper_index is not None:
        return Lists(new, follow(b, content, at, None, deeper_index, rest, deeper), node.parameters)
    if live is None:
        return Lists(new, descend(b, content, at, None, None, rest, deeper))
    content, at = ground(b, rows.ops, content, at)
    return Lists(new, option(b, live, descend(b, content, at, live, None, rest, deeper)), node.parameters)


def select(b: Backend, node: Any, items: tuple[Any, ...]) -> tuple[Any, bool]:
    """What items select of the whole array: a node (or a 0-d value), and whether its one entry is the result."""
    if not items:
        return node, False
    head, rest = items[0], items[1:]
    if head is None:
        inner, single = select(b, node, rest)
        if not isinstance(inner, Node):
            return Flat(b.reshape(inner, (1,)), 1), False
        return (inner if single else regular(b, inner, inner.length, 1)), False
    if head is Ellipsis:
        return select(b, node, expand(node, items, 0))
    if type(node) is Flat and basic(items):
        data = index_dense(b, node.data, items, 0)
        return (
            (Flat(data, data.shape[0], node.parameters if isinstance(head, slice) else None), False)
            if data.ndim
            else (data, False)
        )
    ops = b.home()
    if isinstance(head, Ragged):
        if head.node.length != node.length:
            raise StructureError(
                f"an index of {head.node.length} lists does not line up with an array of length {node.length}"
            )
        return follow(b, node, None, None, head.node, rest, {}), False
    if isinstance(head, int):
        i = within(head, node.length)
        if rest and isinstance(rest[0], int | slice) and isinstance(node, Lists | Regular) and not is_text(node):
            return select(b, child(b, node, i), rest)
        return descend(b, node, ops.arange(1) + i, None, None, rest, {}), True
    if isinstance(head, slice):
        if is_full(head):
            return descend(b, node, None, None, None, rest, {}), False
        start, stop, step = head.indices(node.length)
        if step == 1:
            return descend(b, slice_node(b, node, start, max(start, stop)), None, None, None, rest, {}), False
        at = ops.arange(len(range(start, stop, step))) * step + start
        return descend(b, node, at, None, None, rest, {}), False
    content, at = ground(b, head.ops, node, regularise(head.ops, head, node.length, "this array"))
    if rest:
        out = descend(b, content, at, head.valid, head.ops.arange(head.ops.size(at)), rest, {})
    else:
        out = take(b, content, at, None, head.valid)
    if head.valid is not None:
        out = option(b, head.valid, out)
    return (wrap_shape(b, out, head.shape[0], head.shape[1:]) if len(head.shape) > 1 else out), False
