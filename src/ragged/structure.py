"""How lists are counted, numbered, joined to one and cut again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged._capacity import Capacity
from ragged._merging import merge
from ragged._unflatten import Cutter
from ragged.errors import AxisError, DTypeError, StructureError
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
)
from ragged.operands import single, wrap
from ragged.rows import Rows
from ragged.sizes import larger
from ragged.traverse import depth_range, positive_axis, visit

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["flatten", "local_index", "num", "ravel", "unflatten"]


def num(array: Any, axis: int = 1, *, behavior: Any = None, attrs: Any = None) -> Any:
    """Lengths of the lists along `axis`, int64; for axis 0 the length of the array itself, a 0-d value.

    Raises:
        AxisError: no such axis.

    >>> import ragged
    >>> ragged.num(ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]]))
    <Array [3, 0, 2] type='3 * int64'>
    """
    b, node, dense = single(array)
    if axis == 1 and type(node) is Lists:
        return wrap(
            b, Flat(b.asarray(node.rows.lengths), node.rows.nrows), False, array, attrs=attrs, behavior=behavior
        )
    if positive_axis(node, axis) == 0:
        return b.entry(b.full((1,), node.length, "int64"), 0)

    def lengths(node: Any, here: int | None) -> Node | None:
        if here != 1 or not isinstance(node, Lists | Regular):
            return None
        if isinstance(node, Lists):
            return Flat(b.asarray(node.rows.lengths), node.length)
        return Flat(b.full((node.length,), node.size, "int64"), node.length)

    return wrap(b, visit(b, node, axis, lengths, "num"), dense, array, attrs=attrs, behavior=behavior)


def local_index(array: Any, axis: int = -1, *, behavior: Any = None, attrs: Any = None) -> Any:
    """For each value along `axis` its position in its list, int64.

    Raises:
        AxisError: no such axis.

    >>> import ragged
    >>> ragged.local_index(ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]]))
    <Array [[0, 1, 2], [], [0, 1]] type='3 * var * int64'>
    """
    b, node, dense = single(array)
    return wrap(b, positions(b, node, axis), dense, array, attrs=attrs, behavior=behavior)


def positions(b: Backend, node: Node, axis: int) -> Node:
    """The layout down to `axis`, with each entry's position there."""

    def action(node: Any, here: int | None) -> Node | None:
        if here == 0:
            return Flat(b.asarray(b.home().arange(node.length)), node.length)
        if here == 1 and isinstance(node, Lists):
            return Lists(node.rows, Flat(b.asarray(node.rows.positions), node.rows.total))
        if here == 1 and isinstance(node, Regular):
            n = node.length * node.size
            index = b.home().arange(n) % larger(node.size, 1)
            return regular(b, Flat(b.asarray(index), n), node.size, node.length)
        return None

    if type(node) is Lists and node.parameters is None and axis in (1, -1):
        content = node.content
        if type(content) is Flat and content.data.ndim == 1:
            return Lists(node.rows, Flat(b.asarray(node.rows.positions), node.rows.total))
    plain: Node = _plain(visit(b, node, axis, action, "local_index"))
    return plain


def _plain(node: Any) -> Any:
    """The layout without parameters of its lists."""
    match node:
        case Lists(rows, content):
            return Lists(rows, _plain(content))
        case Regular(content, size, length):
            return Regular(_plain(content), size, length)
        case Option(valid, content, parameters):
            return Option(valid, _plain(content), parameters)
        case Record(names, contents, length, parameters):
            return Record(names, tuple(map(_plain, contents)), length, parameters)
        case _:
            return node


def flatten(array: Any, axis: int | None = 1, *, behavior: Any = None, attrs: Any = None) -> Any:
    """The array with one level of lists fewer: the lists along `axis` joined (missing ones dropped).

    Axis 0 drops the missing values of the outermost axis; None joins all lists and fields into one flat array.

    Raises:
        AxisError: no such axis.
        StructureError: the lists along the axis are texts, or records.

    >>> import ragged
    >>> ragged.flatten(ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]]))
    <Array [1, 2, 3, 4, 5] type='5 * float64'>
    """
    b, node, dense = single(array, number=axis is None)
    if axis == 1 and type(node) is Lists and node.parameters is None:
        return wrap(b, node.content, False, array, attrs=attrs, behavior=behavior)
    if axis is None:
        return wrap(b, _joined(b, leaves(b, node, True), "flatten"), dense, array, attrs=attrs, behavior=behavior)
    if positive_axis(node, axis) == 0:
        return wrap(b, _outermost_present(b, node), dense, array, attrs=attrs, behavior=behavior)
    return wrap(b, _flattened(b, node, axis, axis)[1], dense, array, attrs=attrs, behavior=behavior)


def ravel(array: Any, *, behavior: Any = None, attrs: Any = None) -> Any:
    """All values in one flat array, missing ones kept (missing lists are dropped), fields one after another.

    >>> import ragged
    >>> ragged.ravel(ragged.Array([[[1, None], []], [[3]]]))
    <Array [1, None, 3] type='3 * ?int64'>
    """
    b, node, dense = single(array, number=True)
    return wrap(b, _joined(b, leaves(b, node, False), "ravel"), dense, array, attrs=attrs, behavior=behavior)


def _joined(b: Backend, parts: list[Any], name: str) -> Node:
    return merge(b, parts, name=name) if parts else Unknown()


def leaves(b: Backend, node: Any, drop_missing: bool) -> list[Any]:
    """The innermost values of each branch, as nodes of one axis."""
    match node:
        case Flat(data):
            if data.ndim == 1:
                return [Flat(data, node.length)]
            n = node.length
            for size in b.shape(data)[1:]:
                n = n * size
            return [Flat(b.reshape(data, (n,)), n)]
        case Lists(_, content) | Regular(content) if not is_text(node):
            return leaves(b, content, drop_missing)
        case Option(_, content):
            if drop_missing or depth_range(content) != (1, 1):
                return leaves(b, present(b, node), drop_missing)
            return [node]
        case Record(_, contents):
            return [leaf for content in contents for leaf in leaves(b, content, drop_missing)]
        case Union():
            raise no_unions(node, "flatten")
        case _:
            return [node]


def _outermost_present(b: Backend, node: Node) -> Node:
    if isinstance(node, Option):
        return _outermost_present(b, present(b, node))
    if isinstance(node, Unknown):  # Awkward's choice of a type
        return Flat(b.full((0,), 0, "float64"), 0)
    return node


def present(b: Backend, node: Option) -> Node:
    """The content that is not missing."""
    return take(b, node.content, b.home(node.valid).flatnonzero(node.valid))


def _flattened(b: Backend, node: Node, axis: int, given: int) -> tuple[Rows | None, Node]:
    """The node without the lists along `axis`; also their rows, where these lists are the node's own."""
    here = positive_axis(node, axis)
    match node:
        case Union():
            raise no_unions(node, "flatten")
        case Unknown():
            return Rows.regular(b.home(), node.length, 0), Unknown()
        case Option(valid, content, parameters):
            rows, inner = _flattened(b, content, axis, given)
            if rows is None:
                return None, Option(valid, inner, parameters)
            return without_missing(b, valid, rows, inner)
        case Record(names, contents, length):
            if here == 1:
                raise StructureError(
                    f"flatten: axis={given} would join records; flatten their fields, or choose another axis"
                )
            flat = [_flattened(b, content, axis, given) for content in contents]
            if any(rows is not None for rows, _ in flat):
                raise AxisError(f"flatten: axis={given} names the fields of records in some branches; flatten those")
            return None, Record(names, tuple(inner for _, inner in flat), length)
        case Flat(data) if data.ndim == 1:
            raise AxisError(f"flatten: axis={given} exceeds the depth of this array")
    if is_text(node):
        if here == 1:
            raise StructureError("flatten: a text is one value; its characters are no list to join")
        raise AxisError(f"flatten: axis={given} exceeds the depth of this array")
    rows, content = rows_of(b, node)
    if here == 1:
        return rows, content
    joined, inner = _flattened(b, content, axis if here is None else here - 1, given)
    return None, Lists(rows if joined is None else rows.flatten(joined), inner, node.parameters)


def without_missing(b: Backend, valid: Any, rows: Rows, content: Node) -> tuple[Rows, Node]:
    """Missing lists made empty; what they hid is left behind."""
    ops = rows.ops
    kept = Rows.from_lengths(ops, ops.where(valid, rows.lengths, 0), upper=rows.total)
    if kept.total == rows.total:
        return rows, content
    shift = rows.starts - kept.starts
    return kept, take(b, content, ops.arange(kept.total) + ops.repeat(shift, kept.lengths, kept.total))


def unflatten(
    array: Any, counts: Any, axis: int = 0, *, capacity: int | None = None, behavior: Any = None, attrs: Any = None
) -> Any:
    """The values along `axis` cut into lists of the given lengths.

    Args:
        counts: one length for all lists, or one a list (int; None makes a missing list); for an inner axis they run
            through all lists one after another, or stand in lists like those that they cut (which alone tells where
            an empty list at an end belongs).
        capacity: the most values that there may be along the axis, for which a program that `ragged.jit` compiles to
            fixed sizes has room; it is estimated where it is not given.

    Raises:
        StructureError: counts that do not fit the lists along the axis.
        DTypeError: counts that are not integers.
        OutOfRangeError: more values than `capacity`.

    >>> import ragged
    >>> ragged.unflatten(ragged.Array([1.0, 2.0, 3.0, 4.0]), [3, 0, 1])
    <Array [[1, 2, 3], [], [4]] type='3 * var * float64'>
    >>> ragged.unflatten(ragged.Array([[1.0, 2.0, 3.0], [4.0]]), [[2, 1, 0], [0, 1]], axis=1)
    <Array [[[1, 2], [3], []], [[], [4]]] type='2 * var * var * float64'>
    """
    b, node, _ = single(array)
    cutter = Cutter(b, counts, axis, Capacity.of("unflatten", capacity))
    if cutter.nested is not None:
        here = positive_axis(node, axis)
        if not here:
            raise DTypeError(
                f"unflatten: counts must be an integer or a one-dimensional array of integers for axis={axis} of this "
                "array; lists of them cut an inner axis"
            )
        return wrap(b, cutter.by_lists(node, cutter.nested, here), False, array, attrs=attrs, behavior=behavior)
    cut = cutter.cut(node) if positive_axis(node, axis) == 0 else cutter.inside(node, axis)
    return wrap(b, cutter.finish(cut), False, array, attrs=attrs, behavior=behavior)
