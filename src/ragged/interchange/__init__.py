"""To and from other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged._namespace import dtype_called
from ragged.array import Array, Record
from ragged.context import backend_called
from ragged.errors import StructureError
from ragged.memory import reached
from ragged.nodes import Flat, Lists, Option, Regular, Union, is_text
from ragged.nodes import Record as RecordNode
from ragged.operands import common_backend, move, operand
from ragged.registry import backend_of_dense, get_backend
from ragged.traverse import first_flat

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = [
    "backend",
    "from_awkward",
    "from_native",
    "to_awkward",
    "to_backend",
    "to_list",
    "to_native",
    "to_numpy",
]


def on_numpy(b: Backend, node: Any) -> Any:
    """The layout with content and structure as NumPy arrays, shared where the framework allows."""
    if b.name == "numpy" and not b.level:
        return node
    host = get_backend("numpy")
    match node:
        case Flat(data, length, parameters):
            return Flat(b.to_numpy(data), length, parameters)
        case Lists(rows, content, parameters):
            return Lists(rows.on(host), on_numpy(b, content), parameters)
        case Regular(content, size, length, parameters):
            return Regular(on_numpy(b, content), size, length, parameters)
        case RecordNode(fields, contents, length, parameters):
            return RecordNode(fields, tuple(on_numpy(b, content) for content in contents), length, parameters)
        case Option(valid, content, parameters):
            return Option(b.home(valid).to_numpy(valid), on_numpy(b, content), parameters)
        case Union(tags, index, contents, length, parameters):
            ops, inner = b.home(tags, index), tuple(on_numpy(b, content) for content in contents)
            return Union(ops.to_numpy(tags), ops.to_numpy(index), inner, length, parameters)
        case _:
            return node


def as_array(x: Any) -> Array:
    """Anything that an Array can be made of, as one."""
    if isinstance(x, Array):
        return x
    from ragged.construct import build

    built: Array = build(x)
    return built


def to_awkward(x: Any) -> Any:
    """The same values as an `awkward.Array` (or `awkward.Record`), sharing NumPy's buffers.

    >>> import ragged
    >>> ragged.to_awkward(ragged.Array([[1, 2], []]))
    <Array [[1, 2], []] type='2 * var * int64'>
    """
    import awkward as ak

    from ragged.interchange.awkward import to_layout

    if isinstance(x, Record):
        return to_awkward(x._array)[0]
    x = as_array(x)
    layout = to_layout(on_numpy(x._backend, x.layout))
    return ak.Array(layout, behavior=x._behavior, attrs=x._attrs)


def to_list(array: Any) -> Any:
    """Nested Python lists, dicts, tuples and None; a dense value gives what its `tolist` gives.

    >>> import ragged
    >>> ragged.to_list(ragged.Array([{"x": [1, None]}]))
    [{'x': [1, None]}]
    """
    if isinstance(array, Record):
        return to_list(array._array)[0]
    if isinstance(array, Array):
        from ragged.interchange.python import values

        return values(on_numpy(array._backend, array.layout))
    if array is None or isinstance(array, bool | int | float | complex | str | bytes):
        return array
    if isinstance(array, list | tuple):
        return [to_list(each) for each in array]
    if isinstance(array, dict):
        return {name: to_list(each) for name, each in array.items()}
    owner = backend_of_dense(array)
    return to_list(as_array(array)) if owner is None else owner.to_numpy(array).tolist()


def to_numpy(array: Any, *, allow_missing: bool = True) -> np.ndarray[Any, Any]:
    """A NumPy array, where all lists of an axis have one length.

    Args:
        array: an array.
        allow_missing: give a masked array where values are missing; otherwise they are an error.

    Raises:
        ValueError: lists of different lengths, or missing values that are not allowed.

    >>> import ragged
    >>> ragged.to_numpy(ragged.Array([[1, 2], [3, 4]]))
    array([[1, 2],
           [3, 4]])
    """
    owner = None if isinstance(array, Array) else backend_of_dense(array)
    if owner is not None:
        return owner.to_numpy(array)
    array = as_array(array)
    if isinstance(array.layout, Flat):
        dense: np.ndarray[Any, Any] = array._backend.to_numpy(array.layout.data)
        return dense
    import awkward as ak

    try:
        result: np.ndarray[Any, Any] = ak.to_numpy(to_awkward(array), allow_missing=allow_missing)
    except ValueError as error:
        reason = uneven(array.layout, 1) or str(error).strip().splitlines()[0]
        raise StructureError(f"no NumPy array has the shape of {array.typestr}: {reason}") from None
    return result


def uneven(node: Any, axis: int) -> str | None:
    """Which lists differ in length first, and where."""
    match node:
        case Lists(rows, content) if not is_text(node):
            ops = rows.ops
            differs = rows.lengths != rows.lengths[:1]
            if ops.true(ops.xp.any(differs)):
                i = int(ops.flatnonzero(differs)[0])
                return (
                    f"at axis={axis} list 0 has length {int(rows.lengths[0])} but list {i} has {int(rows.lengths[i])}; "
                    f"use ragged.to_padded or ragged.to_list"
                )
            return uneven(content, axis + 1)
        case Regular(content):
            return uneven(content, axis + 1)
        case Option(_, content):
            return uneven(content, axis) or "values are missing; use allow_missing=True or ragged.fill_none"
        case RecordNode(_, contents):
            return next((found for found in (uneven(content, axis) for content in contents) if found), None)
        case _:
            return None


def to_backend(array: Any, backend: str, device: Any = None, *, behavior: Any = None, attrs: Any = None) -> Array:
    """The same array with its content on another backend, shared where the frameworks allow.

    >>> import ragged
    >>> ragged.backend(ragged.to_backend(ragged.Array([[1.0], []]), "numpy"))
    'numpy'
    """
    array = as_array(array)
    attrs = array._attrs if attrs is None else dict(attrs)
    behavior = array._behavior if behavior is None else behavior
    if device is None and array._backend.base.name == backend:
        return Array._of(array.layout, array._backend, attrs, behavior)
    target = staying(backend_called(backend), array) if device is None else get_backend(backend).configured(device)
    return Array._of(move(target, array.layout, array._backend), target, attrs, behavior)


def staying(target: Backend, array: Array) -> Backend:
    """The target's configuration for the GPU that the array is on, where it reaches it and no device was chosen."""
    flat = first_flat(array.layout)
    found = None if flat is None else reached(target, flat.data, array._backend)
    return target if found is None else target.hosting(target.serving(found))


def to(array: Any, *where: Any, device: Any = None, dtype: Any = None) -> Any:
    """The array on another device of its framework, in another dtype, or both.

    Raises:
        UnsupportedError: the framework has no such device.
        TypeError: more than one device, or more than one dtype.
    """
    given: dict[str, list[Any]] = {"device": [], "dtype": []}
    for kind, each in [(None, each) for each in where] + [("device", device), ("dtype", dtype)]:
        if each is not None:
            given[kind or ("dtype" if is_dtype(each) else "device")].append(each)
    for kind, found in given.items():
        if len(found) > 1:
            raise TypeError(f"to() takes one {kind}, not {', '.join(map(repr, found))}")
    for dtype in given["dtype"]:
        from ragged.creation import values_astype

        array = values_astype(array, dtype)
    for device in given["device"]:
        array = to_backend(array, array._backend.base.name, device)
    return array


def is_dtype(x: Any) -> bool:
    """Whether `x` names a dtype (rather than a device)."""
    try:
        dtype_called(x)
    except TypeError:
        return False
    return True


def backend(*arrays: Any) -> str:
    """Name of the backend that an operation on these arrays runs on.

    Raises:
        BackendMismatchError: arrays of two frameworks.

    >>> import ragged
    >>> ragged.backend(ragged.Array([[1, 2], []]))
    'numpy'
    """
    return common_backend([operand(x)[1] for x in arrays]).base.name


def from_awkward(array: Any) -> Array:
    """An Array over the buffers of an `awkward.Array`.

    Raises:
        UnsupportedError: mixed types, or values that are not loaded.

    >>> import awkward, ragged
    >>> ragged.from_awkward(awkward.Array([[1, 2], []]))
    <Array [[1, 2], []] type='2 * var * int64'>
    """
    return Array(array)


def from_native(x: Any) -> Array:
    """An Array of a framework's own array or ragged array."""
    return Array(x)


def to_native(x: Any) -> Any:
    """The framework's own ragged type, or its dense array where nothing is ragged."""
    x = as_array(x)
    if isinstance(x.layout, Flat):
        return x.layout.data
    return x._backend.to_native(x.layout)
