"""To and from other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.array import Array, Record
from ragged.nodes import Flat
from ragged.operands import common_backend, map_flats, move, operand
from ragged.registry import backend_of_dense, get_backend

if TYPE_CHECKING:
    from ragged.backend import Backend
    from ragged.nodes import Node

__all__ = ["backend", "from_native", "to_awkward", "to_backend", "to_list", "to_native", "to_numpy"]


def on_numpy(b: Backend, node: Node) -> Any:
    """The layout with its content as NumPy arrays, shared where the framework allows."""
    if b.name == "numpy" and not b.level:
        return node
    return map_flats(node, lambda flat: Flat(b.to_numpy(flat.data), flat.length, flat.parameters))


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


def to_list(x: Any) -> Any:
    """Nested Python lists, dicts, tuples and None; a dense value gives what its `tolist` gives.

    >>> import ragged
    >>> ragged.to_list(ragged.Array([{"x": [1, None]}]))
    [{'x': [1, None]}]
    """
    if isinstance(x, Array | Record):
        return to_awkward(x).to_list()
    if x is None or isinstance(x, bool | int | float | complex | str | bytes):
        return x
    if isinstance(x, list | tuple):
        return [to_list(each) for each in x]
    if isinstance(x, dict):
        return {name: to_list(each) for name, each in x.items()}
    owner = backend_of_dense(x)
    return to_awkward(x).to_list() if owner is None else owner.to_numpy(x).tolist()


def to_numpy(x: Any, allow_missing: bool = True) -> np.ndarray[Any, Any]:
    """A NumPy array, where all lists of an axis have one length.

    Args:
        x: an array.
        allow_missing: give a masked array where values are missing; otherwise they are an error.

    Raises:
        ValueError: lists of different lengths, or missing values that are not allowed.

    >>> import ragged
    >>> ragged.to_numpy(ragged.Array([[1, 2], [3, 4]]))
    array([[1, 2],
           [3, 4]])
    """
    owner = None if isinstance(x, Array) else backend_of_dense(x)
    if owner is not None:
        return owner.to_numpy(x)
    x = as_array(x)
    if isinstance(x.layout, Flat):
        dense: np.ndarray[Any, Any] = x._backend.to_numpy(x.layout.data)
        return dense
    import awkward as ak

    array: np.ndarray[Any, Any] = ak.to_numpy(to_awkward(x), allow_missing=allow_missing)
    return array


def to_backend(x: Any, name: str, device: Any = None) -> Array:
    """The same array with its content on another backend, shared where the frameworks allow.

    >>> import ragged
    >>> ragged.backend(ragged.to_backend(ragged.Array([[1.0], []]), "numpy"))
    'numpy'
    """
    x = as_array(x)
    target = get_backend(name).configured(device)
    return Array._of(move(target, x.layout, x._backend), target, x._attrs, x._behavior)


def backend(*arrays: Any) -> str:
    """Name of the backend that an operation on these arrays runs on.

    Raises:
        BackendMismatchError: arrays of two frameworks.

    >>> import ragged
    >>> ragged.backend(ragged.Array([[1, 2], []]))
    'numpy'
    """
    return common_backend([operand(x)[1] for x in arrays]).base.name


def from_native(x: Any) -> Array:
    """An Array of a framework's own array or ragged array."""
    return Array(x)


def to_native(x: Any) -> Any:
    """The framework's own ragged type, or its dense array where nothing is ragged."""
    x = as_array(x)
    if isinstance(x.layout, Flat):
        return x.layout.data
    return x._backend.to_native(x.layout)
