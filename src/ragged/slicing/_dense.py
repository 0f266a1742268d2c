"""Ints, slices, None and Ellipsis on the axes of one dense array: views where the framework has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragged.errors import AxisError
from ragged.sizes import clipped
from ragged.slicing._axis import is_full
from ragged.slicing._entry import within

if TYPE_CHECKING:
    from ragged.backend import Backend

__all__ = ["basic", "index_dense"]


def basic(items: tuple[Any, ...]) -> bool:
    """Whether a dense array takes these items without an index array."""
    return all(item is None or item is Ellipsis or type(item) in (int, slice) for item in items)


def index_dense(b: Backend, data: Any, items: tuple[Any, ...], axis: int) -> Any:
    """`data` under basic items, the first of which is for `axis`; the axes before it stay.

    Raises:
        AxisError: more items than axes.
        OutOfRangeError: an int beyond its axis.
    """
    wanted = sum(type(item) in (int, slice) for item in items)
    if wanted > data.ndim - axis:
        raise AxisError(f"too many indices: {wanted} for the last {data.ndim - axis} axes of an array with {data.ndim}")
    for item in items:
        if item is Ellipsis:
            axis = data.ndim - wanted
        elif item is None:
            shape = b.shape(data)
            data = b.reshape(data, (*shape[:axis], 1, *shape[axis:]))
            axis += 1
        elif type(item) is int:
            data = drop_axis(b, data, axis, within(item, b.shape(data)[axis], f"axis {axis}"))
            wanted -= 1
        else:
            data = slice_axis(b, data, axis, item)
            axis += 1
            wanted -= 1
    return data


def to_front(b: Backend, data: Any, axis: int) -> Any:
    """The same array with `axis` first."""
    others = [each for each in range(data.ndim) if each != axis]
    return b.permute_dims(data, (axis, *others)) if axis else data


def drop_axis(b: Backend, data: Any, axis: int, i: Any) -> Any:
    """The entries at position `i` of `axis`, without that axis."""
    return b.entry(to_front(b, data, axis), i)


def slice_axis(b: Backend, data: Any, axis: int, key: slice) -> Any:
    """The entries of `axis` that a slice selects."""
    if is_full(key):
        return data
    start, stop, step, count = clipped(key, b.shape(data)[axis])
    data = to_front(b, data, axis)
    data = b.slice(data, start, stop, step) if step > 0 else b.take(data, b.home().arange(count) * step + start)
    order = list(range(1, data.ndim))
    return b.permute_dims(data, (*order[:axis], 0, *order[axis:])) if axis else data
