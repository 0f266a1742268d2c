"""Missing values: made, found, filled and dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._merging import merge
from ragged.broadcasting import broadcast
from ragged.errors import AxisError, DTypeError
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
    rows_of,
    take,
)
from ragged.operands import common_backend, move, operand, operands, single, wrap
from ragged.padding import firsts, pad_none, singletons
from ragged.registry import get_backend
from ragged.rows import Rows, owned
from ragged.structure import present
from ragged.traverse import depth_range, positive_axis, rebuild, visit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragged.backend import Backend

__all__ = ["Masker", "drop_none", "fill_none", "firsts", "is_none", "mask", "pad_none", "singletons"]


class Masker:
    """`x.mask[condition]`: see `mask`."""

    __slots__ = ("_array",)

    def __init__(self, array: Any) -> None:
        self._array = array

    def __getitem__(self, condition: Any) -> Any:
        return mask(self._array, condition)


def mask(array: Any, mask: Any, *, valid_when: bool = True, behavior: Any = None, attrs: Any = None) -> Any:
    """The array with None where the condition is not `valid_when` (or is itself missing).

    Raises:
        DTypeError: a condition that is not boolean.
        StructureError: array and condition that do not line up.

    >>> import ragged
    >>> x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    >>> ragged.mask(x, x > 2)
    <Array [[None, None, 3], [], [4, 5]] type='3 * var * ?float64'>
    """
    b, (node, condition), _ = operands(array, mask)
    if type(node) is Lists and type(condition) is Lists and node.parameters is None and node.rows.same(condition.rows):
        inner = condition.content
        if type(inner) is Flat and inner.data.ndim == 1:
            return wrap(
                b,
                Lists(node.rows, _masked(b, node.content, inner, valid_when)),
                False,
                array,
                mask,
                attrs=attrs,
                behavior=behavior,
            )

    def stop(nodes: Sequence[Any], depth: int) -> bool:
        return type(nodes[1]) is Flat and nodes[1].data.ndim == 1

    def act(b: Backend, inputs: Sequence[Any], valid: Any) -> Node:
        return _masked(b, inputs[0], inputs[1], valid_when)

    (masked,) = broadcast(b, [node, condition], act, name="mask", right_broadcast=False, stop=stop, dense_leaves=False)
    return wrap(b, masked, False, array, mask, attrs=attrs, behavior=behavior)


def _masked(b: Backend, node: Node, condition: Any, valid_when: bool) -> Node:
    if not isinstance(condition, Flat) or b.dtype(condition.data).kind != "b":
        kind = b.dtype(condition.data) if isinstance(condition, Flat) else type(condition).__name__
        raise DTypeError(f"mask: the condition must be boolean, not {kind}; compare it with something")
    valid = b.as_structure(condition.data)
    return option(b, owned(b.home(valid), valid) if valid_when else ~valid, node)


def is_none(array: Any, axis: int = 0, *, behavior: Any = None, attrs: Any = None) -> Any:
    """Whether each value along `axis` is missing (field by field in records).

    Raises:
        AxisError: no such axis.

    >>> import ragged
    >>> ragged.is_none(ragged.Array([[1, None], None, []]), axis=1)
    <Array [[False, True], None, []] type='3 * option[var * bool]'>
    """
    b, node, dense = single(array)

    def action(node: Any, here: int | None) -> Node | None:
        if here != 0 or isinstance(node, Record | Union):
            return None
        if isinstance(node, Option):
            return Flat(b.asarray(~node.valid), node.length)
        return Flat(b.full((node.length,), False, "bool"), node.length)

    return wrap(b, visit(b, node, axis, action, "is_none"), dense, array, attrs=attrs, behavior=behavior)


def fill_none(array: Any, value: Any, axis: int | None = -1, *, behavior: Any = None, attrs: Any = None) -> Any:
    """The array with `value` in place of the missing values along `axis` (None: of all axes).

    Args:
        value: a number, a text, or an array or record, which then stands as a whole in each place.

    Raises:
        AxisError: no such axis.
        UnsupportedError: a value of a type that only a union could hold together with the others.

    >>> import ragged
    >>> ragged.fill_none(ragged.Array([[1.0, None], [], [3.0]]), 0.0)
    <Array [[1, 0], [], [3]] type='3 * var * float64'>
    """
    b, node, _ = single(array)
    number, filling = None, None
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | int | float | complex | np.number | np.bool_):
        number = value
    else:
        filling, source = _one_entry(value)
        b, node, filling = _together(b, node, filling, source)

    def fill(node: Option) -> Node:
        return _filled(b, node, number, filling)

    if axis is None:
        return wrap(b, _fill_all(b, node, fill), False, array, value, attrs=attrs, behavior=behavior)

    def action(node: Any, here: int | None) -> Node | None:
        if here != 0 or isinstance(node, Record | Union):
            return None
        return fill(node) if isinstance(node, Option) else node

    return wrap(b, visit(b, node, axis, action, "fill_none"), False, array, value, attrs=attrs, behavior=behavior)


def _one_entry(value: Any) -> tuple[Node, Backend | None]:
    """The value as a node with one entry."""
    from ragged.array import Array
    from ragged.array import Record as Entry

    if value is None:
        raise DTypeError("fill_none: the value must not be None itself")
    if isinstance(value, Entry):
        return value._array.layout, value._array._backend
    if isinstance(value, np.datetime64 | np.timedelta64):
        return Flat(np.asarray([value]), 1), get_backend("numpy")
    if isinstance(value, str | bytes | dict):
        entry = Array([value])
        return entry.layout, entry._backend
    node, backend, _ = operand(value)
    if isinstance(node, Node):
        return Regular(node, node.length, 1), backend
    assert backend is not None
    return Flat(backend.reshape(node, (1,)), 1), backend


def _together(b: Backend, node: Node, filling: Node, source: Backend | None) -> tuple[Backend, Node, Node]:
    common = common_backend([b, source])
    return common, move(common, node, b), move(common, filling, source)


def _filled(b: Backend, node: Option, number: Any, filling: Node | None) -> Node:
    """The option's content with the number, or the filling's entry, where it is missing."""
    content = node.content
    is_number = type(content) is Flat and len(content.data.shape) == 1 and b.dtype(content.data).kind not in "mM"
    if number is not None and isinstance(content, Flat) and is_number:
        kind = np.result_type(b.dtype(content.data), np.asarray(number).dtype)
        data = b.where(node.valid, b.astype(content.data, kind), kind.type(number))
        return Flat(data, content.length)
    if filling is None:
        filling = Flat(b.asarray(np.asarray([number])), 1)
    ops = b.home(node.valid)
    n = node.length
    if isinstance(content, Unknown):
        return take(b, filling, ops.full((n,), 0, "int64"))
    index = ops.where(node.valid, ops.arange(n), n)
    return take(b, merge(b, [content, filling], name="fill_none"), index)


def _fill_all(b: Backend, node: Any, fill: Any) -> Any:
    match node:
        case Option(valid, content, parameters):
            return fill(Option(valid, _fill_all(b, content, fill), parameters))
        case Record(names, contents, length, parameters):
            return Record(names, tuple(_fill_all(b, content, fill) for content in contents), length, parameters)
        case Lists() | Regular() if not is_text(node):
            return rebuild(b, node, _fill_all(b, node.content, fill))
        case Union():
            raise no_unions(node, "fill_none")
        case _:
            return node


def drop_none(array: Any, axis: int | None = None, behavior: Any = None, attrs: Any = None) -> Any:
    """The array without its missing values along `axis` (None: of all axes; fields of records keep theirs).

    Raises:
        AxisError: no such axis.

    >>> import ragged
    >>> ragged.drop_none(ragged.Array([[1, None], None, [3]]))
    <Array [[1], [3]] type='2 * var * int64'>
    """
    b, node, dense = single(array)
    if axis is None:
        return wrap(
            b,
            _drop_all(b, present(b, node) if isinstance(node, Option) else node),
            dense,
            array,
            attrs=attrs,
            behavior=behavior,
        )
    shallowest = depth_range(node)[0]
    if axis >= shallowest:
        raise AxisError(f"drop_none: axis={axis} exceeds the depth of this array, which is {shallowest}")
    if positive_axis(node, axis) == 0:
        return wrap(
            b, present(b, node) if isinstance(node, Option) else node, dense, array, attrs=attrs, behavior=behavior
        )
    return wrap(b, _drop_at(b, node, axis), dense, array, attrs=attrs, behavior=behavior)


def _drop_all(b: Backend, node: Any) -> Any:
    match node:
        case Flat(data) if data.ndim == 1:
            return node
        case Flat() | Lists() | Regular() if not is_text(node):  # lists of one size may lose it
            rows, content = rows_of(b, node)
            return _dropped(b, Lists(rows, _drop_all(b, content), node.parameters))
        case Option():
            return rebuild(b, node, _drop_all(b, node.content))
        case Record(names, contents, length, parameters):
            return Record(names, tuple(_drop_all(b, content) for content in contents), length, parameters)
        case Union():
            raise no_unions(node, "drop_none")
        case _:
            return node


def _drop_at(b: Backend, node: Any, axis: int) -> Any:
    here = positive_axis(node, axis)
    if here == 0:  # a record's fields have no entries of their own that could go
        return node
    match node:
        case Flat(data) if data.ndim > 1:
            return node
        case Lists() | Regular() if here == 1:
            return _dropped(b, node)
        case Lists() | Regular() if not is_text(node):
            return rebuild(b, node, _drop_at(b, node.content, axis if here is None else here - 1))
        case Option():
            return rebuild(b, node, _drop_at(b, node.content, axis))
        case Record(names, contents, length, parameters):
            if here is None and any(positive_axis(content, axis) == 0 for content in contents):
                raise AxisError(
                    f"drop_none: axis={axis} names the fields of a record in some branches, and lists in others; "
                    "take the fields one by one"
                )
            return Record(names, tuple(_drop_at(b, content, axis) for content in contents), length, parameters)
        case Union():
            raise no_unions(node, "drop_none")
        case _:
            return node


def _dropped(b: Backend, node: Any) -> Any:
    """The lists without the missing ones of their own entries."""
    content = node.content
    if not isinstance(content, Option) or is_text(node):
        return node
    rows, _ = rows_of(b, node)
    ops = b.home(content.valid, rows.offsets)
    running = ops.offsets_from_lengths(ops.astype(content.valid, "int64"))
    kept = ops.flatnonzero(content.valid)
    offsets = ops.take(running, rows.offsets)
    return Lists(Rows(ops, offsets, rows.nrows, ops.size(kept)), take(b, content.content, kept), node.parameters)
