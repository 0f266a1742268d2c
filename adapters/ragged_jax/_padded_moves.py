"""Gathers, joins and new shapes of arrays with slack."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import lax

from ragged._bounded import is_one, is_prefix, rest_of
from ragged_jax._kernels import upright as column
from ragged_jax._padded import data_of, expect_equal, fitted, padded
from ragged_jax._sizes import Size, capacity_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "concatenated",
    "gather",
    "in_rows",
    "multiplied",
    "numbered",
    "reshaped",
    "scatter_add",
    "spread",
    "width_of",
]


def width_of(rows: Any) -> int | None:
    """The length of all rows, of which there are no one knows how many: their elements are a matrix."""
    width = getattr(rows, "_longest", None)
    return width if type(width) is int and width > 0 and isinstance(rows.nrows, Size) else None


def in_rows(x: Any, nrows: int, width: int) -> Any:
    """The elements of rows of one length as a matrix, zero in the slack."""
    data = x.zeroed() if hasattr(x, "zeroed") else x
    return fitted(data, nrows * width).reshape(nrows, width, *data.shape[1:])


def spread(x: Any, ids: Any) -> Any:
    """`x[ids]` for ascending ids, anything of `x` for those beyond it: that needs no mask as large as the ids."""
    if not x.shape[0]:
        return jnp.zeros((ids.shape[0], *x.shape[1:]), x.dtype)
    if x.shape[0] == 1:
        return jnp.broadcast_to(x, (ids.shape[0], *x.shape[1:]))
    along = lax.GatherDimensionNumbers(tuple(range(1, x.ndim)), (0,), (0,))
    mode = lax.GatherScatterMode.CLIP
    return lax.gather(x, column(ids), along, (1, *x.shape[1:]), indices_are_sorted=True, mode=mode)


def gather(x: Any, index: Any, ascending: bool = False) -> Any:
    """`x[index]`, zero where the index is out of range; the transpose drops what is."""
    if not x.shape[0]:
        return jnp.zeros((index.shape[0], *x.shape[1:]), x.dtype)
    along = lax.GatherDimensionNumbers(tuple(range(1, x.ndim)), (0,), (0,))
    return lax.gather(
        x,
        column(index),
        along,
        (1, *x.shape[1:]),
        indices_are_sorted=ascending,
        mode=lax.GatherScatterMode.FILL_OR_DROP,
        fill_value=0,
    )


def scatter_add(start: Any, index: Any, x: Any, ascending: bool = False) -> Any:
    """`start` with the entries of `x` added where the index says; those out of range are dropped."""
    if not index.shape[0] or not start.shape[0]:
        return start
    along = lax.ScatterDimensionNumbers(tuple(range(1, x.ndim)), (0,), (0,))
    mode = lax.GatherScatterMode.FILL_OR_DROP
    return lax.scatter_add(start, column(index), x, along, indices_are_sorted=ascending, mode=mode)


def numbered(ends: Any, capacity: int) -> Any:
    """For each of `capacity` elements the number of its row, given where rows end; as many as there are rows beyond."""
    begun = jnp.zeros((capacity + 1,), "int32")
    begun = scatter_add(begun, jnp.minimum(ends, capacity), jnp.ones(ends.shape, "int32"), True)
    return jnp.cumsum(begun[:-1], dtype="int32")


def concatenated(arrays: Sequence[Any]) -> Any:
    """Arrays one after another, the slack of all behind."""
    first, *others = arrays
    data, n = (first.zeroed() if hasattr(first, "zeroed") else first), first.shape[0]
    for other in others:
        more = other.zeroed() if hasattr(other, "zeroed") else other
        total = n + other.shape[0]
        room = fitted(data, data.shape[0] + more.shape[0])
        if isinstance(n, Size):
            at = (value_of(n), *(0,) * (data.ndim - 1))
            data = lax.dynamic_update_slice(room, more, [jnp.asarray(i, "int32") for i in at])
        else:
            data = jnp.concatenate([data, more])
        n = total
    return padded(fitted(data, capacity_of(n)), (n, *first.shape[1:]), True)


def reshaped(x: Any, shape: Sequence[Any]) -> Any:
    """The same entries in another shape."""
    data, old = data_of(x), tuple(x.shape)
    new = tuple(shape)
    if -1 in new:
        new = tuple(rest_of(old, new) if type(size) is int and size == -1 else size for size in new)
    if len(old) == len(new) and all(a is b or a == b for a, b in zip(old, new, strict=True)):
        return x
    target = tuple(map(capacity_of, new))
    clean = getattr(x, "clean", True)
    if is_prefix(old) and is_prefix(new):
        flat = fitted(data.reshape(-1), math.prod(target))
        return padded(flat.reshape(target), new, clean)
    flat = fitted(gather(data.reshape(-1), _places(old, data.shape, new, target)), math.prod(target))
    return padded(flat.reshape(target), new)


def _places(old: tuple[Any, ...], capacities: tuple[int, ...], new: tuple[Any, ...], target: tuple[int, ...]) -> Any:
    """For each entry of the new data where it is in the old, anything out of range for slack."""
    place = lax.iota("int32", math.prod(target))
    at: Any = 0
    stride: Any = 1
    inside: Any = True
    for size, capacity in zip(reversed(new), reversed(target), strict=True):
        i = place % max(capacity, 1)
        inside = inside & (i < value_of(size))
        place, at, stride = place // max(capacity, 1), at + i * stride, stride * value_of(size)
    found: Any = 0
    step = 1
    for size, capacity in zip(reversed(old), reversed(capacities), strict=True):
        n = jnp.maximum(value_of(size), 1)
        found, at, step = found + (at % n) * step, at // n, step * capacity
    return jnp.where(inside, found, step)


def multiplied(x: Any, y: Any, matmul: Callable[[Any, Any], Any]) -> Any:
    """The matrix product, as NumPy has it."""
    datas = [each.zeroed() if hasattr(each, "zeroed") else jnp.asarray(each) for each in (x, y)]
    inner = (x.ndim - 1, max(y.ndim - 2, 0))
    met(x, y, datas, inner)
    outer: list[Any] = []
    for axis in range(-max(x.ndim, y.ndim), -2):
        axes = tuple(axis + each.ndim if each.ndim >= -axis and not is_one(each.shape[axis]) else -1 for each in (x, y))
        outer.append(met(x, y, datas, axes))
    shape = (*outer, *x.shape[-2:-1], *(y.shape[-1:] if y.ndim > 1 else ()))
    return padded(matmul(*datas), shape)


def met(x: Any, y: Any, datas: list[Any], axes: Sequence[int]) -> Any:
    """The length that two axes have together (-1: there is none): the program checks it, and the data have it."""
    sizes = {i: each.shape[axis] for i, (each, axis) in enumerate(zip((x, y), axes, strict=True)) if axis >= 0}
    if not any(isinstance(size, Size) for size in sizes.values()):
        return max(sizes.values(), default=1)
    expect_equal(*(tuple(sizes.values()) * 2)[:2])
    size = min(sizes.values(), key=lambda size: (isinstance(size, Size), capacity_of(size)))
    for i in sizes:
        datas[i] = fitted(datas[i], capacity_of(size), axes[i])
    return size
