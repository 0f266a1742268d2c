"""Gathers, scatters, joins and new shapes of arrays with slack."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ragged._bounded import is_one, is_prefix, rest_of
from ragged.errors import UnsupportedError
from ragged_tensorflow import _kernels
from ragged_tensorflow._compat import variadic_sort
from ragged_tensorflow._index import Places
from ragged_tensorflow._xla_checks import WAY_OUT
from ragged_tensorflow._xla_padded import count, data_of, expect_equal, fitted, padded, zeroed
from ragged_tensorflow._xla_sizes import Bounded, capacity_of, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "argextremum",
    "argsorted",
    "concatenated",
    "cumulative",
    "gather",
    "in_rows",
    "multiplied",
    "numbered",
    "reshaped",
    "searched",
    "width_of",
]

BLOCK = 256


def width_of(rows: Any) -> int | None:
    """The length of all rows, of which there are no one knows how many: their elements are a matrix."""
    width = getattr(rows, "_longest", None)
    return width if type(width) is int and width > 0 and isinstance(rows.nrows, Bounded) else None


def in_rows(x: Any, nrows: int, width: int) -> Any:
    """The elements of rows of one length as a matrix, zero in the slack."""
    data = zeroed(x)
    return tf.reshape(fitted(data, nrows * width), [nrows, width, *data.shape[1:]])


def gather(x: Any, index: Any) -> Any:
    """`x[index]`, anything of `x` where the index is out of range; the derivative drops what is."""
    n = x.shape[0]
    if not n or not index.shape[0]:
        return tf.zeros([index.shape[0], *x.shape[1:]], x.dtype)
    if not x.dtype.is_floating and not x.dtype.is_complex:
        return tf.gather(x, index)
    return _kernels.gather(x, Places(index, n, False))


def numbered(ends: Any, capacity: int) -> Any:
    """For each of `capacity` elements the number of its row, given where rows end; as many as there are rows beyond."""
    ends = tf.minimum(ends, capacity)
    begun = tf.math.unsorted_segment_sum(tf.ones(ends.shape, tf.int32), ends, capacity + 1)
    return cumulative(begun[:-1])


def cumulative(x: Any) -> Any:
    """Running sums along axis 0; XLA takes a long one apart badly by itself."""
    n = x.shape[0]
    if n <= BLOCK:
        return tf.cumsum(x)
    blocks = -(-n // BLOCK)
    within = tf.cumsum(tf.reshape(fitted(x, blocks * BLOCK), [blocks, BLOCK, *x.shape[1:]]), 1)
    before = cumulative(fitted(tf.pad(within[:, -1], [[1, 0]] + [[0, 0]] * (len(x.shape) - 1)), blocks))
    return tf.reshape(within + before[:, None], [blocks * BLOCK, *x.shape[1:]])[:n]


def searched(x: Any, values: Any, side: str) -> Any:
    """Where each of `values` belongs in the sorted `x`, by halves. (XLA's own compares all with all.)"""
    n = x.shape[0]
    low = tf.zeros(values.shape, tf.int64)
    high = tf.fill(values.shape, tf.constant(n, tf.int64))
    for _ in range(n.bit_length()):
        middle = (low + high) // 2
        there = tf.gather(x, tf.minimum(middle, n - 1))
        before = (there < values if side == "left" else there <= values) & (low < high)
        low, high = tf.where(before, middle + 1, low), tf.where(before, high, middle)
    return low


def concatenated(arrays: Sequence[Any]) -> Any:
    """Arrays one after another, the slack of all behind."""
    first, *others = arrays
    data, n = zeroed(first), first.shape[0]
    for other in others:
        more = zeroed(other)
        total = n + other.shape[0]
        both = tf.concat([data, more], 0)
        if isinstance(n, Bounded):
            i = count(both.shape[0])
            both = gather(both, tf.where(i < n.value, i, i + (data.shape[0] - n.value)))
            both = tf.where(_upright(i < value_of(total), len(both.shape)), both, tf.zeros((), both.dtype))
        data, n = both, total
    return padded(fitted(data, capacity_of(n)), (n, *first.shape[1:]), True)


def _upright(mask: Any, ndim: int) -> Any:
    return tf.reshape(mask, [-1] + [1] * (ndim - 1))


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
    flat = tf.reshape(data, [-1])
    if is_prefix(old) and is_prefix(new):
        return padded(tf.reshape(fitted(flat, math.prod(target)), target), new, clean)
    found = gather(flat, _places(old, tuple(data.shape), new, target))
    return padded(tf.reshape(fitted(found, math.prod(target)), target), new)


def _places(old: tuple[Any, ...], capacities: tuple[int, ...], new: tuple[Any, ...], target: tuple[int, ...]) -> Any:
    """For each entry of the new data where it is in the old, anything out of range for slack."""
    place = count(math.prod(target))
    at: Any = 0
    stride: Any = 1
    inside: Any = tf.constant(True)
    for size, capacity in zip(reversed(new), reversed(target), strict=True):
        i = place % max(capacity, 1)
        inside = inside & (i < value_of(size))
        place, at, stride = place // max(capacity, 1), at + i * stride, stride * value_of(size)
    found: Any = 0
    step = 1
    for size, capacity in zip(reversed(old), reversed(capacities), strict=True):
        n = tf.maximum(tf.cast(value_of(size), tf.int64), 1)
        found, at, step = found + (at % n) * step, at // n, step * capacity
    return tf.where(inside, found, step)


def argsorted(x: Any, ids: Any, descending: bool) -> Any:
    """Stable order within each segment; NaN last (first, descending)."""
    if x.dtype.is_complex:
        raise UnsupportedError(f"XLA has no order of complex numbers; sort by a part of them, or {WAY_OUT}")
    if x.dtype.is_bool:
        x = tf.cast(x, tf.int32)
    if not x.shape[0]:
        return tf.zeros(0, tf.int64)

    def is_before(i: Any, j: Any, a: Any, b: Any, *_: Any) -> Any:
        less = a > b if descending else a < b
        if x.dtype.is_floating:
            first, last = (a, b) if descending else (b, a)
            less |= tf.math.is_nan(first) & ~tf.math.is_nan(last)
        return (i < j) | ((i == j) & less)

    place = tf.range(x.shape[0], dtype=tf.int32)
    return tf.cast(variadic_sort([ids, x, place], is_before)[2], tf.int64)


def argextremum(x: Any, ids: Any, n: int, largest: bool) -> Any:
    """Where each segment's first maximum (or minimum; NaN wins) is, anything in range where it is empty."""
    if x.dtype.is_bool:
        x = tf.cast(x, tf.int32)
    best = _kernels.segment_extremum(x, Places(ids, n, False), 0, largest)
    wins = x == gather(best, ids)
    if x.dtype.is_floating:
        wins |= tf.math.is_nan(x)
    last = max(x.shape[0] - 1, 0)
    first = tf.math.unsorted_segment_min(tf.where(wins, count(x.shape[0]), last), ids, n + 1)[:n]
    return tf.minimum(first, last)


def multiplied(x: Any, y: Any, matmul: Callable[[Any, Any], Any]) -> Any:
    """The matrix product, as NumPy has it."""
    datas = list(map(zeroed, (x, y)))
    met(x, y, datas, (x.ndim - 1, max(y.ndim - 2, 0)))
    outer: list[Any] = []
    for axis in range(-max(x.ndim, y.ndim), -2):
        axes = tuple(axis + each.ndim if each.ndim >= -axis and not is_one(each.shape[axis]) else -1 for each in (x, y))
        outer.append(met(x, y, datas, axes))
    shape = (*outer, *x.shape[-2:-1], *(y.shape[-1:] if y.ndim > 1 else ()))
    return padded(matmul(*datas), shape)


def met(x: Any, y: Any, datas: list[Any], axes: Sequence[int]) -> Any:
    """The length that two axes have together (-1: there is none): the program checks it, and the data have it."""
    sizes = {i: each.shape[axis] for i, (each, axis) in enumerate(zip((x, y), axes, strict=True)) if axis >= 0}
    if not any(isinstance(size, Bounded) for size in sizes.values()):
        return max(sizes.values(), default=1)
    expect_equal(*(tuple(sizes.values()) * 2)[:2])
    size = min(sizes.values(), key=lambda size: (isinstance(size, Bounded), capacity_of(size)))
    for i in sizes:
        datas[i] = fitted(datas[i], capacity_of(size), axes[i])
    return size
