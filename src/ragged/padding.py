"""Lists brought to a length, or to one value, with None where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged._merging import merge
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
    blank,
    is_text,
    option,
    regular,
    rows_of,
    take,
    take_missing,
)
from ragged.operands import single, wrap
from ragged.rows import Ranges, Rows
from ragged.sizes import is_known, larger
from ragged.traverse import positive_axis, visit

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["firsts", "pad_none", "singletons"]


def pad_none(
    array: Any, target: int, axis: int = 1, *, clip: bool = False, behavior: Any = None, attrs: Any = None
) -> Any:
    """The array with None added until each list along `axis` has at least `target` values.

    Args:
        clip: whether longer lists are cut, so that all have the length `target` (and the axis is regular).

    Raises:
        AxisError: no such axis.

    >>> import ragged
    >>> ragged.pad_none(ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]]), 2, clip=True)
    <Array [[1, 2], [None, None], [4, 5]] type='3 * 2 * ?float64'>
    """
    b, node, _ = single(array)
    if target < 0:
        if clip:
            raise StructureError(f"pad_none: target must not be negative when clip=True, but it is {target}")
        target = 0

    def action(node: Any, here: int | None) -> Node | None:
        if here == 0:
            return _pad_outermost(b, node, target, clip)
        if here == 1 and isinstance(node, Lists | Regular):
            return _pad_lists(b, node, target, clip)
        if here is None and isinstance(node, Record) and any(positive_axis(c, axis) == 0 for c in node.contents):
            raise AxisError(
                f"pad_none: axis={axis} names the fields of a record in some branches, and lists in others; "
                "pad the fields one by one"
            )
        return None

    if axis == 1 and type(node) is Lists:
        return wrap(b, _pad_lists(b, node, target, clip), False, array, attrs=attrs, behavior=behavior)
    return wrap(b, visit(b, node, axis, action, "pad_none"), False, array, attrs=attrs, behavior=behavior)


def _pad_outermost(b: Backend, node: Node, target: int, clip: bool) -> Node:
    n = node.length
    ops = b.home()
    if not is_known(n):
        index = ops.arange(target if clip else larger(target, n))
        return take_missing(b, node, index, index < n)
    if not clip and target < n and not isinstance(node, Unknown):
        # Awkward leaves plain numbers as they are and makes everything else optional
        is_plain = isinstance(node, Flat)
        return node if is_plain else option(b, ops.full((n,), True, "bool"), node)
    index = ops.arange(target)
    return take_missing(b, node, index, index < n)


def _pad_lists(b: Backend, node: Lists | Regular, target: int, clip: bool) -> Node:
    if is_text(node):
        raise DTypeError("pad_none: a text is one value; its characters are no list to pad")
    if isinstance(node, Regular) and not clip and target < node.size:
        return node
    rows, content = rows_of(b, node)
    ops = rows.ops
    one_size = clip or isinstance(node, Regular)
    if one_size or (isinstance(rows.longest, int) and rows.longest <= target):
        padded = Rows.regular(ops, rows.nrows, target)
    else:
        padded = Rows.from_lengths(ops, ops.xp.maximum(rows.lengths, target), upper=rows.total + rows.nrows * target)
    inner = _padded(b, rows, content, padded)
    return regular(b, inner, target, rows.nrows, node.parameters) if one_size else Lists(padded, inner, node.parameters)


def _padded(b: Backend, rows: Rows, content: Node, padded: Rows) -> Node:
    """The content of rows as that of other ones, missing where they are longer."""
    ops, n = rows.ops, padded.total
    if isinstance(content, Unknown) or (isinstance(rows.total, int) and rows.total == 0):
        return Option(
            ops.full((n,), False, "bool"), blank(b, content.content if isinstance(content, Option) else content, n)
        )
    last = rows.total - 1
    if not is_known(rows.total):  # it may turn out to be 0
        content, last = merge(b, [content, blank(b, content, 1)]), rows.total
    taken = take(b, content, Ranges(rows.starts, padded, last=last))  # may run while the mask is made
    if padded.width is None:
        valid = ops.ranges(rows.lengths, padded, -1) > 0
    else:
        valid = ops.reshape(ops.arange(padded.width)[None, :] < rows.lengths[:, None], (n,))
    return option(b, valid, taken)


def firsts(array: Any, axis: int = 1, *, behavior: Any = None, attrs: Any = None) -> Any:
    """The first value of each list along `axis`, None where a list is empty (undone by `singletons`).

    Raises:
        AxisError: no such axis.

    >>> import ragged
    >>> ragged.firsts(ragged.Array([[1.0, 2.0], [], [3.0]]))
    <Array [1, None, 3] type='3 * ?float64'>
    """
    b, node, dense = single(array)
    if positive_axis(node, axis) == 0:
        some = not is_known(node.length) or node.length
        return wrap(b, node, False, array, attrs=attrs, behavior=behavior)[0] if some else None

    def action(node: Any, here: int | None) -> Node | None:
        if here != 1 or not isinstance(node, Lists | Regular):
            return None
        if is_text(node):
            raise DTypeError("firsts: a text is one value; its characters are no list")
        rows, content = rows_of(b, node)
        return take_missing(b, content, rows.starts, rows.lengths > 0)

    return wrap(b, visit(b, node, axis, action, "firsts"), dense, array, attrs=attrs, behavior=behavior)


def singletons(array: Any, axis: int = 0, *, behavior: Any = None, attrs: Any = None) -> Any:
    """Each value along `axis` in a list of its own, which is empty where the value is missing (undone by `firsts`).

    Raises:
        AxisError: no such axis.

    >>> import ragged
    >>> ragged.singletons(ragged.Array([1.0, None, 3.0]))
    <Array [[1], [], [3]] type='3 * var * float64'>
    """
    b, node, _ = single(array)

    def action(node: Any, here: int | None) -> Node | None:
        if here != 0 or isinstance(node, Record | Union):
            return None
        if not isinstance(node, Option):
            return Lists(Rows.regular(b.home(), node.length, 1), node)
        ops = b.home(node.valid)
        kept = ops.flatnonzero(node.valid)
        rows = Rows.from_lengths(ops, ops.astype(node.valid, "int64"), ops.size(kept))
        return Lists(rows, take(b, node.content, kept))

    return wrap(b, visit(b, node, axis, action, "singletons"), False, array, attrs=attrs, behavior=behavior)
