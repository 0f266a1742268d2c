"""`x[key]`: the key is planned without touching content, then each content is gathered once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ragged.array import Array
from ragged.nodes import Node, slice_node, take
from ragged.operands import move
from ragged.sizes import clipped, larger
from ragged.slicing._axis import from_front
from ragged.slicing._entry import entry, finish, project, within
from ragged.slicing._plan import plan
from ragged.slicing._select import select

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["getitem"]

PLAIN = (int, type(None))


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
    b, kind, behavior = array._backend, type(key), array._behavior
    attrs = array._attrs and dict(array._attrs)
    if kind is int:
        return entry(b, node, within(key, node.length), attrs, behavior)
    if kind is slice:
        if key.step is None and type(key.start) in PLAIN and type(key.stop) in PLAIN:
            n = node.length
            start, stop = key.indices(n)[:2] if type(n) is int else clipped(key, n)[:2]
            if stop - start != n:
                node = slice_node(b, node, start, larger(start, stop))
            return finish(b, node, attrs, behavior)
    elif kind is str:
        return finish(b, project(b, node, (key,)), attrs, behavior)
    elif kind is list and key and set(map(type, key)) == {int}:
        key = np.asarray(key)
        kind = np.ndarray
    if kind is np.ndarray and key.ndim == 1 and key.dtype.kind == "i":
        ops = b.home()
        index = from_front(ops, ops.asarray(key, np.int64), node.length, "this array")
        return Array._of(take(b, node, index), b, attrs, behavior)
    return by_plan(b, node, key, attrs, behavior)


def by_plan(b: Backend, node: Node, key: Any, attrs: Any, behavior: Any) -> Any:
    """`getitem` of any key at all."""
    planned = plan(b, key)
    if planned.backend is not b:
        node = move(planned.backend, node, b)
        b = planned.backend
    result, single = select(b, project(b, node, planned.fields), planned.items)
    if single:
        return entry(b, result, 0, attrs, behavior)
    return finish(b, result, attrs, behavior) if isinstance(result, Node) else result
