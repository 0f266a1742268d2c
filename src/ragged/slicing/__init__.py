"""`x[key]`: the key is planned without touching content, then each content is gathered once."""

from __future__ import annotations

from typing import Any

import numpy as np

from ragged.array import Array
from ragged.nodes import Node, slice_node
from ragged.operands import move
from ragged.slicing._entry import entry, finish, project, within
from ragged.slicing._plan import Indices, plain_slice, plan
from ragged.slicing._select import select

__all__ = ["getitem"]


def getitem(array: Array, key: Any) -> Any:
    """What `array[key]` is: an Array, a Record, the framework's own 0-d value, a `str` or `bytes`, or None.

    Args:
        key: an int, slice, Ellipsis, None (a new axis), field name or list of names; an array or list of booleans or
            integers, flat, n-dimensional or ragged, with or without missing values; or a tuple of these.

    Raises:
        OutOfRangeError: an integer beyond its list.
        StructureError: a ragged mask or index whose rows are not those of the array.
        FieldError: no such field.
        AxisError: more axes asked for than there are.
        DTypeError: a key that no array is indexed by.

    >>> import ragged
    >>> x = ragged.Array([[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    >>> x[:, ::-1]
    <Array [[3, 2, 1], [], [5, 4]] type='3 * var * float64'>
    >>> x[x > 2]
    <Array [[3], [], [4, 5]] type='3 * var * float64'>
    """
    node = array._node
    if node is None:
        node = array.layout
    b, kind = array._backend, type(key)
    if kind is int:
        return entry(b, node, within(key, node.length), array._attrs, array._behavior)
    if kind is slice:
        start, stop, step = plain_slice(key).indices(node.length)
        if step == 1:
            return finish(b, slice_node(b, node, start, max(start, stop)), array._attrs, array._behavior)
    elif kind is str:
        return finish(b, project(b, node, (key,)), array._attrs, array._behavior)
    elif kind is np.ndarray and key.ndim == 1 and key.dtype.kind == "i":
        ops = b.home()
        chosen, _ = select(b, node, (Indices(ops, ops.asarray(key, np.int64), key.shape),))
        return Array._of(chosen, b, array._attrs, array._behavior)
    planned = plan(b, key)
    if planned.backend is not b:
        node = move(planned.backend, node, b)
        b = planned.backend
    result, single = select(b, project(b, node, planned.fields), planned.items)
    if single:
        return entry(b, result, 0, array._attrs, array._behavior)
    return finish(b, result, array._attrs, array._behavior) if isinstance(result, Node) else result
