"""Arrays in the structure of others: filled with one value, or with their numbers in another dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._namespace import dtype_called
from ragged.array import Array
from ragged.array import Record as Entry
from ragged.errors import DTypeError
from ragged.nodes import Flat, Lists, Node, Option, Record, Regular, Union, Unknown, is_text, no_unions, regular
from ragged.operands import operands, single, wrap
from ragged.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragged.backend import Backend

__all__ = ["astype", "full_like", "map_values", "ones_like", "values_astype", "zeros_like"]


def zeros_like(
    array: Any, *, dtype: Any = None, including_unknown: bool = False, behavior: Any = None, attrs: Any = None
) -> Any:
    """The array with 0 (or False, or the empty string) in the place of each value; missing values stay missing.

    Args:
        array: an array, or a dense value.
        dtype: of the result; by default each value's own.
        including_unknown: whether the unknown type of empty lists becomes `dtype`.

    >>> import ragged
    >>> ragged.zeros_like(ragged.Array([[1.5, 2.5], [], [None]])).to_list()
    [[0.0, 0.0], [], [None]]
    """
    return _filled(array, 0, dtype, including_unknown, "", behavior, attrs)


def ones_like(
    array: Any, *, dtype: Any = None, including_unknown: bool = False, behavior: Any = None, attrs: Any = None
) -> Any:
    """The array with 1 (or True, or "1") in the place of each value; missing values stay missing.

    Args:
        array: an array, or a dense value.
        dtype: of the result; by default each value's own.
        including_unknown: whether the unknown type of empty lists becomes `dtype`.

    >>> import ragged
    >>> ragged.ones_like(ragged.Array([[1.5, 2.5], [], [None]])).to_list()
    [[1.0, 1.0], [], [None]]
    """
    return _filled(array, 1, dtype, including_unknown, "1", behavior, attrs)


def full_like(
    array: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    including_unknown: bool = False,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    """The array with `fill_value` in the place of each value; missing values stay missing.

    Args:
        array: an array, or a dense value.
        fill_value: one value; it is cast to the dtype of what it replaces (text is replaced by its text).
        dtype: of the result; by default each value's own.
        including_unknown: whether the unknown type of empty lists becomes `dtype`.

    >>> import ragged
    >>> ragged.full_like(ragged.Array([[1.5, 2.5], [], [3.5]]), 9).to_list()
    [[9.0, 9.0], [], [9.0]]
    """
    if isinstance(fill_value, list | tuple | dict) or len(getattr(fill_value, "shape", ())):
        raise DTypeError(f"full_like takes one value, not {fill_value!r}; use ragged.broadcast_arrays for several")
    text = fill_value if isinstance(fill_value, str | bytes) else str(fill_value)
    return _filled(array, fill_value, dtype, including_unknown, text, behavior, attrs)


def _filled(
    array: Any,
    value: Any,
    dtype: Any,
    including_unknown: bool,
    text: str | bytes,
    behavior: Any = None,
    attrs: Any = None,
) -> Any:
    if isinstance(array, Entry):
        return Entry(_filled(array._array, value, dtype, including_unknown, text, behavior, attrs))
    if dtype is not None:
        dtype = np.dtype(dtype)
    if type(array) is not Array and _is_number(array):
        return np.asarray(value, dtype or np.asarray(array).dtype)[()]
    if hasattr(value, "shape"):  # a framework's own value, tracers included
        b, (node, value), dense = operands(array, value)
    else:
        b, node, dense = single(array)

    def fill(flat: Flat) -> Flat:
        kind = b.dtype(flat.data) if dtype is None else dtype
        shape = b.shape(flat.data)
        if hasattr(value, "shape"):
            full = b.broadcast_to(b.astype(b.reshape(b.asarray(value), (1,) * len(shape)), kind), shape)
        else:
            full = b.full(shape, _cast(value, kind), kind)
        return Flat(full, flat.length, flat.parameters)

    def fill_text(lists: Lists | Regular) -> Node:
        if dtype is not None:
            return Flat(b.full((lists.length,), value, dtype), lists.length)
        return _repeated_text(b, text, lists)

    unknown = dtype if including_unknown else None
    return wrap(b, map_values(b, node, fill, fill_text, unknown), dense, array, attrs=attrs, behavior=behavior)


def _cast(value: Any, dtype: np.dtype[Any]) -> Any:
    """The fill value, if the dtype can hold it."""
    if not isinstance(value, str | bytes):
        return value
    try:
        return np.asarray(value).astype(dtype)[()]
    except ValueError as error:
        raise DTypeError(f"full_like: {value!r} is no {dtype}: {error}") from error


def _is_number(x: Any) -> bool:
    return isinstance(x, bool | int | float | complex | np.generic)


def _repeated_text(b: Backend, text: str | bytes, like: Lists | Regular) -> Lists:
    code = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    ops = b.home()
    rows = Rows.regular(ops, like.length, len(code))
    characters = ops.take(ops.asarray(np.frombuffer(code + b"\0", np.uint8)), rows.positions)
    return Lists(rows, Flat(b.asarray(characters), rows.total, like.content.parameters), like.parameters)


def map_values(
    b: Backend, node: Node, f: Callable[[Flat], Node], of_text: Callable[[Any], Node] | None, unknown: Any = None
) -> Node:
    """The layout with each dense node and each text node replaced; structure is shared."""
    match node:
        case Flat():
            return f(node)
        case Lists() | Regular() if is_text(node):
            return node if of_text is None else of_text(node)
        case Lists(rows, content, parameters):
            return Lists(rows, map_values(b, content, f, of_text, unknown), parameters)
        case Regular(content, size, length, parameters):
            return regular(b, map_values(b, content, f, of_text, unknown), size, length, parameters)
        case Option(valid, content, parameters):
            return Option(valid, map_values(b, content, f, of_text, unknown), parameters)
        case Record(fields, contents, length, parameters):
            return Record(fields, tuple(map_values(b, c, f, of_text, unknown) for c in contents), length, parameters)
        case Unknown(length):
            return node if unknown is None else Flat(b.full((length,), 0, unknown), length)
        case Union():
            raise no_unions(node)


def values_astype(
    array: Any, to: Any, *, including_unknown: bool = False, behavior: Any = None, attrs: Any = None
) -> Any:
    """The array with its numbers in another dtype; text and structure stay as they are.

    Args:
        array: an array, or a dense value.
        to: a NumPy dtype, its name, or the dtype of another framework.
        including_unknown: whether the unknown type of empty lists becomes `to`.

    Raises:
        DTypeError: numbers that cannot be cast to it.

    >>> import ragged
    >>> ragged.values_astype(ragged.Array([[1.5, 2.5], [], [3.5]]), "int32").to_list()
    [[1, 2], [], [3]]
    """
    try:
        dtype = dtype_called(to)
    except TypeError as error:
        raise DTypeError(f"values_astype: {to!r} is no dtype: {error}") from error
    if dtype.kind not in "biufcmM":
        raise DTypeError(f"values_astype: numbers are no {dtype}; give a dtype of booleans, numbers or dates")
    if dtype in (np.dtype("M8"), np.dtype("m8")):
        dtype = np.dtype(f"{dtype.kind}8[us]")  # Awkward's unit where none is given
    if type(array) is not Array and _is_number(array):
        return np.asarray(array).astype(dtype)[()]
    b, node, dense = single(array)

    def cast(flat: Flat) -> Flat:
        try:
            return Flat(b.astype(flat.data, dtype), flat.length, flat.parameters)
        except TypeError as error:
            raise DTypeError(f"values_astype: {b.dtype(flat.data)} cannot be cast to {dtype}: {error}") from error

    return wrap(
        b,
        map_values(b, node, cast, None, dtype if including_unknown else None),
        dense,
        array,
        attrs=attrs,
        behavior=behavior,
    )


def astype(x: Any, dtype: Any, /, *, copy: bool = True) -> Any:
    """The array with its numbers in another dtype (the array API's name for `values_astype`; arrays are immutable,
    so that `copy` changes nothing).

    >>> import ragged
    >>> ragged.astype(ragged.Array([[1.5], []]), ragged.int64).to_list()
    [[1], []]
    """
    return values_astype(x, dtype)
